//! The status of NodePools: what they have, and whether they can launch.

use crate::api::condition::{self, Condition, ConditionStatus};
use crate::api::{EC2NodeClass, NodeClaim, NodePool, NodePoolStatus, label};
use crate::cluster::Uid;
use crate::cluster::claim::list;
use crate::cluster::live::store::READY;
use crate::snapshot::template;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use windlass_solver::{ResourceName, Resources};

/// Condition: the object says nothing that cannot be meant.
const VALID: &str = "ValidationSucceeded";
/// Condition: its EC2NodeClass is ready.
const CLASS_READY: &str = "NodeClassReady";
/// Between writes of one pool's status (Karpenter's counter: 5 s).
const PAUSE: Duration = Duration::from_secs(2);
/// A status is written again after so long though we think that it stands there.
const AGAIN: Duration = Duration::from_mins(10);

/// What a status says of a pool, apart from times.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    resources: Resources,
    nodes: i64,
    class_generation: Option<i64>,
    invalid: Option<String>,
    class: Result<(), String>,
}

impl Verdict {
    /// Judges a pool by its claims, its class, and what was found wrong with it.
    pub(super) fn of<'a>(
        name: &str,
        claims: impl Iterator<Item = &'a NodeClaim>,
        class: Result<&EC2NodeClass, String>,
        invalid: Option<String>,
    ) -> Self {
        let (mut resources, mut nodes) = (Resources::new(), 0);
        for status in claims.filter(|claim| pool_of(claim) == Some(name)).filter_map(|claim| claim.status.as_ref()) {
            if !status.provider_id.is_empty() {
                let amounts = template::amounts(status.capacity.iter().map(|(name, text)| (name.as_str(), text.as_str())));
                resources.add(&amounts.read.into_iter().collect());
                nodes += 1;
            }
        }
        let class_generation = class.as_ref().ok().and_then(|class| class.metadata.generation);
        let resources = resources.with(ResourceName::NODES, nodes);
        Self { resources, nodes, class_generation, invalid, class: class.map(|_| ()) }
    }

    /// What the nodes of the pool have together.
    pub(super) const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The status that says so, from the one before.
    pub(super) fn status(&self, before: NodePoolStatus, generation: Option<i64>, now: &str) -> NodePoolStatus {
        let mut status = before;
        status.resources = list(&self.resources);
        status.nodes = self.nodes;
        status.node_class_observed_generation = self.class_generation.or(status.node_class_observed_generation);
        let mut set = |type_: &str, good: bool, why: (&str, &str)| {
            let value = if good { ConditionStatus::True } else { ConditionStatus::False };
            condition::set(&mut status.conditions, type_, value, why, now);
        };
        match &self.invalid {
            None => set(VALID, true, (VALID, "")),
            Some(why) => set(VALID, false, ("NodePoolValidationFailed", why)),
        }
        match &self.class {
            Ok(()) => set(CLASS_READY, true, (CLASS_READY, "")),
            Err(why) => set(CLASS_READY, false, ("NodeClassNotReady", why)),
        }
        let missing = [(VALID, self.invalid.is_some()), (CLASS_READY, self.class.is_err())];
        match missing.iter().find(|(_, bad)| *bad) {
            None => set(READY, true, (READY, "")),
            Some((type_, _)) => set(READY, false, ("UnhealthyDependents", &format!("{type_}=False"))),
        }
        observe(&mut status.conditions, generation);
        status
    }
}

fn observe(conditions: &mut [Condition], generation: Option<i64>) {
    for condition in conditions.iter_mut().filter(|one| [VALID, CLASS_READY, READY].contains(&one.type_.as_str())) {
        condition.observed_generation = generation;
    }
}

fn pool_of(claim: &NodeClaim) -> Option<&str> {
    claim.metadata.labels.as_ref()?.get(label::NODE_POOL).map(String::as_str)
}

/// The EC2NodeClass that a pool refers to, or that it refers to something else.
pub(super) fn class_of(pool: &NodePool) -> Result<&str, String> {
    let wanted = &pool.spec.template.spec.node_class_ref;
    if wanted.group == label::AWS_GROUP && wanted.kind == "EC2NodeClass" {
        Ok(&wanted.name)
    } else {
        Err(format!(
            "{} of group {:?} is not supported; expected an EC2NodeClass of {}",
            wanted.kind,
            wanted.group,
            label::AWS_GROUP
        ))
    }
}

