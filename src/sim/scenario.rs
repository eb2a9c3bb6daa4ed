//! What a world is made of: pools, workloads, users and faults, drawn from a seed.

use super::faults::Faults;
use super::random::Random;
use crate::api::NodePool;
use serde_json::json;
use std::time::Duration;
use windlass_solver::{PodShape, Requirement, ResourceName, Resources};

/// Pods that come together.
#[derive(Debug, Clone)]
pub(super) struct Wave {
    /// When they come.
    pub(super) at: Duration,
    /// How many.
    pub(super) count: usize,
    /// What each asks for.
    pub(super) shape: PodShape,
    /// How long each runs; `None` for replicas of a service, which run until the end and are started again if they are evicted.
    pub(super) lasts: Option<Duration>,
    /// For a service: how many of its pods must be available.
    pub(super) min_available: usize,
    /// Whether they ask not to be disrupted.
    pub(super) protected: bool,
}

/// A whole story.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(super) seed: u64,
    pub(super) pool: NodePool,
    pub(super) waves: Vec<Wave>,
    /// When a user asks a static pool for so many nodes.
    pub(super) scalings: Vec<(Duration, usize)>,
    /// When a user deletes a random claim or node.
    pub(super) deletions: Vec<Duration>,
    /// What goes wrong until the faults stop.
    pub faults: Faults,
}

/// Services end then, and a pool whose nodes follow pods is deleted.
pub(super) const END: Duration = Duration::from_mins(9);
/// A static pool is deleted then, long after the faults have stopped.
pub(super) const RETIRED: Duration = Duration::from_mins(25);
/// Faults stop then.
pub(super) const CALM: Duration = Duration::from_mins(12);
/// The world is looked at for the last time.
pub(super) const HORIZON: Duration = Duration::from_mins(45);
/// So long before the horizon nothing is written any more.
pub(super) const SILENCE: Duration = Duration::from_mins(10);

impl Scenario {
    /// Draws everything, faults included.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed);
        let pool = pool(&mut random);
        let waves = (0..=random.below(3)).map(|_| wave(&mut random)).collect();
        let deletions = (0..random.below(2)).map(|_| random.between(120_000, 480_000)).collect();
        let faults = Faults::random(&mut random);
        Self { seed, pool, waves, scalings: Vec::new(), deletions, faults }
    }

    /// A story of a static pool, which is asked for more nodes and for fewer.
    pub fn standing(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x57a7);
        let mut scenario = Self::random(seed);
        let spec = &mut scenario.pool.spec;
        spec.limits.retain(|name, _| name == ResourceName::NODES);
        spec.replicas = Some(i64::try_from(random.below(5)).unwrap_or(0));
        for _ in 0..random.below(4) {
            let count = usize::try_from(random.below(5)).unwrap_or(0);
            scenario.scalings.push((random.between(5_000, 700_000), count));
        }
        scenario.scalings.sort();
        scenario
    }

    /// The same story with these faults only.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Whether every pod must have a place when the workloads end: nothing goes wrong, nothing limits, nothing is taken away.
    pub(super) fn is_calm(&self) -> bool {
        let spec = &self.pool.spec;
        let limited = !spec.limits.is_empty() || spec.replicas.is_some() || spec.template.spec.expire_after != "Never";
        self.faults == Faults::default() && self.deletions.is_empty() && !limited
    }

    /// The seed it was drawn from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }
}

fn pool(random: &mut Random) -> NodePool {
    let after = random.pick(&["0s", "30s", "60s", "Never"], "0s");
    let expire = random.pick(&["Never", "Never", "Never", "5m"], "Never");
    let kinds: &[&str] = if random.chance(500) { &["spot", "on-demand"] } else { &["on-demand"] };
    let mut limits = serde_json::Map::new();
    if random.chance(400) {
        limits.insert("cpu".into(), json!(random.pick(&["8", "12", "20"], "8")));
    }
    if random.chance(300) {
        limits.insert("nodes".into(), json!(random.pick(&["1", "2", "3"], "1")));
    }
    let startup = if random.chance(300) { json!([{"key": "example.com/net", "effect": "NoSchedule"}]) } else { json!([]) };
    let mut spec = json!({
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
        "requirements": [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": kinds}],
        "expireAfter": expire, "startupTaints": startup,
    });
    if random.chance(250) {
        spec["terminationGracePeriod"] = json!("90s");
    }
    let object = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "default", "uid": "pool-1"},
        "spec": {
            "template": {"spec": spec}, "limits": limits,
            "disruption": {"consolidateAfter": after, "budgets": [{"nodes": random.pick(&["100%", "50%", "1"], "1")}]}}
    });
    serde_json::from_value(object).unwrap_or_else(|_| NodePool::new("default", crate::api::NodePoolSpec::default()))
}

fn wave(random: &mut Random) -> Wave {
    let cores = random.pick(&[250, 500, 900, 1_500, 3_000], 500);
    let gibi = random.pick(&[1, 2, 4], 1);
    let mut shape = PodShape {
        requests: Resources::new().with("cpu", cores).with("memory", gibi << 30).with("pods", 1),
        ..PodShape::default()
    };
    if random.chance(300) {
        shape.node_selector =
            vec![Requirement::equals("topology.kubernetes.io/zone", random.pick(&["zone-a", "zone-b"], "zone-a"))];
    }
    let service = random.chance(400);
    let count = usize::try_from(1 + random.below(5)).unwrap_or(1);
    Wave {
        at: random.between(1_000, 240_000),
        count,
        shape,
        lasts: (!service).then(|| random.between(20_000, 150_000)),
        min_available: if service { count.saturating_sub(1) } else { 0 },
        protected: random.chance(150),
    }
}
