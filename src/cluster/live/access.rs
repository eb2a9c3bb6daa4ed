//! What the controller may do in a cluster: exactly the calls that it makes. The roles that it is deployed with are held to this table.

use super::kind::Kind;
use k8s_openapi::api::rbac::v1::PolicyRule;

/// What an access is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum For {
    /// To know the cluster, in a dry run, too.
    Reading,
    /// To know with whom pods are spread, where they are spread by default.
    Spreading,
    /// To say what is decided, in a dry run, too.
    Telling,
    /// To carry decisions out.
    Writing,
    /// To delete pods past their disruption budgets, at a deadline only.
    Deadlines,
    /// To lead: in the namespace of the Lease alone.
    Leading,
}

/// Verbs on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What it is for.
    pub purpose: For,
    /// API group, empty for the core.
    pub group: &'static str,
    /// Resource or subresource.
    pub resource: &'static str,
    /// What may be done with it.
    pub verbs: &'static [&'static str],
}

/// Kinds that are read one by one, too, before a change that must not be based on an old view.
const READ_ALONE: [Kind; 4] = [Kind::NodeClaim, Kind::Node, Kind::NodePool, Kind::NodeClass];

/// All but reading. Finalizers are for clusters that enforce who may set `blockOwnerDeletion`.
const OTHERS: [Access; 13] = [
    access(For::Telling, "events.k8s.io", "events", &["create"]),
    access(For::Writing, "karpenter.sh", "nodeclaims", &["create", "patch", "delete"]),
    access(For::Writing, "karpenter.sh", "nodeclaims/status", &["update"]),
    access(For::Writing, "karpenter.sh", "nodeclaims/finalizers", &["update"]),
    access(For::Writing, "karpenter.sh", "nodepools/status", &["update"]),
    access(For::Writing, "karpenter.sh", "nodepools/finalizers", &["update"]),
    access(For::Writing, "karpenter.k8s.aws", "ec2nodeclasses", &["patch"]),
    access(For::Writing, "karpenter.k8s.aws", "ec2nodeclasses/status", &["update"]),
    access(For::Writing, "", "nodes", &["patch", "delete"]),
    access(For::Writing, "", "pods/status", &["patch"]),
    access(For::Writing, "", "pods/eviction", &["create"]),
    access(For::Deadlines, "", "pods", &["delete"]),
    access(For::Leading, "coordination.k8s.io", "leases", &["get", "create", "update"]),
];

const fn access(purpose: For, group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Access {
    Access { purpose, group, resource, verbs }
}

/// All of it.
pub fn all() -> impl Iterator<Item = Access> {
    let reading = Kind::all().map(|kind| {
        let verbs: &[&str] = if READ_ALONE.contains(&kind) { &["get", "list", "watch"] } else { &["list", "watch"] };
        access(if kind.is_for_spread() { For::Spreading } else { For::Reading }, kind.group(), kind.plural(), verbs)
    });
    reading.chain(OTHERS)
}

impl From<Access> for PolicyRule {
    fn from(access: Access) -> Self {
        Self {
            api_groups: Some(vec![access.group.to_owned()]),
            resources: Some(vec![access.resource.to_owned()]),
            verbs: access.verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{For, all};
    use crate::cluster::live::Kind;
    use k8s_openapi::api::rbac::v1::PolicyRule;
    use std::collections::BTreeSet;

    #[test]
    fn every_watched_kind_may_be_watched_and_each_verb_is_granted_once() {
        let mut granted = BTreeSet::new();
        for access in all() {
            for verb in access.verbs {
                assert!(granted.insert((access.group, access.resource, *verb)), "{access:?}");
            }
            assert!(!access.verbs.contains(&"*") && access.resource != "*" && access.resource != "secrets", "{access:?}");
            let reads = access.verbs.iter().all(|verb| ["get", "list", "watch"].contains(verb));
            assert_eq!(matches!(access.purpose, For::Reading | For::Spreading), reads, "{access:?}");
        }
        for kind in Kind::all() {
            for verb in ["list", "watch"] {
                assert!(granted.contains(&(kind.group(), kind.plural(), verb)), "{kind:?} {verb}");
            }
        }
    }

    #[test]
    fn an_entry_is_a_rule() {
        let rule = all().find(|access| access.resource == "pods/eviction").map(PolicyRule::from).unwrap();
        assert_eq!((rule.api_groups, rule.resources), (Some(vec![String::new()]), Some(vec!["pods/eviction".to_owned()])));
        assert_eq!(rule.verbs, ["create"]);
    }
}
