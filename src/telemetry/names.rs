//! The names of all metrics. Those of Karpenter are used where the meaning is the same, so that dashboards keep working.

/// A metric: its name without the suffix that its type adds, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// As in `/metrics`, without `_total` and the like.
    pub name: &'static str,
    /// For people.
    pub help: &'static str,
    /// Whether Karpenter has it under this name and with this meaning.
    pub karpenter: bool,
}

macro_rules! names {
    ($($constant:ident = $name:literal, $karpenter:literal, $help:literal;)+) => {
        $(#[doc = $help] pub const $constant: Name = Name { name: $name, help: $help, karpenter: $karpenter };)+
        /// All of them.
        pub const ALL: &[Name] = &[$($constant),+];
    };
}

names! {
    NODECLAIMS_CREATED = "karpenter_nodeclaims_created", true, "NodeClaims created, by NodePool";
    NODECLAIMS_TERMINATED = "karpenter_nodeclaims_terminated", true, "NodeClaims that are gone, by NodePool";
    NODECLAIMS_DISRUPTED = "karpenter_nodeclaims_disrupted", true, "NodeClaims deleted by us, by reason";
    STATE_NODES = "karpenter_cluster_state_node_count", true, "Nodes in the cluster";
    STATE_SYNCED = "karpenter_cluster_state_synced", true, "Whether everything that exists has been seen: 1 or 0";
    SCHEDULING_DURATION = "karpenter_scheduler_scheduling_duration_seconds", true, "How long it took to plan a batch";
    LAUNCH_FAILURES = "karpenter_cloudprovider_instance_launch_failures", true, "Instances that EC2 did not launch, by reason";
    POOL_USAGE = "karpenter_nodepools_usage", true, "What the nodes of a NodePool have together, by resource; cpu in cores, memory in bytes";
    POOL_LIMIT = "karpenter_nodepools_limit", true, "The limits of a NodePool, by resource; cpu in cores, memory in bytes";
    BUILD_INFO = "karpenter_build_info", true, "A constant 1, with the version";
    LEADER = "windlass_leader", false, "Whether this process leads: 1 or 0";
    OBJECTS = "windlass_objects", false, "Objects in the view of the cluster, by kind";
    PODS_IGNORED = "windlass_pods_ignored", false, "Pods that are given no node, by why";
    EFFECTS = "windlass_effects", false, "Calls that the engine asked for, by kind and result";
    PLANS = "windlass_plans", false, "Plans made, by result: done, cut or refused";
    PLAN_PODS_UNSCHEDULABLE = "windlass_plan_pods_unschedulable", false, "Pods without place in the last plan";
    INSTANCES_LAUNCHED = "windlass_instances_launched", false, "Instances launched, by NodePool and capacity type";
    INSTANCES_TERMINATED = "windlass_instances_terminated", false, "Instances terminated, by why";
    NOTICES = "windlass_notices", false, "What was told about objects, by reason";
    WATCH_FAILURES = "windlass_watch_failures", false, "Watches that failed and began again, by kind";
}
