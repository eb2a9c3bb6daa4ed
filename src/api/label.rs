//! Every well-known string: labels, annotations, taints, finalizers and tags, spelled as Karpenter and Kubernetes spell them.
//!
//! Sources: the Kubernetes reference of well-known labels, and Karpenter v1's `labels.go` of the core and of the AWS provider.

macro_rules! strings {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+
    };
}

strings! {
    /// API group of NodePool, NodeClaim and Provisioner.
    CORE_GROUP = "karpenter.sh";
    /// API group of EC2NodeClass and AWSNodeTemplate.
    AWS_GROUP = "karpenter.k8s.aws";

    /// Availability zone, such as `us-west-2b`.
    ZONE = "topology.kubernetes.io/zone";
    /// Region, such as `us-west-2`.
    REGION = "topology.kubernetes.io/region";
    /// Zone id, the same in every account, such as `usw2-az1`.
    ZONE_ID = "topology.k8s.aws/zone-id";
    /// EC2 instance type, such as `m5.large`.
    INSTANCE_TYPE = "node.kubernetes.io/instance-type";
    /// CPU architecture: `amd64` or `arm64`.
    ARCH = "kubernetes.io/arch";
    /// Operating system: `linux` or `windows`.
    OS = "kubernetes.io/os";
    /// Name of the node itself; unknown before it exists.
    HOSTNAME = "kubernetes.io/hostname";
    /// Build of Windows.
    WINDOWS_BUILD = "node.kubernetes.io/windows-build";

    /// Name of the owning NodePool.
    NODE_POOL = "karpenter.sh/nodepool";
    /// `spot`, `on-demand` or `reserved`.
    CAPACITY_TYPE = "karpenter.sh/capacity-type";
    /// Set to `true` once the node is ready, its startup taints are gone and its resources are registered.
    INITIALIZED = "karpenter.sh/initialized";
    /// Set to `true` once the node has joined.
    REGISTERED = "karpenter.sh/registered";
    /// On nodes whose startup taints are not to be written again.
    DO_NOT_SYNC_TAINTS = "karpenter.sh/do-not-sync-taints";
    /// v1alpha5's name of the owning Provisioner.
    PROVISIONER_NAME = "karpenter.sh/provisioner-name";

    /// Name of the EC2NodeClass.
    NODE_CLASS = "karpenter.k8s.aws/ec2nodeclass";
    /// `nitro`, `xen` or empty for bare metal.
    INSTANCE_HYPERVISOR = "karpenter.k8s.aws/instance-hypervisor";
    /// Whether traffic between instances is encrypted: `true` or `false`.
    INSTANCE_ENCRYPTION_IN_TRANSIT = "karpenter.k8s.aws/instance-encryption-in-transit-supported";
    /// Whether Nitro Enclaves are supported.
    NITRO_SANDBOX = "karpenter.k8s.aws/nitro-sandbox";
    /// First letters of the type, such as `c` or `inf`.
    INSTANCE_CATEGORY = "karpenter.k8s.aws/instance-category";
    /// Whether it is a flex type.
    INSTANCE_CAPABILITY_FLEX = "karpenter.k8s.aws/instance-capability-flex";
    /// Part of the type before the dot, such as `c6g`.
    INSTANCE_FAMILY = "karpenter.k8s.aws/instance-family";
    /// Generation number of the family, such as `6`.
    INSTANCE_GENERATION = "karpenter.k8s.aws/instance-generation";
    /// Local NVMe storage in GB.
    INSTANCE_LOCAL_NVME = "karpenter.k8s.aws/instance-local-nvme";
    /// Part of the type after the dot, such as `xlarge`.
    INSTANCE_SIZE = "karpenter.k8s.aws/instance-size";
    /// Number of vCPUs.
    INSTANCE_CPU = "karpenter.k8s.aws/instance-cpu";
    /// `intel`, `amd` or `aws`.
    INSTANCE_CPU_MANUFACTURER = "karpenter.k8s.aws/instance-cpu-manufacturer";
    /// Sustained clock speed in MHz.
    INSTANCE_CPU_SUSTAINED_CLOCK_SPEED_MHZ = "karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz";
    /// Memory in MiB.
    INSTANCE_MEMORY = "karpenter.k8s.aws/instance-memory";
    /// Baseline EBS bandwidth in Mbit/s.
    INSTANCE_EBS_BANDWIDTH = "karpenter.k8s.aws/instance-ebs-bandwidth";
    /// Baseline network bandwidth in Mbit/s.
    INSTANCE_NETWORK_BANDWIDTH = "karpenter.k8s.aws/instance-network-bandwidth";
    /// Name of the GPU, such as `a10g`.
    INSTANCE_GPU_NAME = "karpenter.k8s.aws/instance-gpu-name";
    /// Maker of the GPU, such as `nvidia`.
    INSTANCE_GPU_MANUFACTURER = "karpenter.k8s.aws/instance-gpu-manufacturer";
    /// Number of GPUs.
    INSTANCE_GPU_COUNT = "karpenter.k8s.aws/instance-gpu-count";
    /// Memory of one GPU in MiB.
    INSTANCE_GPU_MEMORY = "karpenter.k8s.aws/instance-gpu-memory";
    /// Name of the accelerator, such as `inferentia`.
    INSTANCE_ACCELERATOR_NAME = "karpenter.k8s.aws/instance-accelerator-name";
    /// Maker of the accelerator, such as `aws`.
    INSTANCE_ACCELERATOR_MANUFACTURER = "karpenter.k8s.aws/instance-accelerator-manufacturer";
    /// Number of accelerators.
    INSTANCE_ACCELERATOR_COUNT = "karpenter.k8s.aws/instance-accelerator-count";
    /// `default` or `dedicated`.
    INSTANCE_TENANCY = "karpenter.k8s.aws/instance-tenancy";
    /// Id of the capacity reservation.
    CAPACITY_RESERVATION_ID = "karpenter.k8s.aws/capacity-reservation-id";
    /// `default` or `capacity-block`.
    CAPACITY_RESERVATION_TYPE = "karpenter.k8s.aws/capacity-reservation-type";
    /// Whether the reservation can be taken back.
    CAPACITY_RESERVATION_INTERRUPTIBLE = "karpenter.k8s.aws/capacity-reservation-interruptible";
    /// Id of the placement group.
    PLACEMENT_GROUP_ID = "karpenter.k8s.aws/placement-group-id";
    /// Partition within the placement group.
    PLACEMENT_GROUP_PARTITION = "karpenter.k8s.aws/placement-group-partition";

    /// Annotation of pods and nodes: no voluntary disruption.
    DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt";
    /// v1alpha5's annotation of pods with the same meaning.
    DO_NOT_EVICT = "karpenter.sh/do-not-evict";
    /// v1alpha5's annotation of nodes with the same meaning.
    DO_NOT_CONSOLIDATE = "karpenter.sh/do-not-consolidate";
    /// Hash of the NodePool's template, on NodePools and NodeClaims.
    NODE_POOL_HASH = "karpenter.sh/nodepool-hash";
    /// Version of the algorithm of that hash.
    NODE_POOL_HASH_VERSION = "karpenter.sh/nodepool-hash-version";
    /// On a NodeClaim of a static pool: the higher the number, the sooner it goes when the pool shrinks.
    DEPROVISIONING_PRIORITY = "karpenter.sh/deprovisioning-priority";
    /// When the node ends at the latest, RFC 3339.
    TERMINATION_TIMESTAMP = "karpenter.sh/nodeclaim-termination-timestamp";
    /// Hash of the EC2NodeClass.
    NODE_CLASS_HASH = "karpenter.k8s.aws/ec2nodeclass-hash";
    /// Version of the algorithm of that hash.
    NODE_CLASS_HASH_VERSION = "karpenter.k8s.aws/ec2nodeclass-hash-version";

    /// Taint (NoSchedule) of a node that is about to go.
    DISRUPTED_TAINT = "karpenter.sh/disrupted";
    /// Taint (NoExecute) of a node that has not been registered.
    UNREGISTERED_TAINT = "karpenter.sh/unregistered";
    /// Finalizer of NodeClaims and Nodes.
    TERMINATION_FINALIZER = "karpenter.sh/termination";
    /// Finalizer of EC2NodeClasses.
    NODE_CLASS_FINALIZER = "karpenter.k8s.aws/termination";

    /// Value of [`CAPACITY_TYPE`].
    SPOT = "spot";
    /// Value of [`CAPACITY_TYPE`].
    ON_DEMAND = "on-demand";
    /// Value of [`CAPACITY_TYPE`].
    RESERVED = "reserved";
}

