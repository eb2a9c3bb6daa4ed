//! The endpoint of tests/ec2 with an account for a cluster, and what a test sets and asks there.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use windlass::cloud::aws::{Access, Aws, Settings};

/// The cluster whose account it is: network, role and EKS cluster are found under this name.
pub(crate) const CLUSTER: &str = "windlass-test";
/// Where.
pub(crate) const REGION: &str = "us-west-2";

/// A server; it stops when its standard input closes, which a dying test does too.
struct Server {
    process: Child,
    url: String,
}

/// Takes seconds to start.
static SHARED: LazyLock<Mutex<Server>> = LazyLock::new(|| Mutex::new(Server::start()));
/// Clusters that have used it.
static CLUSTERS: AtomicU32 = AtomicU32::new(0);

enum Kept {
    Shared(MutexGuard<'static, Server>),
    Own(Server),
}

/// A server as one test sees it: settings, calls and the cluster are its own.
pub(crate) struct Endpoint {
    server: Kept,
    cluster: String,
}

impl Server {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ec2/serve.sh");
        let mut command = Command::new(script);
        command.args(["--cluster", CLUSTER, "--region", REGION]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "tests/ec2/serve.sh printed no URL: see its messages above");
        Self { process, url: url.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Endpoint {
    /// The server that tests take turns on. Instances, templates and profiles of others are there, and none of this cluster; EKS does not
    /// know it.
    pub(crate) fn start() -> Self {
        let server = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = format!("{CLUSTER}-{}", CLUSTERS.fetch_add(1, Ordering::Relaxed));
        let endpoint = Self { server: Kept::Shared(server), cluster };
        endpoint.forget();
        endpoint
    }

    /// A server of its own, with the cluster that EKS knows.
    pub(crate) fn alone() -> Self {
        Self { server: Kept::Own(Server::start()), cluster: CLUSTER.to_owned() }
    }

    fn url(&self) -> &str {
        match &self.server {
            Kept::Shared(server) => &server.url,
            Kept::Own(server) => &server.url,
        }
    }

    /// The cluster.
    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// A new controller's cloud, which remembers nothing.
    pub(crate) async fn cloud(&self) -> Aws {
        Aws::connect(&self.settings()).await.unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        let keys = Some(("test".to_owned(), "test".to_owned()));
        let access = Access { region: Some(REGION.to_owned()), endpoint: Some(self.url().to_owned()), keys };
        let settings = Settings { cluster: self.cluster.clone(), access, ..Settings::default() };
        let given = |text: &str| matches!(self.server, Kept::Shared(_)).then(|| text.to_owned());
        Settings {
            cluster_endpoint: given("https://127.0.0.1:6443"),
            certificate_authority: given("bm9uZQ=="),
            service_cidr: given("10.100.0.0/16"),
            kubernetes_version: given("1.37"),
            ..settings
        }
    }

    /// Changes what the market does.
    pub(crate) fn set(&self, settings: Value) {
        self.ask("POST", &settings.to_string());
    }

    /// How often each action was called since the last [`Endpoint::forget`].
    pub(crate) fn calls(&self) -> Value {
        self.ask("GET", "")["calls"].clone()
    }

    /// How often one action was called.
    pub(crate) fn count(&self, action: &str) -> u64 {
        self.calls()[action].as_u64().unwrap_or(0)
    }

    /// Forgets settings and calls.
    pub(crate) fn forget(&self) {
        self.ask("DELETE", "");
    }

    /// What EC2 says of an instance, with its user data, what an image of its family would make of that, and its volumes.
    pub(crate) fn instance(&self, id: &str) -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join("tests/ec2/python.sh"));
        command.arg(root.join("tests/cloud/instance.py")).args([self.url(), REGION, id]);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "instance.py failed: see its messages above");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// One request for tests, answered in JSON. The server closes the connection after an answer.
    fn ask(&self, method: &str, body: &str) -> Value {
        let host = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(stream, "{method} /_market HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().next().unwrap().contains(" 200 "), "{answer}");
        serde_json::from_str(body).unwrap()
    }
}
