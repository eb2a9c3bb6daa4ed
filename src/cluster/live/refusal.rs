//! What the client says went wrong, as the engine understands it.

use crate::cluster::Refusal;
use kube::core::Status;
use std::future::Future;
use std::time::Duration;

/// A call that has not been answered by then is given up; whether it was carried out is unknown.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a call's answer.
pub async fn ask<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Refusal> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer.map_err(|error| refusal(&error)),
        Err(_) => Err(Refusal::Unknown),
    }
}

/// Why the call failed.
pub fn refusal(error: &kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => of_status(status),
        kube::Error::BuildRequest(error) => Refusal::Invalid(error.to_string()),
        _ => Refusal::Unknown,
    }
}

fn of_status(status: &Status) -> Refusal {
    let about_uid = status.details.iter().flat_map(|details| &details.causes).any(|cause| cause.field == "metadata.uid");
    match status.code {
        404 | 410 => Refusal::NotFound,
        409 if status.reason == "AlreadyExists" => Refusal::Exists,
        // The object of that name has another uid: the one that was meant is gone.
        409 if ["UID in precondition", "UID in the precondition"].iter().any(|text| status.message.contains(text)) => {
            Refusal::NotFound
        }
        409 => Refusal::Conflict,
        422 if about_uid => Refusal::NotFound,
        429 => Refusal::NotNow,
        400 | 403 | 405 | 406 | 413 | 415 | 422 => Refusal::Invalid(status.message.clone()),
        // 401 is a token that is being renewed; what is left are failures of the server, after which nobody knows.
        _ => Refusal::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use crate::cluster::Refusal;
    use kube::core::Status;

    fn of(code: u16, reason: &str, message: &str) -> Refusal {
        let status = Status { code, reason: reason.into(), message: message.into(), ..Status::default() };
        refusal(&kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn each_answer_has_its_meaning() {
        assert_eq!(of(404, "NotFound", ""), Refusal::NotFound);
        assert_eq!(of(409, "AlreadyExists", ""), Refusal::Exists);
        assert_eq!(of(409, "Conflict", "the object has been modified"), Refusal::Conflict);
        assert_eq!(of(409, "Conflict", "Precondition failed: UID in precondition: a, UID in object meta: b"), Refusal::NotFound);
        assert_eq!(
            of(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."),
            Refusal::NotNow
        );
        assert_eq!(of(422, "Invalid", "spec.x: bad"), Refusal::Invalid("spec.x: bad".into()));
        assert_eq!(of(403, "Forbidden", "no"), Refusal::Invalid("no".into()));
        for code in [401, 500, 502, 503, 504] {
            assert_eq!(of(code, "", ""), Refusal::Unknown, "{code}");
        }
    }

    #[test]
    fn a_changed_uid_means_that_the_object_is_gone() {
        let details = serde_json::json!({"causes": [{"field": "metadata.uid", "message": "field is immutable"}]});
        let status = Status { code: 422, details: serde_json::from_value(details).unwrap(), ..Status::default() };
        assert_eq!(refusal(&kube::Error::Api(Box::new(status))), Refusal::NotFound);
    }

    #[test]
    fn a_broken_connection_leaves_the_outcome_open() {
        assert_eq!(refusal(&kube::Error::Service("connection reset".into())), Refusal::Unknown);
    }
}
