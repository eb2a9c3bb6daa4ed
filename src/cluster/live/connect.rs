//! The client for the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;
use std::time::Duration;

/// A connection to the API server is there by then, or will not come.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection on which nothing has come for so long since something was asked is dead. Longer than any watch is silent: the server ends it
/// after 25 s. Without it a list or the beginning of a watch on a connection that a middlebox has forgotten would be waited for in vain.
const SILENCE: Duration = Duration::from_secs(35);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// There is neither a kubeconfig nor a service account.
    #[error("there is neither a kubeconfig nor the service account of a pod; give --kubeconfig")]
    Nothing(#[source] kube::config::InferConfigError),
    /// The client cannot be made: most likely its certificates or credentials are at fault.
    #[error("the client for the API server cannot be made")]
    Client(#[source] kube::Error),
}

/// A client by this kubeconfig; else by that of the environment, or by the service account of the pod this runs in.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ConnectError> {
    let mut config = match kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(ConnectError::Kubeconfig)?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(read, &options).await.map_err(ConnectError::Kubeconfig)?
        }
        None => Config::infer().await.map_err(ConnectError::Nothing)?,
    };
    // The engine decides when a call is made again; an eviction that a budget forbids must not be repeated below it.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT);
    (config.read_timeout, config.reset_reader_on_write) = (Some(SILENCE), true);
    Client::try_from(config).map_err(ConnectError::Client)
}
