//! `windlass catalog build` against an EC2 API that serves real descriptions (tests/ec2): the embedded catalogues are what it builds.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The API; it stops when its standard input closes, which a dying test does too.
struct Endpoint {
    server: Child,
    url: String,
}

impl Endpoint {
    fn start() -> Self {
        let script = repository("tests/ec2/serve.sh");
        let mut server = std::process::Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "tests/ec2/serve.sh printed no URL: see its messages above");
        Self { server, url: url.trim().to_owned() }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// Exit code and standard error of a build with the repository's tables, or others.
fn build(region: &str, url: &str, on_demand: &Path, out: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.args(["catalog", "build", "--region", region, "--endpoint-url", url, "--out"]).arg(out);
    command.arg("--on-demand").arg(on_demand);
    command.arg("--spot-advisor").arg(repository("src/catalog/prices/spot-advisor.csv"));
    command.arg("--branch-interfaces").arg(repository("src/catalog/limits/branch-interfaces.csv"));
    // Credentials that mean nothing, and no other source of them.
    command.envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_EC2_METADATA_DISABLED", "true")]);
    command.envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"), ("NO_COLOR", "1")]);
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn prices() -> PathBuf {
    repository("src/catalog/prices/on-demand.csv")
}

#[test]
fn the_embedded_catalogues_are_what_the_build_makes() {
    let endpoint = Endpoint::start();
    let folder = tempfile::tempdir().unwrap();
    for region in ["us-east-1", "us-west-2"] {
        let name = format!("{region}.json.gz");
        let out = folder.path().join(&name);
        let (code, err) = build(region, &endpoint.url, &prices(), &out);
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("types have no price and are never chosen: "), "{err}");
        let embedded = repository(&format!("src/catalog/embedded/{name}"));
        assert!(
            std::fs::read(&out).unwrap() == std::fs::read(&embedded).unwrap(),
            "{region}: the build differs from {}; if that is meant, replace it",
            embedded.display()
        );
    }
    let (code, err) = build("mars-1", &endpoint.url, &prices(), &folder.path().join("mars.json"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("mars-1"), "{err}");
    assert!(!folder.path().join("mars.json").exists());
}

#[test]
fn an_endpoint_that_nobody_serves_is_named() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("c.json");
    let (code, err) = build("us-west-2", &url, &prices(), &out);
    assert_eq!(code, 2);
    assert!(err.contains(&format!("cannot describe the instance types of us-west-2 at {url}")), "{err}");
    assert!(err.contains("because: DescribeAvailabilityZones failed: "), "{err}");
    assert!(!out.exists());
}

#[test]
fn a_bad_table_is_refused_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("prices.csv");
    std::fs::write(&table, "instance_type,usd_per_hour\nm5.large,0.096\nm5.xlarge,free\n").unwrap();
    let (code, err) = build("us-west-2", "http://127.0.0.1:1", &table, &folder.path().join("c.json"));
    assert_eq!(code, 2);
    assert!(err.contains("prices.csv:3: usd_per_hour is \"free\""), "{err}");
    let (code, err) = build("us-west-2", "http://127.0.0.1:1", Path::new("no/such.csv"), &folder.path().join("c.json"));
    assert_eq!(code, 2);
    assert!(err.contains("cannot read no/such.csv"), "{err}");
}
