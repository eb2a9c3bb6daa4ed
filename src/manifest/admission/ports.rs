//! Container ports: only those on the host decide, and each can be taken once.

use crate::manifest::field::Finding;
use k8s_openapi::api::core::v1::PodSpec;
use std::collections::BTreeSet;

pub(super) fn check(spec: &PodSpec, path: &str, found: &mut Vec<Finding>) {
    let on_host = spec.host_network == Some(true);
    let mut taken = BTreeSet::new();
    for (container, index) in spec.containers.iter().zip(0..) {
        for (port, number) in container.ports.iter().flatten().zip(0..) {
            let at = format!("{path}.containers[{index}].ports[{number}]");
            if !(1..=65_535).contains(&port.container_port) {
                found.push(Finding::error(format!("{at}.containerPort"), out_of_range(port.container_port)));
            }
            let protocol = port.protocol.as_deref().filter(|text| !text.is_empty()).unwrap_or("TCP");
            if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
                found.push(Finding::error(format!("{at}.protocol"), format!("{protocol:?} is none of TCP, UDP, SCTP")));
            }
            let ip = port.host_ip.as_deref().unwrap_or_default();
            if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
                found.push(Finding::error(format!("{at}.hostIP"), format!("{ip:?} is no IP address")));
            }
            let Some(host_port) = port.host_port.filter(|port| *port != 0) else { continue };
            if !(1..=65_535).contains(&host_port) {
                found.push(Finding::error(format!("{at}.hostPort"), out_of_range(host_port)));
            }
            if on_host && host_port != port.container_port {
                found.push(Finding::error(format!("{at}.hostPort"), "must equal containerPort where hostNetwork is true"));
            }
            if !taken.insert((host_port, protocol, ip)) {
                found
                    .push(Finding::error(format!("{at}.hostPort"), format!("{host_port}/{protocol} is taken twice by this pod")));
            }
        }
    }
}

fn out_of_range(port: i32) -> String {
    format!("{port} is no port; expected 1 to 65535")
}
