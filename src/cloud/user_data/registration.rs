//! Labels and taints that the kubelet registers the node with.

use super::{Bootstrap, UserDataError};
use crate::api::label;
use windlass_solver::{Labels, Taint};

/// The labels. The kubelet refuses to start with most labels of Kubernetes' own domains; those are put on the node once it has joined. The
/// taints are not written again then: what removes a startup taint may be faster than we are.
pub(super) fn labels(bootstrap: &Bootstrap<'_>) -> Result<Labels, UserDataError> {
    let mut labels = bootstrap.labels.clone();
    labels.retain(|key, _| !label::is_within(key, "kubernetes.io") && !label::is_within(key, "k8s.io"));
    labels.insert(label::DO_NOT_SYNC_TAINTS.into(), "true".into());
    for (key, value) in &labels {
        check(key)?;
        check(value)?;
    }
    Ok(labels)
}

/// The taints.
pub(super) fn taints<'a>(bootstrap: &Bootstrap<'a>) -> Result<&'a [Taint], UserDataError> {
    for taint in bootstrap.taints {
        check(&taint.key)?;
        check(&taint.value)?;
    }
    Ok(bootstrap.taints)
}

/// `a=b,c=d`, as `--node-labels` takes it.
pub(super) fn label_list(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// Keys and values of labels and taints are made of these letters; anything else could change the meaning of a command line.
fn check(text: &str) -> Result<(), UserDataError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if is_plain { Ok(()) } else { Err(UserDataError::Invalid(text.to_owned())) }
}
