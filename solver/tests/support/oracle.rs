//! The rules once more, by brute force: every node that could be launched, and the cheapest way to cover a few pods with them. Written
//! against the documented semantics only; it shares nothing with the library but data types.

use super::{CAPACITY, TYPE, ZONE, labels};
use std::sync::Arc;
use windlass_solver::plan::{OfferingRef, PlannedNode};
use windlass_solver::{
    CapacityType, DaemonSet, HostPort, InstanceType, Labels, MicroUsd, MinValuesPolicy, Namespaces, NodePool, Offering, Plan,
    Pod, PodSelector, PodShape, Requirement, Resources, Snapshot, Taint, TaintEffect,
};

/// One node that could be launched.
pub(crate) struct Place<'a> {
    pub(crate) pool: &'a NodePool,
    pub(crate) kind: &'a InstanceType,
    pub(crate) price: MicroUsd,
    offering: &'a Offering,
    labels: Labels,
    daemons: Vec<&'a DaemonSet>,
}

/// Every node that could be launched from a supported pool, for each value that random snapshots mention of an open label.
pub(crate) fn places(snapshot: &Snapshot) -> Vec<Place<'_>> {
    let mut all = Vec::new();
    for pool in snapshot.node_pools().iter().filter(|pool| pool.unsupported.is_empty() && pool.replicas.is_none()) {
        for kind in pool.instance_types.iter() {
            for offering in kind.offerings.iter().filter(|offering| offering.available) {
                let Some(price) = offering.price else { continue };
                for labels in label_sets(pool, kind, offering) {
                    let daemons = snapshot
                        .daemon_sets()
                        .iter()
                        .filter(|daemon| may_run(&daemon.shape, &pool.taints, &labels, false))
                        .collect();
                    all.push(Place { pool, kind, price, offering, labels, daemons });
                }
            }
        }
    }
    all
}

