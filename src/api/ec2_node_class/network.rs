//! Network interfaces, the metadata service, connection tracking and CPU options.

use super::super::rule::rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The instance metadata service (IMDS).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MetadataOptions {
    /// Whether it answers at all.
    pub http_endpoint: Switch,
    /// Whether it answers on IPv6.
    #[serde(rename = "httpProtocolIPv6")]
    pub http_protocol_ipv6: Switch,
    /// How many network hops an answer may take, 1 to 64; containers without host network need 2.
    #[schemars(range(min = 1, max = 64))]
    pub http_put_response_hop_limit: i64,
    /// Whether session tokens (IMDSv2) are needed.
    pub http_tokens: Tokens,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            http_endpoint: Switch::Enabled,
            http_protocol_ipv6: Switch::Disabled,
            http_put_response_hop_limit: 1,
            http_tokens: Tokens::Required,
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    Enabled,
    /// Off.
    Disabled,
}

/// Whether session tokens are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tokens {
    /// Only IMDSv2.
    Required,
    /// IMDSv1 too.
    Optional,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterface {
    /// Network card it is attached to.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub network_card_index: u32,
    /// Device on the card.
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub device_index: u32,
    /// What it carries.
    pub interface_type: InterfaceType,
}

/// What a network interface carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceType {
    /// IP traffic.
    Interface,
    /// Elastic Fabric Adapter traffic only.
    EfaOnly,
}

pub(super) fn interface_rules() -> [Value; 3] {
    [
        rule(
            "self.size() == 0 || self.exists(x, x.deviceIndex == 0 && x.networkCardIndex == 0 && x.interfaceType == 'interface')",
            "networkInterfaces must include a primary interface with interfaceType='interface'",
        ),
        rule(
            "self.all(x, self.exists_one(y, x.networkCardIndex == y.networkCardIndex && x.deviceIndex == y.deviceIndex))",
            "networkInterfaces must not have duplicate networkCardIndex and deviceIndex pairs",
        ),
        rule(
            "self.all(x, x.interfaceType != 'efa-only' || \
             self.exists_one(y, x.networkCardIndex == y.networkCardIndex && y.interfaceType == 'efa-only'))",
            "networkInterfaces can have at most one efa device per network card",
        ),
    ]
}

/// Idle timeouts of tracked connections, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.tcpEstablishedTimeout) || has(self.udpStreamTimeout) || has(self.udpTimeout)",
         "at least one of tcpEstablishedTimeout, udpStreamTimeout, or udpTimeout must be set"),
]))]
pub struct ConnectionTracking {
    /// Established TCP connections, 60 to 432000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 432_000))]
    pub tcp_established_timeout: Option<u32>,
    /// UDP flows with several requests, 60 to 180.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 180))]
    pub udp_stream_timeout: Option<u32>,
    /// UDP flows with one request, 30 to 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 30, max = 60))]
    pub udp_timeout: Option<u32>,
}

/// Options of the CPU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuOptions {
    /// Whether virtual machines can run on the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested_virtualization: Option<Switch>,
}
