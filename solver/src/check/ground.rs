//! What a node of one offering is like: who runs there anyway, what is left. Looked up once per offering and choice of open labels,
//! because a plan of thousands of nodes names the same few offerings over and over.

use crate::plan::OfferingRef;
use crate::predicate::{Candidate, overhead};
use crate::{DaemonSet, HostPort, InstanceType, Labels, NodePool, Offering, PodShape, Requirement, Resources, Snapshot};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One offering with its daemonsets, and the verdicts on pod shapes so far.
pub(super) struct Ground<'a> {
    pub(super) instance_type: &'a InstanceType,
    pub(super) offering: &'a Offering,
    pub(super) open: Rc<Labels>,
    pub(super) pool: &'a NodePool,
    pub(super) allocatable: Resources,
    pub(super) daemons: Vec<&'a DaemonSet>,
    pub(super) daemon_requests: Resources,
    pub(super) daemon_ports: Vec<(&'a DaemonSet, &'a HostPort)>,
    /// The first requirement of the pool that does not hold here.
    pub(super) excluded_by: Option<&'a Requirement>,
    verdicts: BTreeMap<*const PodShape, Rc<Verdict<'a>>>,
}

/// What of a shape's selection holds: the entries of its node selector that do not, and whether affinity and volumes do.
pub(super) struct Verdict<'a> {
    pub(super) selectors: Vec<&'a Requirement>,
    pub(super) affinity: bool,
    pub(super) volumes: bool,
}

impl<'a> Ground<'a> {
    fn new(
        pool: &'a NodePool,
        instance_type: &'a InstanceType,
        offering: &'a Offering,
        open: &Rc<Labels>,
        all: &'a [DaemonSet],
    ) -> Self {
        let candidate = Candidate { pool, instance_type, offering, open };
        let daemons: Vec<&DaemonSet> = all.iter().filter(|daemon| candidate.runs(daemon)).collect();
        Self {
            instance_type,
            offering,
            pool,
            allocatable: instance_type.allocatable(),
            daemon_requests: overhead(&daemons),
            daemon_ports: daemons.iter().flat_map(|daemon| daemon.shape.host_ports.iter().map(|port| (*daemon, port))).collect(),
            excluded_by: pool.requirements.iter().find(|requirement| !candidate.satisfies(requirement)),
            daemons,
            verdicts: BTreeMap::new(),
            open: Rc::clone(open),
        }
    }

    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate { pool: self.pool, instance_type: self.instance_type, offering: self.offering, open: &self.open }
    }

    /// What of the shape's node selector, affinity and volumes does not hold here.
    pub(super) fn verdict(&mut self, shape: &'a PodShape) -> Rc<Verdict<'a>> {
        if let Some(known) = self.verdicts.get(&std::ptr::from_ref(shape)) {
            return Rc::clone(known);
        }
        let candidate = self.candidate();
        let verdict = Rc::new(Verdict {
            selectors: shape.node_selector.iter().filter(|requirement| !candidate.satisfies(requirement)).collect(),
            affinity: crate::predicate::affinity_holds(shape, |requirement| candidate.satisfies(requirement)),
            volumes: crate::predicate::volumes_reachable(shape, |requirement| candidate.satisfies(requirement)),
        });
        self.verdicts.insert(std::ptr::from_ref(shape), Rc::clone(&verdict));
        verdict
    }
}

/// All grounds looked up so far.
pub(super) struct Grounds<'a> {
    snapshot: &'a Snapshot,
    types: Vec<BTreeMap<&'a str, &'a InstanceType>>,
    known: BTreeMap<(usize, OfferingRef, Rc<Labels>), Ground<'a>>,
}

impl<'a> Grounds<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let by_name = |pool: &'a NodePool| pool.instance_types.iter().map(|kind| (kind.name.as_str(), kind)).collect();
        Self { snapshot, types: snapshot.node_pools().iter().map(by_name).collect(), known: BTreeMap::new() }
    }

    /// The type and the offering that `wanted` names in the pool of this index.
    pub(super) fn find(&self, pool: usize, wanted: &OfferingRef) -> Option<(&'a InstanceType, &'a Offering)> {
        let instance_type = *self.types.get(pool)?.get(wanted.instance_type.as_str())?;
        let same = |offering: &&Offering| offering.zone == wanted.zone && offering.capacity_type == wanted.capacity_type;
        Some((instance_type, instance_type.offerings.iter().find(same)?))
    }

    /// The ground of an offering of the pool, `None` where there is no such offering.
    pub(super) fn get(&mut self, pool: usize, wanted: &OfferingRef, open: &Rc<Labels>) -> Option<&mut Ground<'a>> {
        let key = (pool, wanted.clone(), Rc::clone(open));
        if !self.known.contains_key(&key) {
            let (instance_type, offering) = self.find(pool, wanted)?;
            let ground =
                Ground::new(self.snapshot.node_pools().get(pool)?, instance_type, offering, open, self.snapshot.daemon_sets());
            self.known.insert(key.clone(), ground);
        }
        self.known.get_mut(&key)
    }
}