/// What was last written of each pool.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Uid, (Verdict, Instant)>);

impl Ledger {
    /// Whether the verdict is worth a write now; if so it is noted as written.
    pub(super) fn take(&mut self, pool: &Uid, verdict: &Verdict, now: Instant) -> bool {
        let due = match self.0.get(pool) {
            None => true,
            Some((known, at)) if known == verdict => now.duration_since(*at) >= AGAIN,
            Some((_, at)) => now.duration_since(*at) >= PAUSE,
        };
        if due {
            self.0.insert(pool.clone(), (verdict.clone(), now));
        }
        due
    }

    /// The write failed: it is due again.
    pub(super) fn failed(&mut self, pool: &Uid) {
        self.0.remove(pool);
    }
}

#[cfg(test)]
mod tests {
    use super::{AGAIN, Ledger, PAUSE, Verdict};
    use crate::api::condition::{self, ConditionStatus};
    use crate::api::{NodeClaim, NodePoolStatus};
    use crate::cluster::Uid;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn claim(pool: &str, launched: bool) -> NodeClaim {
        let status =
            json!({"providerID": if launched { "aws:///z/i-1" } else { "" }, "capacity": {"cpu": "4", "memory": "16Gi"}});
        serde_json::from_value(json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "a", "labels": {"karpenter.sh/nodepool": pool}},
            "spec": {"requirements": [], "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}}, "status": status
        }))
        .unwrap()
    }

    #[test]
    fn counts_the_launched_claims_of_the_pool() {
        let claims = [claim("p", true), claim("p", true), claim("p", false), claim("q", true)];
        let verdict = Verdict::of("p", claims.iter(), Err("no class".to_owned()), None);
        let status = verdict.status(NodePoolStatus::default(), Some(3), "2026-11-22T12:00:00Z");
        assert_eq!(status.nodes, 2);
        let text = |name: &str| status.resources.get(name).map(|amount| amount.as_str().to_owned());
        assert_eq!((text("cpu"), text("memory"), text("nodes")), (Some("8".into()), Some("32Gi".into()), Some("2".into())));
        let of = |type_: &str| condition::status(&status.conditions, type_);
        assert_eq!(of("ValidationSucceeded"), Some(ConditionStatus::True));
        assert_eq!((of("NodeClassReady"), of("Ready")), (Some(ConditionStatus::False), Some(ConditionStatus::False)));
        assert!(status.conditions.iter().all(|one| one.observed_generation == Some(3)));
    }

    #[test]
    fn conditions_keep_their_time_while_they_hold() {
        let bad = Verdict::of("p", std::iter::empty(), Err("x".to_owned()), Some("limits".to_owned()));
        let first = bad.status(NodePoolStatus::default(), None, "2026-11-22T12:00:00Z");
        let second = bad.status(first.clone(), None, "2026-11-22T13:00:00Z");
        assert_eq!(first, second);
        let message = first.conditions.iter().find(|one| one.type_ == "ValidationSucceeded").map(|one| one.message.as_str());
        assert_eq!(message, Some("limits"));
    }

    #[test]
    fn a_status_is_written_when_it_changes_and_not_too_often() {
        let (mut ledger, uid, now) = (Ledger::default(), Uid::new("u"), Instant::now());
        let one = Verdict::of("p", std::iter::empty(), Err("x".to_owned()), None);
        let two = Verdict::of("p", std::iter::empty(), Err("y".to_owned()), None);
        assert!(ledger.take(&uid, &one, now) && !ledger.take(&uid, &one, now + Duration::from_mins(1)));
        assert!(ledger.take(&uid, &one, now + AGAIN));
        let later = now + AGAIN;
        assert!(!ledger.take(&uid, &two, later + Duration::from_millis(10)) && ledger.take(&uid, &two, later + PAUSE));
        ledger.failed(&uid);
        assert!(ledger.take(&uid, &two, later + PAUSE));
    }
}
