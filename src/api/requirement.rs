//! Requirements of pools on the labels of their nodes.

use super::rule::{rule, rule_at};
use super::taint::QUALIFIED_NAME;
use crate::api::label;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The grammar of label values.
pub(crate) const LABEL_VALUE: &str = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";

/// What a node's label must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = requirement_rules()))]
pub struct Requirement {
    /// Label the requirement is about.
    #[schemars(length(max = 316), regex(pattern = QUALIFIED_NAME), extend("x-kubernetes-validations" = key_rules()))]
    pub key: String,
    /// How the label relates to the values.
    pub operator: Operator,
    /// Values: at least one for `In` and `NotIn`, none for `Exists` and `DoesNotExist`, one non-negative integer for `Gt`, `Lt`,
    /// `Gte` and `Lte`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(max = 63), regex(pattern = LABEL_VALUE)), extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
    /// How many different values of this label the instance types of a launch must cover at least, 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub min_values: Option<u32>,
}

/// How a label relates to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Operator {
    /// The label is one of the values.
    In,
    /// The label is none of the values, or missing.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is missing.
    DoesNotExist,
    /// The label is a greater integer.
    Gt,
    /// The label is a smaller integer.
    Lt,
    /// The label is a greater or the same integer.
    Gte,
    /// The label is a smaller or the same integer.
    Lte,
}

/// The rules between operator, values and minValues.
fn requirement_rules() -> [Value; 4] {
    [
        rule_at(
            ".values",
            "self.operator != 'In' || (has(self.values) && self.values.size() > 0)",
            "requirements with operator 'In' must have a value defined",
        ),
        rule_at(
            ".values",
            "!(self.operator in ['Gt', 'Lt', 'Gte', 'Lte']) || (has(self.values) && self.values.size() == 1 && \
             self.values[0].matches('^[0-9]{1,18}$'))",
            "requirements operator 'Gt', 'Lt', 'Gte', or 'Lte' must have a single non-negative integer value",
        ),
        rule_at(
            ".minValues",
            "self.operator != 'In' || !has(self.minValues) || (has(self.values) && self.values.size() >= self.minValues)",
            "requirements with 'minValues' must have at least that many values specified in the 'values' field",
        ),
        rule_at(
            ".values",
            "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || self.values.size() == 0",
            "requirements with operator 'Exists' or 'DoesNotExist' must not have values",
        ),
    ]
}

/// The rules of keys in requirements of NodePools and NodeClaims alike.
fn key_rules() -> Vec<Value> {
    let mut rules: Vec<Value> =
        restricted_domains().map(|(domain, free, message)| rule(unless_restricted("self", domain, &free), &message)).collect();
    rules.push(rule("self != 'kubernetes.io/hostname'", "label \"kubernetes.io/hostname\" is restricted"));
    rules
}

/// The rules of the keys of a map of labels for nodes of a NodePool.
pub(super) fn label_map_rules() -> Vec<Value> {
    let mut rules: Vec<Value> = restricted_domains()
        .map(|(domain, free, message)| rule(format!("self.all(x, {})", unless_restricted("x", domain, &free)), &message))
        .collect();
    for key in [label::NODE_POOL, label::HOSTNAME] {
        rules.push(rule(format!("self.all(x, x != '{key}')"), &format!("label \"{key}\" is restricted")));
    }
    rules.push(rule(
        format!("self.all(x, x.size() <= 316 && x.matches('{}'))", QUALIFIED_NAME.replace('\\', r"\\")),
        "label keys must be qualified names: an optional DNS prefix and '/', then letters, digits, '-', '_' or '.'",
    ));
    rules
}

/// The domains that are ours, the keys in them that may be used all the same, and the message.
fn restricted_domains() -> impl Iterator<Item = (&'static str, Vec<&'static str>, String)> {
    [label::CORE_GROUP, label::AWS_GROUP].into_iter().map(|domain| {
        let free = label::WELL_KNOWN.iter().copied().filter(|key| label::is_within(key, domain)).collect();
        (domain, free, format!("label domain \"{domain}\" is restricted"))
    })
}

/// CEL that holds if `variable` is outside of `domain` or one of the free keys.
fn unless_restricted(variable: &str, domain: &str, free: &[&str]) -> String {
    let quoted: Vec<String> = free.iter().map(|key| format!("'{key}'")).collect();
    format!("{variable} in [{}] || !{variable}.matches('^([^/]+[.])?{}/')", quoted.join(", "), domain.replace('.', "[.]"))
}
