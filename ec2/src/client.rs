//! How the EC2 API is reached: credentials from the environment and profiles as for every AWS tool, TLS by rustls with ring.

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_smithy_http_client::{Builder, tls};
use std::time::Duration;

/// A page of instance types is a few hundred kilobytes; an attempt that takes longer than this hangs.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);

/// What all clients share.
pub(crate) fn loader() -> ConfigLoader {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
        .http_client(http)
}

/// A client for one region; `endpoint` replaces EC2's own.
pub(crate) async fn client(region: &str, endpoint: Option<&str>) -> aws_sdk_ec2::Client {
    let shared = loader().region(Region::new(region.to_owned()));
    let shared = if let Some(url) = endpoint { shared.endpoint_url(url) } else { shared };
    aws_sdk_ec2::Client::new(&shared.load().await)
}
