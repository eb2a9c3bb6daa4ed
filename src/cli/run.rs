//! `windlass run`: the controller.

use super::{Failure, as_typed};
use crate::snapshot::DefaultSpread;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use windlass_solver::MicroUsd;

#[cfg(feature = "controller")]
mod controller;

const EXAMPLES: &str = "\
Examples:
  # In a cluster, by its service account; the Helm chart does this
  windlass run --cluster-name prod

  # From a workstation, without changing anything: what would it do?
  windlass run --cluster-name prod --kubeconfig ~/.kube/config --dry-run";

/// Flags of `windlass run`. Where Karpenter has the same setting, the variable has its name.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
#[cfg_attr(
    not(feature = "controller"),
    allow(dead_code, reason = "parsed, so that the answer is about the controller and not about flags")
)]
pub(crate) struct Args {
    /// Name of the cluster; instances carry it as a tag, and no others are touched
    #[arg(long, env = "CLUSTER_NAME", value_name = "NAME", hide_env_values = true, help_heading = "Cluster")]
    cluster_name: String,

    /// Kubeconfig of the cluster [default: that of the environment, or of the pod this runs in]
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,

    /// URL of the API server as nodes reach it [default: EKS is asked]
    #[arg(long, env = "CLUSTER_ENDPOINT", value_name = "URL", hide_env_values = true, help_heading = "Cluster")]
    cluster_endpoint: Option<String>,

    /// Certificate authority of the API server, PEM in base64 [default: EKS is asked]
    #[arg(long, env = "CLUSTER_CA_BUNDLE", value_name = "BASE64", hide_env_values = true, help_heading = "Cluster")]
    cluster_ca_bundle: Option<String>,

    /// Addresses of services, such as 10.100.0.0/16 [default: EKS is asked]
    #[arg(long, env = "CLUSTER_SERVICE_CIDR", value_name = "CIDR", hide_env_values = true, help_heading = "Cluster")]
    cluster_service_cidr: Option<String>,

    /// Version of Kubernetes, such as 1.37: it decides which images an alias stands for [default: EKS is asked]
    #[arg(long, env = "KUBERNETES_VERSION", value_name = "VERSION", hide_env_values = true, help_heading = "Cluster")]
    kubernetes_version: Option<String>,

    /// AWS region [default: that of the environment, as for every AWS tool]
    #[arg(long, env = "AWS_REGION", hide_env_values = true, help_heading = "Cloud")]
    region: Option<String>,

    /// Catalogue of instance types and prices to use instead of the built-in one; see `windlass catalog build`
    #[arg(long, env = "CATALOG", value_name = "FILE", hide_env_values = true, help_heading = "Cloud")]
    catalog: Option<PathBuf>,