fn label_sets(pool: &NodePool, kind: &InstanceType, offering: &Offering) -> Vec<Labels> {
    let own = labels(&[
        (ZONE, offering.zone.as_str()),
        (CAPACITY, offering.capacity_type.as_str()),
        (TYPE, kind.name.as_str()),
        ("karpenter.sh/nodepool", pool.name.as_str()),
    ]);
    let mut fixed = pool.labels.clone();
    for more in [&kind.labels, &offering.labels, &own] {
        fixed.extend(more.clone());
    }
    let choices = |key: &str, values: &[&'static str]| -> Vec<Option<&'static str>> {
        let open = pool.requirements.get(key).is_some() && !fixed.contains_key(key);
        if open { values.iter().copied().map(Some).chain([None]).collect() } else { vec![None] }
    };
    let mut sets = Vec::new();
    for team in choices("team", &["x", "y", "z", "other"]) {
        for generation in choices("generation", &["4", "5", "6", "7", "other"]) {
            let mut set = fixed.clone();
            for (key, value) in [("team", team), ("generation", generation)] {
                set.extend(value.map(|value| (Arc::from(key), Arc::from(value))));
            }
            if pool.requirements.iter().all(|requirement| holds(requirement, &set, false)) {
                sets.push(set);
            }
        }
    }
    sets
}

fn holds(requirement: &Requirement, labels: &Labels, exists: bool) -> bool {
    let unknown = !exists && requirement.key() == "kubernetes.io/hostname";
    requirement.allows(if unknown { Some("a-name-that-nobody-knows") } else { labels.get(requirement.key()).map(AsRef::as_ref) })
}

/// Whether taints and labels let a pod on a node, which has a host name once it exists.
pub(crate) fn may_run(shape: &PodShape, taints: &[Taint], labels: &Labels, exists: bool) -> bool {
    let tolerated = |taint: &Taint| taint.effect == TaintEffect::PreferNoSchedule || taint.tolerated_by(&shape.tolerations);
    let matches = |term: &Vec<Requirement>| !term.is_empty() && term.iter().all(|requirement| holds(requirement, labels, exists));
    taints.iter().all(tolerated)
        && shape.node_selector.iter().all(|requirement| holds(requirement, labels, exists))
        && (shape.node_affinity.is_empty() || shape.node_affinity.iter().any(matches))
        && shape.volume_topology.iter().all(|terms| terms.iter().any(matches))
}

pub(crate) fn clash(a: &HostPort, b: &HostPort) -> bool {
    let any = |ip: &str| ["", "0.0.0.0", "::"].contains(&ip);
    (a.port, a.protocol) == (b.port, b.protocol) && (a.ip == b.ip || any(&a.ip) || any(&b.ip))
}

/// Whether pods that share a host with each other and with daemon pods all allow it. That a group that joins itself has one host only is
/// not asked: this looks at one host.
fn neighbourly(pods: &[&Pod], daemons: &[&DaemonSet]) -> bool {
    let selects = |selector: &PodSelector, (namespace, labels): (&Arc<str>, &Labels)| {
        let here = match &selector.namespaces {
            Namespaces::All => true,
            Namespaces::Only(names) => names.contains(namespace),
        };
        let value = |one: &Requirement| labels.get(one.key()).map(AsRef::as_ref);
        here && selector.labels.as_ref().is_some_and(|all| all.iter().all(|one| one.allows(value(one))))
    };
    let ours = pods.iter().map(|pod| ((&pod.key.namespace, &*pod.labels), &pod.shape.topology));
    let all: Vec<_> = ours.chain(daemons.iter().map(|d| ((&d.key.namespace, &*d.labels), &d.shape.topology))).collect();
    let apart = all.iter().enumerate().all(|(index, (_, rules))| {
        // Daemonsets among themselves are not our concern.
        let others =
            || all.iter().enumerate().filter(move |(other, _)| *other != index && (*other < pods.len() || index < pods.len()));
        let concerns =
            |selector: &PodSelector| index < pods.len() || all[..pods.len()].iter().any(|(pod, _)| selects(selector, *pod));
        let count = |selector: &PodSelector| all.iter().filter(|(other, _)| selects(selector, *other)).count();
        rules.anti_affinity.iter().all(|term| others().all(|(_, (other, _))| !selects(&term.selector, *other)))
            && rules.spread.iter().all(|one| !concerns(&one.selector) || count(&one.selector) <= one.max_skew as usize)
    });
    let mut came: Vec<bool> =
        all.iter().enumerate().map(|(i, (_, rules))| i >= pods.len() || rules.affinity.is_empty()).collect();
    let asks = |one: usize, other: usize| all[one].1.affinity.iter().all(|term| selects(&term.selector, all[other].0));
    while let Some(next) = (0..all.len()).find(|one| {
        let joins = (0..all.len()).any(|other| came[other] && asks(*one, other));
        !came[*one] && (joins || asks(*one, *one))
    }) {
        came[next] = true;
    }
    apart && came.iter().all(|came| *came)
}

/// Whether a node for these pods at `place` could be enough different things, for a pool that insists.
pub(crate) fn is_varied(places: &[Place<'_>], place: &Place<'_>, pods: &[&Pod]) -> bool {
    let relents = place.pool.min_values_policy == MinValuesPolicy::BestEffort;
    let open = |place: &Place<'_>| ["team", "generation"].map(|key| place.labels.get(key).cloned());
    let alike = |other: &&Place<'_>| other.pool.name == place.pool.name && open(other) == open(place) && other.takes(pods);
    relents
        || place.pool.min_values.iter().all(|asked| {
            let values = places.iter().filter(alike).filter_map(|other| other.labels.get(&asked.key));
            values.collect::<std::collections::BTreeSet<_>>().len() >= asked.count as usize
        })
}

impl<'a> Place<'a> {
    /// The capacity reservation that a node here takes room of.
    pub(crate) fn reservation(&self) -> Option<&str> {
        let reserved = self.offering.capacity_type == CapacityType::Reserved;
        self.label("karpenter.k8s.aws/capacity-reservation-id").filter(|_| reserved)
    }

    /// Whether labels and taints let a pod here, and the pod itself could be anywhere.
    pub(crate) fn allows(&self, pod: &Pod) -> bool {
        let ready = pod.shape.unsupported.is_empty() && pod.shape.not_ready.is_none();
        ready && may_run(&pod.shape, &self.pool.taints, &self.labels, false)
    }

    /// What daemon pods leave.
    pub(crate) fn room(&self) -> Resources {
        let mut left = self.kind.allocatable();
        left.subtract(&self.requested(&[]));
        left
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(AsRef::as_ref)
    }

    pub(crate) fn daemons(&self) -> impl Iterator<Item = &'a DaemonSet> + '_ {
        self.daemons.iter().copied()
    }

    /// Whether a node here holds all of these pods.
    pub(crate) fn takes(&self, pods: &[&Pod]) -> bool {
        let shapes = || pods.iter().map(|pod| &*pod.shape).chain(self.daemons.iter().map(|daemon| &*daemon.shape));
        let ports: Vec<(usize, &HostPort)> =
            shapes().enumerate().flat_map(|(owner, shape)| shape.host_ports.iter().map(move |port| (owner, port))).collect();
        let apart = |(owner, port): &(usize, &HostPort)| {
            // Daemonsets among themselves are not our concern.
            *owner >= pods.len() || !ports.iter().any(|(other, taken)| other != owner && clash(port, taken))
        };
        neighbourly(pods, &self.daemons)
            && pods.iter().all(|pod| self.allows(pod))
            && self.requested(pods).fits_in(&self.kind.allocatable())
            && ports.iter().all(apart)
    }

    fn requested(&self, pods: &[&Pod]) -> Resources {
        let mut sum = Resources::new();
        for shape in pods.iter().map(|pod| &pod.shape).chain(self.daemons.iter().map(|daemon| &daemon.shape)) {
            sum.add(&shape.requests);
        }
        sum
    }

    /// The node as a plan describes it.
    pub(crate) fn node(&self, name: &str, pods: &[&Pod]) -> PlannedNode {
        let mut keys: Vec<_> = pods.iter().map(|pod| pod.key.clone()).collect();
        keys.sort();
        PlannedNode {
            name: name.into(),
            node_pool: self.pool.name.clone(),
            offering: OfferingRef {
                price: self.price,
                instance_type: self.kind.name.clone(),
                zone: self.offering.zone.clone(),
                capacity_type: self.offering.capacity_type,
            },
            alternatives: Vec::new(),
            labels: self.labels.clone(),
            taints: self.pool.taints.clone(),
            pods: keys,
            daemon_set_pods: self.daemons.iter().map(|daemon| daemon.key.clone()).collect(),
            allocatable: self.kind.allocatable(),
            requested: self.requested(pods),
            relaxed: Vec::new(),
        }
    }
}

/// The least that new nodes for exactly these pods can cost within the pools' limits, where each pod stays on pools of the weight given
/// for it; `None` where they cannot all be placed. Goes through all partitions: for a handful of pods only.
pub(crate) fn optimum(snapshot: &Snapshot, pods: &[(&Pod, i32)]) -> Option<MicroUsd> {
    let places = places(snapshot);
    let mut search = Search { places: &places, pods, best: None };
    search.descend(0, &mut Vec::new());
    search.best
}

struct Search<'a> {
    places: &'a [Place<'a>],
    pods: &'a [(&'a Pod, i32)],
    best: Option<MicroUsd>,
}

