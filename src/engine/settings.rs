//! What a controller is told at its start.

use crate::provision::batch;
use std::time::Duration;

/// Settings of the engine. The default has no cluster name, which must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the cluster: instances carry it as a tag, and only instances with it are ever touched.
    pub cluster: String,
    /// A batch ends when no new pod has come for so long.
    pub batch_idle: Duration,
    /// A batch ends after so long in any case.
    pub batch_max: Duration,
    /// The share of `expireAfter` by which a claim may expire early, in percent, drawn from its uid. Karpenter has none.
    pub expiry_jitter_percent: u32,
    /// A claim that is not launched by then is given up (Karpenter: 5 min).
    pub launch_timeout: Duration,
    /// A launched node that has not joined by then is given up (Karpenter: 15 min).
    pub registration_timeout: Duration,
    /// The longest time that a new instance may be missing from EC2's lists. EC2 promises none; Karpenter assumes 30 s.
    pub visibility: Duration,
    /// An instance must be missing from EC2's lists for so long, its node not being ready, before it counts as gone.
    pub absence: Duration,
    /// How long a pod is expected on its node once the node can take it; the node is not empty meanwhile (Karpenter: 20 s).
    pub nomination: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster: String::new(),
            batch_idle: batch::IDLE,
            batch_max: batch::MAX,
            expiry_jitter_percent: 0,
            launch_timeout: Duration::from_mins(5),
            registration_timeout: Duration::from_mins(15),
            visibility: Duration::from_mins(2),
            absence: Duration::from_mins(5),
            nomination: Duration::from_secs(20),
        }
    }
}
