//! Which pods are placed, and why the others are not. Karpenter's `IsProvisionable` and `Validate`.

use crate::cluster::{Phase, Pod};
use std::fmt;

/// Why a pod is given no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// It has a node.
    Bound,
    /// It has succeeded or failed.
    Finished,
    /// It is being deleted.
    Deleting,
    /// A DaemonSet or the kubelet starts it on nodes that exist.
    OfNode,
    /// Scheduling gates hold it back.
    Gated,
    /// Pods of lower priority are about to make room for it.
    Preempting,
    /// It demands a node without pool.
    RefusesPools,
    /// The scheduler has not tried it yet, or another scheduler has it.
    NotTried,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bound => "it is bound to a node",
            Self::Finished => "it has finished",
            Self::Deleting => "it is being deleted",
            Self::OfNode => "it comes with a node: a DaemonSet or the kubelet starts it",
            Self::Gated => "its schedulingGates hold it back",
            Self::Preempting => "status.nominatedNodeName is set: pods of lower priority make room for it",
            Self::RefusesPools => "it demands karpenter.sh/nodepool DoesNotExist, a node of no pool",
            Self::NotTried => "no scheduler has reported it as Unschedulable",
        })
    }
}

/// Whether the pod needs a node, or why not.
pub const fn judge(pod: &Pod) -> Result<(), Ignored> {
    let why = match pod.phase {
        Phase::Finished => Ignored::Finished,
        _ if pod.node.is_some() => Ignored::Bound,
        _ if matches!(pod.owner, crate::cluster::Owner::DaemonSet | crate::cluster::Owner::Node) => Ignored::OfNode,
        _ if pod.deleting.is_some() => Ignored::Deleting,
        _ if pod.gated => Ignored::Gated,
        _ if pod.preempting => Ignored::Preempting,
        _ if pod.refuses_pools => Ignored::RefusesPools,
        _ if !pod.unschedulable => Ignored::NotTried,
        _ => return Ok(()),
    };
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::{Ignored, judge};
    use crate::cluster::{Owner, Phase, Pod};
    use crate::fixture::pod;
    use crate::time::Time;
    use windlass_solver::NodeName;

    #[test]
    fn each_reason_is_told_apart() {
        type Change = fn(&mut Pod);
        assert_eq!(judge(&pod("a")), Ok(()));
        let cases: [(Ignored, Change); 8] = [
            (Ignored::Bound, |pod| pod.node = Some(NodeName::from("n"))),
            (Ignored::Finished, |pod| (pod.phase, pod.node) = (Phase::Finished, Some(NodeName::from("n")))),
            (Ignored::Deleting, |pod| pod.deleting = Some(Time::from_millis(0))),
            (Ignored::OfNode, |pod| pod.owner = Owner::DaemonSet),
            (Ignored::Gated, |pod| pod.gated = true),
            (Ignored::Preempting, |pod| pod.preempting = true),
            (Ignored::RefusesPools, |pod| pod.refuses_pools = true),
            (Ignored::NotTried, |pod| pod.unschedulable = false),
        ];
        let mut texts = std::collections::BTreeSet::new();
        for (why, change) in cases {
            let mut pod = pod("a");
            change(&mut pod);
            assert_eq!(judge(&pod), Err(why));
            assert!(texts.insert(why.to_string()));
        }
    }
}