impl<'a> Search<'a> {
    /// Puts pod `index` into each open group or a new one, then prices the groups.
    fn descend(&mut self, index: usize, groups: &mut Vec<Vec<usize>>) {
        if index == self.pods.len() {
            let options: Vec<Vec<&Place<'a>>> = groups.iter().map(|group| self.options(group)).collect();
            self.price(&options, &mut Vec::new(), MicroUsd::ZERO);
            return;
        }
        for group in 0..groups.len() {
            groups[group].push(index);
            self.descend(index + 1, groups);
            groups[group].pop();
        }
        groups.push(vec![index]);
        self.descend(index + 1, groups);
        groups.pop();
    }

    /// The cheapest place per pool and type that holds the group.
    fn options(&self, group: &[usize]) -> Vec<&'a Place<'a>> {
        let pods: Vec<&Pod> = group.iter().map(|index| self.pods[*index].0).collect();
        let weights: Vec<i32> = group.iter().map(|index| self.pods[*index].1).collect();
        let mut options: Vec<&Place<'a>> = Vec::new();
        for place in self.places.iter().filter(|place| weights.iter().all(|weight| *weight == place.pool.weight)) {
            if !place.takes(&pods) || !is_varied(self.places, place, &pods) {
                continue;
            }
            match options.iter_mut().find(|known| known.pool.name == place.pool.name && known.kind.name == place.kind.name) {
                Some(known) if known.price <= place.price => {}
                Some(known) => *known = place,
                None => options.push(place),
            }
        }
        options
    }

    fn price(&mut self, options: &[Vec<&'a Place<'a>>], chosen: &mut Vec<&'a Place<'a>>, cost: MicroUsd) {
        if self.best.is_some_and(|best| cost >= best) {
            return;
        }
        let Some((first, rest)) = options.split_first() else {
            self.best = Some(cost);
            return;
        };
        for place in first {
            chosen.push(place);
            if within_limits(chosen) {
                self.price(rest, chosen, cost.plus(place.price));
            }
            chosen.pop();
        }
    }
}

fn within_limits(chosen: &[&Place<'_>]) -> bool {
    chosen.iter().all(|place| {
        place.pool.limits.iter().all(|(resource, limit)| {
            let mine = chosen.iter().filter(|other| other.pool.name == place.pool.name);
            let used =
                |other: &&Place<'_>| if resource.as_str() == "nodes" { 1 } else { other.kind.capacity.get(resource.as_str()) };
            place.pool.usage.get(resource.as_str()) + mine.map(used).sum::<i64>() <= *limit
        })
    })
}

/// The plan with its totals made to agree with its lists.
pub(crate) fn resummed(mut plan: Plan) -> Plan {
    plan.summary.placed =
        plan.nodes.iter().map(|node| node.pods.len()).chain(plan.existing_nodes.iter().map(|place| place.pods.len())).sum();
    plan.summary.hourly_cost = plan.nodes.iter().map(|node| node.offering.price).sum();
    plan.summary.lower_bound = MicroUsd::ZERO;
    plan.summary.status = windlass_solver::Status::Feasible;
    plan
}
