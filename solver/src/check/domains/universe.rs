//! Which nodes a spread constraint counts, and which domains there are.

use super::{Place, World, is_required};
use crate::predicate::{Candidate, affinity_holds, node_allows, untolerated};
use crate::topology::on_host;
use crate::{
    InstanceType, Labels, Node, NodePolicy, NodePool, Offering, PodShape, Requirement, SpreadConstraint, Taint, Toleration, label,
};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// No open label has a value yet.
static NOTHING_OPEN: LazyLock<Labels> = LazyLock::new(Labels::new);

/// The nodes that count: those that the pod could select, where the policies say so, with a domain of each constraint of the pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Filter<'a> {
    keys: BTreeSet<&'a str>,
    selector: &'a [Requirement],
    affinity: &'a [Vec<Requirement>],
    /// `None` where taints do not count.
    tolerations: Option<&'a [Toleration]>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(one: &SpreadConstraint, owner: &'a PodShape) -> Self {
        let heeded = one.node_affinity_policy == NodePolicy::Honor;
        let keys = owner.topology.spread.iter().filter(|one| is_required(one)).map(|one| &*one.topology_key);
        Self {
            keys: keys.collect(),
            selector: if heeded { &owner.node_selector } else { &[] },
            affinity: if heeded { &owner.node_affinity } else { &[] },
            tolerations: (one.node_taints_policy == NodePolicy::Honor).then_some(&owner.tolerations),
        }
    }

    fn tolerates(&self, taints: &[Taint]) -> bool {
        self.tolerations.is_none_or(|tolerations| untolerated(taints, tolerations).next().is_none())
    }

    fn holds(&self, satisfies: impl Fn(&Requirement) -> bool) -> bool {
        let shape = PodShape { node_affinity: self.affinity.to_vec(), ..PodShape::default() };
        self.selector.iter().all(&satisfies) && (self.affinity.is_empty() || affinity_holds(&shape, satisfies))
    }

    /// Whether an existing node counts.
    pub(super) fn counts_node(&self, node: &Node) -> bool {
        self.keys.iter().all(|key| node.labels.contains_key(*key))
            && self.tolerates(&node.taints)
            && self.holds(|requirement| node_allows(node, requirement))
    }

    /// Whether pods of the plan on a node count.
    pub(super) fn counts_place(&self, world: &World<'_>, place: usize) -> bool {
        match world.places[place] {
            Place::Existing(node) => self.counts_node(node),
            Place::New(node, pool) => {
                let value = |key: &str| node.labels.get(key).map(AsRef::as_ref);
                self.keys.iter().all(|key| on_host(key) || node.labels.contains_key(*key))
                    && self.tolerates(&pool.taints)
                    && self.holds(|one| if on_host(one.key()) { unnamed_host(one) } else { one.allows(value(one.key())) })
            }
        }
    }

    /// The domains of nodes that count: existing ones, and every one that a pool could launch.
    pub(super) fn domains<'w>(&self, world: &World<'w>, key: &str) -> BTreeSet<&'w str> {
        let mut found: BTreeSet<&'w str> = BTreeSet::new();
        for node in world.snapshot.nodes().iter().filter(|node| self.counts_node(node)) {
            found.extend(node.labels.get(key).map(AsRef::as_ref));
        }
        let pools = world.snapshot.node_pools().iter();
        for pool in pools.filter(|pool| pool.unsupported.is_empty() && self.tolerates(&pool.taints)) {
            for instance_type in pool.instance_types.iter() {
                for offering in instance_type.offerings.iter().filter(|one| one.available && one.price.is_some()) {
                    self.launchable(pool, instance_type, offering, key, &mut found);
                }
            }
        }
        found
    }

    /// The domains of nodes that count and that the offering could become.
    fn launchable<'w>(
        &self,
        pool: &'w NodePool,
        instance_type: &'w InstanceType,
        offering: &'w Offering,
        key: &str,
        found: &mut BTreeSet<&'w str>,
    ) {
        let candidate = Candidate { pool, instance_type, offering, open: &NOTHING_OPEN };
        let requirements = pool.requirements.iter();
        let fixed_value = fixed(&candidate, key);
        let values: Vec<&'w str> = match fixed_value {
            Some(value) => vec![value],
            None if label::is_well_known(key) => Vec::new(),
            // A pool that leaves the value to choose.
            None => {
                pool.requirements.get(key).and_then(Requirement::finite_values).into_iter().flatten().map(AsRef::as_ref).collect()
            }
        };
        if !requirements
            .filter(|one| fixed(&candidate, one.key()).is_some() || label::is_well_known(one.key()))
            .all(|one| candidate.satisfies(one))
        {
            return;
        }
        let terms: Vec<&[Requirement]> = if self.affinity.is_empty() {
            vec![&[]]
        } else {
            self.affinity.iter().map(Vec::as_slice).filter(|term| !term.is_empty()).collect()
        };
        for value in values.into_iter().filter(|value| !found.contains(value)).collect::<Vec<_>>() {
            let pinned = Requirement::equals(key, value);
            let possible = |term: &&[Requirement]| {
                let asked: Vec<&Requirement> =
                    self.selector.iter().chain(*term).chain(fixed_value.is_none().then_some(&pinned)).collect();
                self.keys
                    .iter()
                    .all(|key| on_host(key) || fixed(&candidate, key).is_some() || pool.requirements.get(key).is_some())
                    && possible(&candidate, &asked)
            };
            if terms.iter().any(possible) {
                found.insert(value);
            }
        }
    }
}

/// The label that every node of the offering has.
fn fixed<'a>(candidate: &Candidate<'a>, key: &str) -> Option<&'a str> {
    candidate.fixed_label(key)
}

/// Whether one node can satisfy all of these: what the pool leaves open must allow them together.
fn possible(candidate: &Candidate<'_>, asked: &[&Requirement]) -> bool {
    asked.iter().all(|one| {
        let key = one.key();
        match candidate.pool.requirements.get(key).filter(|_| candidate.is_open(key)) {
            None => candidate.satisfies(one),
            Some(own) => {
                let same = asked.iter().filter(|other| other.key() == key);
                !same.fold(own.clone(), |all, other| all.intersect(other)).is_empty()
            }
        }
    })
}

/// Whether a host name that nobody knows yet satisfies the requirement.
fn unnamed_host(one: &Requirement) -> bool {
    one.finite_values().is_none() && one.bounds() == (None, None)
}
