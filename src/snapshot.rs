//! From typed objects and a catalogue to the solver's snapshot. Pure: what is not in the arguments does not count.
//!
//! ```text
//! Provisioners, AWSNodeTemplates ──api::convert──┐
//! EC2NodeClasses ──node_class──▶ instance types ─┤
//! NodePools ───────────────────────node_pool─────┼─▶ Snapshot
//! NodeOverlays ────────────────────overlay───────┤
//! Nodes, NodeClaims, bound pods ───node, claim───┤
//! Pods, DaemonSets ────────────────pod, daemon_set
//! Claims, volumes, classes ────────volume ▲
//! ```
//!
//! An object with an error is left out and reported; the others are translated as if it were absent.

mod claim;
pub mod daemon_set;
#[cfg(test)]
mod fixture;
mod node;
mod node_class;
mod node_pool;
mod overlay;
pub mod pod;
pub(crate) mod template;
mod unique;
mod volume;

pub(crate) use node::{is_ephemeral, runs_on};
pub use node_class::{FREE, PREFIX_DELEGATION};
pub use pod::DefaultSpread;

use crate::api::{self, convert};
use crate::catalog::file::PriceKind;
use crate::catalog::{Catalog, NodeClassSettings};
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::{Inventory, Sourced};
use claim::Claim;
use node::{Surroundings, Usage};
use pod::{Leaving, Standing, standing};
use std::collections::{BTreeMap, BTreeSet};
use unique::{Named, unique};
use volume::attachment::Limits;
use windlass_solver::{CapacityType, DaemonSet, MinValuesPolicy, NodePool, Resources, Snapshot};

/// What a controller is told at its start and objects do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The version whose defaults Provisioners get.
    pub defaults: convert::Defaults,
    /// Network interfaces of every node that are kept from pods (Karpenter's `--reserved-enis`).
    pub reserved_enis: u32,
    /// Share of memory that hypervisor and firmware are assumed to keep, in millionths (`--vm-memory-overhead-percent`).
    pub vm_memory_overhead_ppm: u32,
    /// What becomes of nodes that cannot have what `minValues` ask for (`--min-values-policy`).
    pub min_values_policy: MinValuesPolicy,
    /// How kube-scheduler spreads pods that say nothing of it (`--default-spread`).
    pub default_spread: DefaultSpread,
    /// Instance types that each spot node must have to choose from (`--spot-min-types`).
    pub spot_min_types: u32,
    /// Share of the spot nodes that one type in one zone may have, in percent (`--spot-pool-share`).
    pub spot_pool_share: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            defaults: convert::Defaults::default(),
            reserved_enis: 0,
            vm_memory_overhead_ppm: NodeClassSettings::DEFAULT_VM_MEMORY_OVERHEAD_PPM,
            min_values_policy: MinValuesPolicy::Strict,
            default_spread: DefaultSpread::default(),
            spot_min_types: 1,
            spot_pool_share: 100,
        }
    }
}

/// A snapshot with what a reader should know about how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The solver's input.
    pub snapshot: Snapshot,
    /// Findings about the objects; those of reading are in the inventory.
    pub diagnostics: Vec<Diagnostic>,
    /// What the plan assumes and nobody did wrong, a sentence each: estimated prices, unknown subnets.
    pub notes: Vec<String>,
    /// Pods of the input that need no place.
    pub ignored: Ignored,
}

/// Pods that need no place, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored {
    /// They run already; they take room on their node.
    pub bound: usize,
    /// They succeeded or failed.
    pub finished: usize,
    /// They are being deleted.
    pub deleting: usize,
    /// Something holds them back (`schedulingGates`).
    pub gated: usize,
    /// A daemonset or a node starts them: they are overhead.
    pub of_nodes: usize,
}

