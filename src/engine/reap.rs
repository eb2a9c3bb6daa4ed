//! Nodes that are no longer needed: the clock of emptiness, budgets, and the last look before a node goes.

use super::Engine;
use super::lifecycle::INITIALIZED;
use super::queue::Key;
use crate::api::condition::{self, ConditionStatus};
use crate::api::label;
use crate::api::node_pool::DisruptionReason;
use crate::cluster::claim::EMPTY;
use crate::cluster::node::disrupted;
use crate::cluster::{Claim, Node, NodeChange, Write};
use crate::reap::{budget, empty};
use std::sync::Arc;
use std::time::Duration;

/// How often a node is looked at again that only a budget keeps (Karpenter's disruption loop: 10 s).
const BUDGET_RETRY: Duration = Duration::from_secs(10);

impl Engine {
    /// A claim that is initialized: notes when its node becomes empty, and lets it go in time.
    pub(super) fn watch_pods(&mut self, claim: &Arc<Claim>, node: &Arc<Node>) {
        // A static pool keeps its nodes, empty or not.
        let Some(pool) = self.view.pool(&claim.pool).filter(|pool| pool.replicas.is_none()) else { return };
        let (after, due) = (pool.consolidate_after, empty::due(claim, pool));
        let nominated = self.nomination_ends(claim);
        if let Some(end) = nominated {
            self.queue.at(Key::Claim(claim.name.clone()), end);
        }
        let used = nominated.is_some() || self.view.pods_on(&node.name).iter().any(|pod| empty::keeps(pod));
        let missed = self.view.last_activity(&node.name).filter(|_| !used);
        let outdated = missed.is_some_and(|event| empty::since(claim).is_some_and(|since| since < event));
        if after.is_some() && (used == claim.is(EMPTY) || outdated) {
            self.mark(claim, node, used);
            return;
        }
        let ripe = !used && due.is_some_and(|due| due <= self.now);
        let protected = node.protected || self.view.pods_on(&node.name).iter().any(|pod| pod.is_protected(self.now));
        if ripe && !protected {
            self.reap(claim, node);
            return;
        }
        self.provisioner.let_stay(&claim.name);
        if node.is_disrupted() {
            self.spare(claim, node);
        }
        if let Some(due) = due.filter(|_| !used) {
            let again = if ripe { self.now.plus(BUDGET_RETRY) } else { due };
            self.queue.at(Key::Claim(claim.name.clone()), again);
        }
    }

    /// Writes down that the node is empty, or that it no longer is. If it is not known when the last pod left, it left now.
    fn mark(&mut self, claim: &Claim, node: &Node, used: bool) {
        let since =
            self.view.last_activity(&node.name).unwrap_or(self.now).max(claim.since(INITIALIZED).unwrap_or(claim.created));
        let text = since.whole_second().to_string();
        let mut status = claim.status.clone();
        let value = if used { ConditionStatus::False } else { ConditionStatus::True };
        let why = if used { ("Used", "pods are on the node or expected") } else { (EMPTY, "no pod keeps the node") };
        condition::set(&mut status.conditions, EMPTY, value, why, &text);
        status.last_pod_event_time = Some(text);
        self.set_status(claim, status);
    }

    /// First pods that wait may be given the node, then the taint keeps new pods away, then a fresh list shows that none came before it,
    /// then the claim is deleted.
    fn reap(&mut self, claim: &Arc<Claim>, node: &Node) {
        let key = Key::Claim(claim.name.clone());
        if !node.is_disrupted() {
            self.release_places();
            if !self.provisioner.has_passed_over(&claim.name) {
                return;
            }
            if self.room(claim, DisruptionReason::Empty) == 0 {
                self.queue.at(key, self.now.plus(BUDGET_RETRY));
                return;
            }
            let memo = self.memos.of(&claim.uid);
            (memo.reaping, memo.clean) = (true, false);
            let mut change = NodeChange::of(node);
            change.taints = Some(node.taints.iter().cloned().chain([disrupted()]).collect());
            self.write(&key, Write::ChangeNode(change));
        } else if self.memos.get(&claim.uid).clean {
            self.delete_claim(claim, "Empty", "no pod keeps its node");
        } else {
            self.memos.of(&claim.uid).reaping = true;
            self.recheck(claim, &node.name);
        }
    }

    /// The node is needed after all.
    fn spare(&mut self, claim: &Claim, node: &Node) {
        let memo = self.memos.of(&claim.uid);
        (memo.reaping, memo.clean) = (false, false);
        let mut change = NodeChange::of(node);
        change.taints = Some(node.taints.iter().filter(|taint| taint.key.as_ref() != label::DISRUPTED_TAINT).cloned().collect());
        self.write(&Key::Claim(claim.name.clone()), Write::ChangeNode(change));
    }

    /// How many more nodes of the claim's pool may be disrupted now. Nodes that are not ready or already on their way count as disrupted.
    fn room(&self, claim: &Claim, reason: DisruptionReason) -> usize {
        let Some(pool) = self.view.pool(&claim.pool) else { return 0 };
        let (mut nodes, mut disrupted) = (0, 0);
        for claim in self.view.claims_of(&claim.pool).iter().filter(|claim| claim.is(INITIALIZED)) {
            nodes += 1;
            let whole = self.view.node_of(claim).is_some_and(|node| node.ready && !node.is_disrupted());
            if !whole || claim.deleting.is_some() || self.memos.get(&claim.uid).reaping {
                disrupted += 1;
            }
        }
        budget::allowed(&pool.budgets, reason, nodes, self.now).saturating_sub(disrupted)
    }
}