/// Labels that instance types and offerings define, sorted. They may be used in requirements although their domain is restricted,
/// and a requirement on one of them never creates a new label.
pub const WELL_KNOWN: &[&str] = &[
    CAPACITY_RESERVATION_ID,
    CAPACITY_RESERVATION_INTERRUPTIBLE,
    CAPACITY_RESERVATION_TYPE,
    INSTANCE_ACCELERATOR_COUNT,
    INSTANCE_ACCELERATOR_MANUFACTURER,
    INSTANCE_ACCELERATOR_NAME,
    INSTANCE_CAPABILITY_FLEX,
    INSTANCE_CATEGORY,
    INSTANCE_CPU,
    INSTANCE_CPU_MANUFACTURER,
    INSTANCE_CPU_SUSTAINED_CLOCK_SPEED_MHZ,
    INSTANCE_EBS_BANDWIDTH,
    INSTANCE_ENCRYPTION_IN_TRANSIT,
    INSTANCE_FAMILY,
    INSTANCE_GENERATION,
    INSTANCE_GPU_COUNT,
    INSTANCE_GPU_MANUFACTURER,
    INSTANCE_GPU_MEMORY,
    INSTANCE_GPU_NAME,
    INSTANCE_HYPERVISOR,
    INSTANCE_LOCAL_NVME,
    INSTANCE_MEMORY,
    INSTANCE_NETWORK_BANDWIDTH,
    INSTANCE_SIZE,
    INSTANCE_TENANCY,
    NITRO_SANDBOX,
    PLACEMENT_GROUP_ID,
    PLACEMENT_GROUP_PARTITION,
    CAPACITY_TYPE,
    NODE_POOL,
    ARCH,
    OS,
    INSTANCE_TYPE,
    WINDOWS_BUILD,
    ZONE_ID,
    REGION,
    ZONE,
];