/// Translates everything that decides where a pod can go.
pub fn take(inventory: &Inventory, catalog: &Catalog, settings: &Settings) -> Taken {
    let mut diagnostics = Vec::new();
    let converted = Converted::of(inventory, settings, &mut diagnostics);
    let classes = unique(inventory.node_classes.iter().chain(&converted.node_classes), &mut diagnostics);
    let pools = unique(inventory.node_pools.iter().chain(&converted.node_pools), &mut diagnostics);
    let mut unresolved = BTreeSet::new();
    let (daemon_sets, of_daemon_sets) = daemon_set::daemon_sets(inventory);
    let (pods, of_pods) = pod::pods(inventory, &settings.default_spread);
    let limits = Limits::new(inventory, &pods, &daemon_sets);
    let around = node_class::Surroundings { catalog, settings, limits: &limits };
    let classes = node_class::classes(&classes, around, &mut unresolved, &mut diagnostics);
    let mut pools = node_pool::node_pools(&pools, &classes, &mut diagnostics);
    let overlays = unique(inventory.node_overlays.iter(), &mut diagnostics);
    let overlaid = overlay::apply(&overlays, &mut pools, &mut diagnostics);
    for pool in &mut pools {
        pool.min_values_policy = settings.min_values_policy;
    }
    diagnostics.extend(of_daemon_sets);
    let nodes = existing(inventory, &mut pools, (&daemon_sets, &limits), &mut diagnostics);
    diagnostics.extend(of_pods);
    let mut assumptions = notes(&pools, &unresolved, catalog);
    if !overlaid.is_empty() {
        assumptions.push(format!("some prices are those of NodeOverlay {}", overlaid.join(", ")));
    }
    let mut builder = Snapshot::builder().pods(pods);
    builder = builder.spot_min_types(settings.spot_min_types).spot_pool_share(settings.spot_pool_share);
    for reservation in classes.values().flatten().flat_map(|class| &class.reservations) {
        builder = builder.reservation(reservation.id.clone(), reservation.slots);
    }
    builder = daemon_sets.into_iter().fold(builder, windlass_solver::SnapshotBuilder::daemon_set);
    builder = nodes.into_iter().fold(builder, windlass_solver::SnapshotBuilder::node);
    builder = pools.into_iter().fold(builder, windlass_solver::SnapshotBuilder::node_pool);
    let snapshot = builder.build().unwrap_or_else(|error| {
        diagnostics.push(Diagnostic::error(error.to_string()));
        Snapshot::default()
    });
    for finding in &mut diagnostics {
        inventory.written.place(finding);
    }
    Taken { snapshot, diagnostics, notes: assumptions, ignored: ignored(inventory) }
}

/// What the v1alpha5 objects turn into, with the places of what they were.
struct Converted {
    node_pools: Vec<Sourced<api::NodePool>>,
    node_classes: Vec<Sourced<api::EC2NodeClass>>,
}

impl Converted {
    fn of(inventory: &Inventory, settings: &Settings, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let provisioners = unique(inventory.provisioners.iter(), diagnostics);
        let templates = unique(inventory.aws_node_templates.iter(), diagnostics);
        let values: Vec<_> = provisioners.iter().map(|source| source.value.clone()).collect();
        let template_values: Vec<_> = templates.iter().map(|source| source.value.clone()).collect();
        let conversion = convert::convert(&values, &template_values, settings.defaults);
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        places.extend(provisioners.iter().map(|source| (format!("Provisioner/{}", source.value.name()), source.place.clone())));
        places.extend(templates.iter().map(|source| (format!("AWSNodeTemplate/{}", source.value.name()), source.place.clone())));
        diagnostics.extend(conversion.findings.into_iter().map(|mut finding| {
            finding.place = finding.place.or_else(|| places.get(finding.object.as_ref()?).cloned());
            finding
        }));
        let place_of = |name: &str| {
            let known = ["Provisioner", "AWSNodeTemplate"].iter().find_map(|kind| places.get(&format!("{kind}/{name}")));
            known.cloned().unwrap_or(Place { file: "<converted>".into(), document: 1, line: 1 })
        };
        let mut made = Self {
            node_pools: sourced(conversion.node_pools, &place_of),
            node_classes: sourced(conversion.node_classes, &place_of),
        };
        made.give_way(inventory, diagnostics);
        made
    }

    /// What was written as a NodePool or EC2NodeClass is used as it is; a Provisioner that would become another one of that name is not.
    fn give_way(&mut self, inventory: &Inventory, diagnostics: &mut Vec<Diagnostic>) {
        let is_written =
            |class: &api::EC2NodeClass| inventory.node_classes.iter().any(|known| known.value.name() == class.name());
        let (clashing, free): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.node_classes).into_iter().partition(|source| is_written(&source.value));
        self.node_classes = free;
        self.node_pools.retain(|source| {
            let name = source.value.name();
            let reference = source.value.spec.template.spec.node_class_ref.name.as_str();
            let rival = if inventory.node_pools.iter().any(|known| known.value.name() == name) {
                format!("NodePool/{name}")
            } else if clashing.iter().any(|known| known.value.name() == reference) {
                format!("EC2NodeClass/{reference}")
            } else {
                return true;
            };
            let message = format!("would become what {rival} of the input is already, so it is left out");
            diagnostics.push(
                Diagnostic::error(message)
                    .at(source.place.clone())
                    .on(format!("Provisioner/{name}"))
                    .hint("remove or rename one of them"),
            );
            false
        });
    }
}

