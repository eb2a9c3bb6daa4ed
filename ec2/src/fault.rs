//! What went wrong with a call, sorted by what it means for whoever asked.

use crate::Action;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Too many calls; nothing was done.
    Throttled,
    /// No answer, or none that says whether it was done.
    Lost,
    /// What the call is about does not exist.
    NotFound,
    /// What was to be made exists.
    Exists,
    /// The client token was used with other parameters before.
    TokenMismatch,
    /// Not valid or not allowed; nothing was done.
    Refused,
}

/// A call that failed. It was made once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} failed: {why}")]
pub struct CallError {
    /// The call.
    pub action: Action,
    /// What it means.
    pub fault: Fault,
    /// What AWS or the connection says, with its causes, on one line.
    pub why: String,
}

/// Codes of AWS services that say that there were too many calls. Source: the SDKs' standard retry mode, and EC2's error codes.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

impl CallError {
    pub(crate) fn new<E: ProvideErrorMetadata + Error + 'static>(action: Action, error: &SdkError<E>) -> Self {
        let (fault, why) = match error {
            SdkError::ServiceError(answer) => {
                let (code, message) = (answer.err().code().unwrap_or_default(), answer.err().message().unwrap_or_default());
                (of_code(code, answer.raw().status().as_u16()), [code, message].join(": "))
            }
            SdkError::ConstructionFailure(_) => (Fault::Refused, causes(error)),
            // Credentials are looked for before anything is sent.
            SdkError::DispatchFailure(_) if is_caused_by_credentials(error) => (Fault::Refused, causes(error)),
            _ => (Fault::Lost, causes(error)),
        };
        Self { action, fault, why }
    }
}

/// What a service's answer means.
fn of_code(code: &str, status: u16) -> Fault {
    if THROTTLED.contains(&code) {
        Fault::Throttled
    } else if code == "IdempotentParameterMismatch" {
        Fault::TokenMismatch
    } else if code.contains("NotFound") || ["NoSuchEntity", "ResourceNotFoundException"].contains(&code) {
        Fault::NotFound
    } else if code.contains("AlreadyExists") {
        Fault::Exists
    } else if status >= 500 || code.is_empty() {
        Fault::Lost
    } else {
        Fault::Refused
    }
}

fn is_caused_by_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error and its causes, separated by colons; the SDK's own text is often only "service error".
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Fault, of_code};

    #[test]
    fn codes_mean_what_the_caller_can_do() {
        for (code, status, fault) in [
            ("RequestLimitExceeded", 503, Fault::Throttled),
            ("ThrottlingException", 400, Fault::Throttled),
            ("Throttling", 400, Fault::Throttled),
            ("IdempotentParameterMismatch", 400, Fault::TokenMismatch),
            ("InvalidInstanceID.NotFound", 400, Fault::NotFound),
            ("InvalidLaunchTemplateName.NotFoundException", 400, Fault::NotFound),
            ("ParameterNotFound", 400, Fault::NotFound),
            ("NoSuchEntity", 404, Fault::NotFound),
            ("InvalidLaunchTemplateName.AlreadyExistsException", 400, Fault::Exists),
            ("EntityAlreadyExists", 409, Fault::Exists),
            ("InternalError", 500, Fault::Lost),
            ("Unavailable", 503, Fault::Lost),
            ("", 502, Fault::Lost),
            ("UnauthorizedOperation", 403, Fault::Refused),
            ("InvalidParameterValue", 400, Fault::Refused),
        ] {
            assert_eq!(of_code(code, status), fault, "{code}");
        }
    }
}
