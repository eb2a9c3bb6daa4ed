//! Lists in pages and answers that break off, from a server that says what EC2 rarely says.

use crate::endpoint::{CLUSTER, REGION};
use std::io::{Read, Write};
use std::net::TcpListener;
use windlass::cloud::aws::{Access, Aws, Settings};
use windlass::cloud::{Cloud, CloudError};

/// A cloud whose API gives these answers, each on a connection of its own, and the thread that returns the requests' bodies.
async fn answering(answers: Vec<String>) -> (Aws, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || answers.iter().map(|answer| serve(&listener, answer)).collect());
    let keys = Some(("test".to_owned(), "test".to_owned()));
    let given = |text: &str| Some(text.to_owned());
    let settings = Settings {
        cluster: CLUSTER.to_owned(),
        access: Access { region: given(REGION), endpoint, keys },
        cluster_endpoint: given("https://example.com"),
        certificate_authority: given("Y2E="),
        service_cidr: given("10.0.0.0/16"),
        kubernetes_version: given("1.37"),
    };
    (Aws::connect(&settings).await.unwrap(), server)
}

fn serve(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.unwrap().parse().unwrap() {
                stream.write_all(answer.as_bytes()).unwrap();
                return body.to_owned();
            }
        }
        assert!(read > 0, "the request broke off: {text}");
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// A page with one instance in one zone.
fn page(id: &str, more: &str) -> String {
    ok(&format!(
        "<?xml version=\"1.0\"?><DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><reservationSet><item>\
         <instancesSet><item><instanceId>{id}</instanceId><instanceType>m5.large</instanceType><imageId>ami-1</imageId>\
         <instanceState><code>16</code><name>running</name></instanceState><placement><availabilityZone>us-west-2a</availabilityZone>\
         </placement><instanceLifecycle>spot</instanceLifecycle></item></instancesSet></item></reservationSet>{more}\
         </DescribeInstancesResponse>"
    ))
}

#[tokio::test]
async fn every_page_is_asked_for() {
    let (cloud, server) = answering(vec![page("i-1", "<nextToken>more</nextToken>"), page("i-2", "<nextToken/>")]).await;
    let listed = cloud.describe().await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    let requests = server.join().unwrap();
    assert!(!requests[0].contains("NextToken") && requests[1].contains("NextToken=more"), "{requests:?}");
    let tag = "Filter.1.Name=tag%3Akubernetes.io%2Fcluster%2Fwindlass-test&Filter.1.Value.1=owned";
    assert!(requests.iter().all(|request| request.contains(tag)), "{requests:?}");
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let broken =
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<DescribeInstancesResponse>".to_owned();
    let (cloud, server) = answering(vec![page("i-1", "<nextToken>more</nextToken>"), broken]).await;
    assert!(matches!(cloud.describe().await, Err(CloudError::Unknown(_))));
    server.join().unwrap();
    // Nobody listens any more.
    assert!(matches!(cloud.describe().await, Err(CloudError::Unknown(_))));
}
