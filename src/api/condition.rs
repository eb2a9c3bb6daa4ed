//! Status conditions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One aspect of an object's state.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which aspect, such as `Ready`.
    #[serde(rename = "type")]
    #[schemars(length(max = 316))]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When the status last changed, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// Why, as one word in CamelCase.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// Why, for people.
    #[serde(default)]
    #[schemars(length(max = 32768))]
    pub message: String,
    /// The generation of the object this was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows yet.
    Unknown,
}

/// The status of the condition of that type, if it has been set.
pub fn status(conditions: &[Condition], type_: &str) -> Option<ConditionStatus> {
    conditions.iter().find(|condition| condition.type_ == type_).map(|condition| condition.status)
}

/// Sets a condition. The time of transition changes only with the status; an unchanged condition is left as it is.
pub fn set(conditions: &mut Vec<Condition>, type_: &str, status: ConditionStatus, why: (&str, &str), now: &str) {
    let (reason, message) = (why.0.to_owned(), why.1.to_owned());
    match conditions.iter_mut().find(|condition| condition.type_ == type_) {
        Some(known) => {
            if known.status != status {
                now.clone_into(&mut known.last_transition_time);
            }
            (known.status, known.reason, known.message) = (status, reason, message);
        }
        None => conditions.push(Condition {
            type_: type_.to_owned(),
            status,
            last_transition_time: now.to_owned(),
            reason,
            message,
            observed_generation: None,
        }),
    }
}
