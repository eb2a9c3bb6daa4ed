//! The endpoint of tests/ec2 with an account for a cluster, and what a test sets and asks there.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use windlass::cloud::aws::{Access, Aws, Settings};

/// The cluster whose account it is.
pub(crate) const CLUSTER: &str = "windlass-test";
/// Where.
pub(crate) const REGION: &str = "us-west-2";

/// The server; it stops when its standard input closes, which a dying test does too.
pub(crate) struct Endpoint {
    server: Child,
    url: String,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ec2/serve.sh");
        let mut command = Command::new(script);
        command.args(["--cluster", CLUSTER, "--region", REGION]);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "tests/ec2/serve.sh printed no URL: see its messages above");
        Self { server, url: url.trim().to_owned() }
    }

    /// A new controller's cloud, which remembers nothing.
    pub(crate) async fn cloud(&self) -> Aws {
        Aws::connect(&self.settings()).await.unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        let keys = Some(("test".to_owned(), "test".to_owned()));
        let access = Access { region: Some(REGION.to_owned()), endpoint: Some(self.url.clone()), keys };
        Settings { cluster: CLUSTER.to_owned(), access, ..Settings::default() }
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
        command.arg(root.join("tests/cloud/instance.py")).args([&self.url, REGION, id]);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "instance.py failed: see its messages above");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// One request for tests, answered in JSON. The server closes the connection after an answer.
    fn ask(&self, method: &str, body: &str) -> Value {
        let host = self.url.strip_prefix("http://").unwrap();
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

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}