    /// Share of memory that hypervisor and firmware are assumed to keep
    #[arg(
        long, env = "VM_MEMORY_OVERHEAD_PERCENT", value_name = "SHARE", value_parser = share, default_value = "0.075",
        hide_env_values = true, help_heading = "Cloud"
    )]
    vm_memory_overhead_percent: u32,

    /// Network interfaces of every node that are kept from pods
    #[arg(
        long,
        env = "RESERVED_ENIS",
        value_name = "COUNT",
        default_value_t = 0,
        hide_env_values = true,
        help_heading = "Cloud"
    )]
    reserved_enis: u32,

    /// A batch of pods ends when no new one has come for so long
    #[arg(
        long, env = "BATCH_IDLE_DURATION", value_name = "DURATION", value_parser = super::plan::duration, default_value = "1s",
        hide_env_values = true, help_heading = "Decisions"
    )]
    batch_idle_duration: Duration,

    /// A batch of pods ends after so long in any case
    #[arg(
        long, env = "BATCH_MAX_DURATION", value_name = "DURATION", value_parser = super::plan::duration, default_value = "10s",
        hide_env_values = true, help_heading = "Decisions"
    )]
    batch_max_duration: Duration,

    /// What becomes of nodes that cannot have the minValues of their NodePool
    #[arg(
        long,
        env = "MIN_VALUES_POLICY",
        value_enum,
        default_value_t,
        ignore_case = true,
        value_name = "POLICY",
        hide_env_values = true,
        help_heading = "Decisions"
    )]
    min_values_policy: super::plan::MinValuesPolicy,

    /// What becomes of preferences: preferred node affinity, preferred pod (anti-)affinity and ScheduleAnyway spread
    #[arg(
        long,
        env = "PREFERENCE_POLICY",
        value_enum,
        default_value_t,
        ignore_case = true,
        value_name = "POLICY",
        hide_env_values = true,
        help_heading = "Decisions"
    )]
    preference_policy: super::plan::PreferencePolicy,

    /// How kube-scheduler spreads pods that have no topologySpreadConstraints: none, system, a file, or the text of one
    ///
    /// `system` is what it does unless it is configured otherwise. A file, or text that is JSON or has several lines, holds a
    /// KubeSchedulerConfiguration, the arguments of its plugin PodTopologySpread, or a list of constraints. Unless it is none, Services,
    /// ReplicaSets, StatefulSets and ReplicationControllers are watched, too: they say whom a pod is spread with.
    #[arg(
        long, env = "DEFAULT_SPREAD", value_name = "SPREAD", value_parser = super::default_spread::read, default_value = "none",
        hide_env_values = true, help_heading = "Decisions"
    )]
    default_spread: DefaultSpread,

    /// Count each node this much dearer than its price, in dollars per hour
    ///
    /// It makes for fewer and larger nodes, and where pods come a few at a time these take more of the next ones: a cent has made such
    /// streams up to 6 % cheaper (docs/benchmarks.md).
    #[arg(
        long, env = "NODE_CHARGE", value_name = "USD", value_parser = super::plan::dollars, default_value = "0",
        hide_env_values = true, help_heading = "Decisions"
    )]
    node_charge: MicroUsd,

    /// Count a spot price as price x (1 + FACTOR x share of such instances that EC2 takes back in a month) [0 = price alone]
    #[arg(
        long, env = "SPOT_RISK", value_name = "FACTOR", value_parser = super::plan::hundredths, default_value = "0",
        hide_env_values = true, help_heading = "Decisions"
    )]
    spot_risk: u32,

    /// Launch a spot node only if so many instance types, its own included, hold its pods on spot
    #[arg(
        long, env = "SPOT_MIN_TYPES", value_name = "COUNT", default_value_t = 1, hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=50), help_heading = "Decisions"
    )]
    spot_min_types: u32,

    /// Allow one instance type in one zone at most this share of the spot nodes, in percent, rounded up
    ///
    /// EC2 takes back spot instances of one type in one zone together. Nodes that run or are on their way count; a node may become each of
    /// its alternatives, and counts for each. Nodes beyond the share become the next cheapest type or zone, or go on demand. 100 asks for
    /// nothing.
    #[arg(
        long, env = "SPOT_POOL_SHARE", value_name = "PERCENT", default_value_t = 100, hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Decisions"
    )]
    spot_pool_share: u32,

    /// Share of expireAfter by which a node may go early, in percent, so that nodes of one age do not go together
    #[arg(
        long, env = "EXPIRY_JITTER_PERCENT", value_name = "PERCENT", default_value_t = 0, hide_env_values = true,
        value_parser = clap::value_parser!(u32).range(0..=50), help_heading = "Decisions"
    )]
    expiry_jitter_percent: u32,

    /// A NodeClaim without an instance is given up after so long, and its pods are planned anew
    #[arg(
        long, env = "LAUNCH_TIMEOUT", value_name = "DURATION", value_parser = timeout, default_value = "5m",
        hide_env_values = true, help_heading = "Decisions"
    )]
    launch_timeout: Duration,

    /// An instance whose node has not joined after so long is terminated, and its pods are planned anew
    #[arg(
        long, env = "REGISTRATION_TIMEOUT", value_name = "DURATION", value_parser = timeout, default_value = "15m",
        hide_env_values = true, help_heading = "Decisions"
    )]
    registration_timeout: Duration,

    /// Decide and tell, but write and launch nothing
    #[arg(long, env = "DRY_RUN", hide_env_values = true, help_heading = "Decisions")]
    dry_run: bool,

    /// Lead without asking: for a single process only
    #[arg(long, env = "DISABLE_LEADER_ELECTION", hide_env_values = true, help_heading = "Process")]
    disable_leader_election: bool,

    /// Name of the Lease
    #[arg(
        long,
        env = "LEADER_ELECTION_NAME",
        value_name = "NAME",
        default_value = "windlass-leader-election",
        hide_env_values = true,
        help_heading = "Process"
    )]
    leader_elect_name: String,

    /// Namespace of the Lease [default: the one this runs in]
    #[arg(long, env = "LEADER_ELECTION_NAMESPACE", value_name = "NAMESPACE", hide_env_values = true, help_heading = "Process")]
    leader_elect_namespace: Option<String>,

    /// Address that /metrics is served on
    #[arg(
        long,
        env = "METRICS_ADDRESS",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080",
        hide_env_values = true,
        help_heading = "Process"
    )]
    metrics_address: SocketAddr,

    /// Address that /healthz and /readyz are served on; may be the same
    #[arg(
        long,
        env = "HEALTH_ADDRESS",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8081",
        hide_env_values = true,
        help_heading = "Process"
    )]
    health_address: SocketAddr,

    /// What is logged, at least
    #[arg(
        long,
        env = "LOG_LEVEL",
        value_enum,
        default_value_t,
        value_name = "LEVEL",
        hide_env_values = true,
        help_heading = "Process"
    )]
    log_level: Level,

    /// Form of the logs
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_env_values = true,
        help_heading = "Process"
    )]
    log_format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Level {
    /// Failures only
    Error,
    /// What may need attention
    Warn,
    /// What is done
    #[default]
    Info,
    /// Why
    Debug,
}

/// The form of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One object per line
    Json,
}

/// Reads a share such as `0.075`, in millionths.
fn share(text: &str) -> Result<u32, String> {
    let millionths = windlass_solver::MicroUsd::parse_dollars(text).map(|amount| amount.0).filter(|share| *share < 1_000_000);
    millionths.and_then(|share| u32::try_from(share).ok()).ok_or_else(|| "expected a share below 1, such as 0.075".to_owned())
}

/// Reads how long something is waited for. Giving up at once would buy and give up for ever.
fn timeout(text: &str) -> Result<Duration, String> {
    let read = super::plan::duration(text)?;
    if read < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(read) }
}

/// Says that this binary cannot.
#[cfg(not(feature = "controller"))]
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("this windlass was built without the controller; build it with `cargo build --release --features controller`".into())
}

/// Runs it.
#[cfg(feature = "controller")]
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    controller::run(args)
}

#[cfg(test)]
mod tests {
    use super::{share, timeout};
    use std::time::Duration;

    #[test]
    fn a_share_is_read_exactly() {
        assert_eq!((share("0.075"), share("0")), (Ok(75_000), Ok(0)));
        for bad in ["1", "-0.1", "7.5%", "", "much"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_given_up_at_once() {
        assert_eq!((timeout("15m"), timeout("1s")), (Ok(Duration::from_mins(15)), Ok(Duration::from_secs(1))));
        for bad in ["0s", "999ms", "-1s", "soon"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }
}
