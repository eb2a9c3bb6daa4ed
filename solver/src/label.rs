//! Node labels whose meaning the solver knows.

/// The zone of a node.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// How the node is bought: a [`crate::CapacityType`].
pub const CAPACITY_TYPE: &str = "karpenter.sh/capacity-type";
/// The EC2 instance type.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// The capacity reservation of a reserved node.
pub const RESERVATION: &str = "karpenter.k8s.aws/capacity-reservation-id";
/// The NodePool.
pub const NODE_POOL: &str = "karpenter.sh/nodepool";
/// The host name: unknown until the node exists, so `In` never matches it on a new node, `NotIn` and `Exists` do.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// Domains whose labels come from Kubernetes, Karpenter or AWS, subdomains included (Karpenter: `RestrictedLabelDomains`).
const DOMAINS: [&str; 5] = ["kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws", "topology.k8s.aws"];
/// Domains below those that are the user's own (Karpenter: `LabelDomainExceptions`).
const EXCEPTIONS: [&str; 3] = ["kops.k8s.io", "node.kubernetes.io", "node-restriction.kubernetes.io"];
/// Well-known keys within an exception.
const KEYS: [&str; 2] = [INSTANCE_TYPE, "node.kubernetes.io/windows-build"];

/// Whether only the instance type, the offering or the pool's own labels can define `key`. A pool's requirement on any other key is a
/// custom label: the node gets a value that the requirement allows.
pub fn is_well_known(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let within = |parent: &&str| domain == *parent || domain.strip_suffix(*parent).is_some_and(|rest| rest.ends_with('.'));
    KEYS.contains(&key) || (DOMAINS.iter().any(within) && !EXCEPTIONS.iter().any(within))
}

#[cfg(test)]
mod tests {
    use super::is_well_known;

    #[test]
    fn well_known_keys_are_those_of_restricted_domains() {
        for key in [
            "kubernetes.io/arch",
            "topology.kubernetes.io/zone",
            "node.kubernetes.io/instance-type",
            "karpenter.k8s.aws/instance-cpu",
            "topology.k8s.aws/zone-id",
            "topology.ebs.csi.k8s.io/zone",
        ] {
            assert!(is_well_known(key), "{key}");
        }
        for key in ["team", "example.com/team", "node.kubernetes.io/team", "x.kops.k8s.io/team", "notkubernetes.io/team"] {
            assert!(!is_well_known(key), "{key}");
        }
    }
}
