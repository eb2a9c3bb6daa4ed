//! What takes time and no call: snapshots and plans, on threads of their own.

use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::manifest::Inventory;
use crate::provision::Order;
use crate::snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use windlass_solver::{Charges, InstanceType, NodePoolName, Options, Plan, PreferencePolicy};

/// A plan that takes longer is cut: what it has placed by then is launched, the rest waits for the next batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// Types by pool.
pub(super) type Types = BTreeMap<NodePoolName, Arc<[InstanceType]>>;

/// What snapshots are made with.
#[derive(Debug, Clone)]
pub(super) struct Lens {
    pub(super) catalog: Arc<Catalog>,
    pub(super) settings: snapshot::Settings,
    pub(super) preferences: PreferencePolicy,
    pub(super) charges: Charges,
}

/// What a snapshot shows of the pools.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// What each usable pool can launch.
    pub(super) types: Types,
    /// What is wrong with objects.
    pub(super) findings: Vec<Diagnostic>,
}

/// A plan, and the survey that it rests on.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Result<Plan, String>,
    pub(super) survey: Survey,
    pub(super) took: Duration,
}

impl Lens {
    /// Looks at the pools.
    pub(super) fn survey(&self, inventory: &Inventory) -> Survey {
        let taken = snapshot::take(inventory, &self.catalog, &self.settings);
        Survey { types: types(&taken.snapshot), findings: taken.diagnostics }
    }

    /// Plans a batch.
    pub(super) fn plan(&self, order: &Order, inventory: &Inventory) -> Planned {
        let began = Instant::now();
        let taken = snapshot::take(inventory, &self.catalog, &self.settings);
        let late = || began.elapsed() > PATIENCE;
        let (preferences, charges) = (self.preferences, self.charges);
        let options = Options { cancelled: Some(&late), preferences, charges, ..Options::default() };
        let plan = order.plan(&taken.snapshot, &options).map_err(|error| error.to_string());
        let survey = Survey { types: types(&taken.snapshot), findings: taken.diagnostics };
        Planned { plan, survey, took: began.elapsed() }
    }
}

fn types(snapshot: &windlass_solver::Snapshot) -> Types {
    snapshot.node_pools().iter().map(|pool| (pool.name.clone(), Arc::clone(&pool.instance_types))).collect()
}