/// The stable name of a label that also has an old or a driver's name; any other key unchanged.
pub fn normalize(key: &str) -> &str {
    match key {
        "beta.kubernetes.io/arch" => ARCH,
        "beta.kubernetes.io/os" => OS,
        "beta.kubernetes.io/instance-type" => INSTANCE_TYPE,
        "failure-domain.beta.kubernetes.io/zone" | "topology.ebs.csi.aws.com/zone" => ZONE,
        "failure-domain.beta.kubernetes.io/region" => REGION,
        other => other,
    }
}

/// The part of a key before the slash; empty if there is none.
pub fn domain(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

/// Whether the key lies in `domain` or below it.
pub fn is_within(key: &str, of: &str) -> bool {
    let domain = domain(key);
    domain == of || domain.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether instance types and offerings define this label.
pub fn is_well_known(key: &str) -> bool {
    WELL_KNOWN.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::{ARCH, WELL_KNOWN, ZONE, is_well_known, is_within, normalize};

    #[test]
    fn normalizes_old_names_only() {
        assert_eq!(normalize("beta.kubernetes.io/arch"), ARCH);
        assert_eq!(normalize("topology.ebs.csi.aws.com/zone"), ZONE);
        assert_eq!(normalize("example.com/zone"), "example.com/zone");
        for key in WELL_KNOWN {
            assert_eq!(normalize(key), *key);
        }
    }

    #[test]
    fn well_known_is_sorted_and_unique() {
        assert!(WELL_KNOWN.windows(2).all(|pair| pair[0] < pair[1]), "{WELL_KNOWN:?}");
        assert!(is_well_known(ZONE) && !is_well_known("kubernetes.io/hostname"));
    }

    #[test]
    fn domains_include_subdomains_but_not_lookalikes() {
        assert!(is_within("karpenter.sh/x", "karpenter.sh") && is_within("a.karpenter.sh/x", "karpenter.sh"));
        assert!(!is_within("mykarpenter.sh/x", "karpenter.sh") && !is_within("karpenter.sh", "karpenter.sh"));
    }
}
