//! Failures of calls as the engine knows them.

use crate::cloud::CloudError;
use windlass_ec2::{CallError, Fault};

/// What a failure means to the engine.
pub(super) fn read(error: &CallError) -> CloudError {
    match error.fault {
        Fault::Throttled => CloudError::Throttled,
        Fault::Lost => CloudError::Unknown(error.to_string()),
        Fault::TokenMismatch => CloudError::TokenMismatch,
        Fault::NotFound | Fault::Exists | Fault::Refused => CloudError::Refused(error.to_string()),
    }
}

/// What a failure means while a class is resolved: text for a condition, if trying again would not help by itself.
pub(super) fn condition(error: &CallError) -> Result<String, CloudError> {
    match read(error) {
        CloudError::Refused(message) => Ok(message),
        other => Err(other),
    }
}