fn sourced<T: Named>(values: Vec<T>, place_of: &dyn Fn(&str) -> Place) -> Vec<Sourced<T>> {
    values.into_iter().map(|value| Sourced { place: place_of(value.name()), value }).collect()
}

/// The nodes that exist or are on their way; what they use is written into their pools.
fn existing(
    inventory: &Inventory,
    pools: &mut [NodePool],
    (daemon_sets, limits): (&[DaemonSet], &Limits),
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<windlass_solver::Node> {
    let written = unique(inventory.nodes.iter(), diagnostics);
    let claims = claim::claims(&unique(inventory.node_claims.iter(), diagnostics), diagnostics);
    let bound = pod::bound(inventory);
    let (nodes, usages) = {
        let around = Surroundings {
            bound: &bound,
            daemon_sets,
            limits,
            startup_taints: pools.iter().map(|pool| (pool.name.clone(), pool.startup_taints.clone())).collect(),
            claims: &claims,
            pools: &*pools,
            capacities: pools
                .iter()
                .flat_map(|pool| pool.instance_types.iter())
                .map(|kind| (kind.name.as_str(), &kind.capacity))
                .collect(),
        };
        let (mut nodes, mut usages) = node::nodes(&written, &around, diagnostics);
        let waiting = |claim: &&Claim| !written.iter().any(|source| claim.is_of_node(&source.value));
        for claim in claims.iter().filter(waiting) {
            if claim.is_on_its_way() && nodes.iter().all(|node| node.name.as_str() != claim.name) {
                nodes.push(node::in_flight(claim, &around));
            }
            if let Some(pool) = pools.iter().find(|pool| Some(&pool.name) == claim.node_pool.as_ref()) {
                let capacity = claim.worst_capacity(&pool.instance_types);
                usages.push(Usage { node_pool: pool.name.clone(), capacity });
            }
        }
        (nodes, usages)
    };
    for pool in pools {
        for usage in usages.iter().filter(|usage| usage.node_pool == pool.name) {
            pool.usage.add(&usage.capacity);
            pool.usage.add(&Resources::new().with(windlass_solver::ResourceName::NODES, 1));
        }
    }
    nodes
}

/// What the plan rests on and the input does not say.
fn notes(pools: &[NodePool], unresolved: &BTreeSet<String>, catalog: &Catalog) -> Vec<String> {
    let mut notes = Vec::new();
    let zone_is_open =
        |pool: &&NodePool| pool.requirements.get(api::label::ZONE).is_none_or(|zone| zone.finite_values().is_none());
    let assumed: BTreeSet<&str> = pools
        .iter()
        .filter(zone_is_open)
        .filter_map(|pool| pool.labels.get(api::label::NODE_CLASS))
        .map(AsRef::as_ref)
        .filter(|name| unresolved.contains(*name))
        .collect();
    if !assumed.is_empty() {
        let names = assumed.into_iter().collect::<Vec<_>>().join(", ");
        let region = catalog.region();
        notes.push(format!("the subnets of EC2NodeClass {names} are not known; one in every zone of {region} is assumed"));
    }
    let buys = |capacity_type: CapacityType| {
        pools.iter().any(|pool| {
            pool.requirements.get(api::label::CAPACITY_TYPE).is_none_or(|kind| kind.allows(Some(capacity_type.as_str())))
        })
    };
    let sources = catalog.sources();
    for (capacity_type, kind) in [(CapacityType::OnDemand, sources.on_demand), (CapacityType::Spot, sources.spot)] {
        if kind == PriceKind::Estimate && buys(capacity_type) {
            notes.push(format!("{capacity_type} prices are estimates; a catalogue with current ones gives exact costs"));
        }
    }
    let unpriced: BTreeSet<&str> = pools
        .iter()
        .flat_map(|pool| pool.instance_types.iter())
        .filter(|kind| kind.offerings.iter().all(|offering| offering.price.is_none()))
        .map(|kind| kind.name.as_str())
        .collect();
    if !unpriced.is_empty() {
        notes.push(format!("{} instance types have no price in the catalogue and are never chosen", unpriced.len()));
    }
    notes
}

fn ignored(inventory: &Inventory) -> Ignored {
    let leaving = Leaving::new(inventory);
    let mut counts = Ignored::default();
    for set in inventory.pods.iter().map(|source| &source.value) {
        let counter = match standing(set, &leaving) {
            Standing::Finished => &mut counts.finished,
            Standing::Bound => &mut counts.bound,
            Standing::OfNode => &mut counts.of_nodes,
            Standing::Deleting => &mut counts.deleting,
            Standing::Gated => &mut counts.gated,
            Standing::Pending => continue,
        };
        *counter += set.keys.len();
    }
    counts
}

#[cfg(test)]
mod tests;
