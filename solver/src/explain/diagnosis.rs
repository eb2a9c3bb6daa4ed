//! Why a pod has no place, as a word, a sentence, a funnel, and the smallest change that helps.

use super::amount;
use super::relaxation::{Relaxation, Shown};
use super::survey::{LimitsLeft, Step, Survey, survey};
use super::uniform::Uniform;
use crate::plan::FunnelStep;
use crate::topology::on_host;
use crate::{Feature, NodePoolName, PodShape, Reason, Requirement, ResourceName, Snapshot, label};

/// What `solve` says about a pod that it could not place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// Why, as a word.
    pub(crate) reason: Reason,
    /// Why, and what to do.
    pub(crate) message: String,
    /// How the offerings ran out.
    pub(crate) funnel: Vec<FunnelStep>,
    /// The smallest single change after which a new node would take the pod.
    pub(crate) would_fit_if: Option<String>,
}

/// A rule about other pods that leaves a pod no host although offerings would hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// Which kind of rule.
    pub(crate) reason: Reason,
    /// The rule, as a step of the funnel.
    pub(crate) step: String,
    /// The rule, and what to do.
    pub(crate) message: String,
}

impl Diagnosis {
    /// Whether offerings would hold the pod, so that limits must be what is in its way, or rules about other pods.
    pub(crate) const fn is_about_limits(&self) -> bool {
        matches!(self.reason, Reason::LimitExceeded | Reason::NoNodePool)
    }

    /// Says that a rule about other pods is in the way.
    pub(crate) fn meet(&mut self, obstacle: Obstacle) {
        self.reason = obstacle.reason;
        self.message = obstacle.message;
        self.would_fit_if = None;
        if self.funnel.last().is_none_or(|step| step.remaining > 0) {
            self.funnel.push(FunnelStep { step: obstacle.step, remaining: 0 });
        }
    }
}

/// Diagnoses pods of one shape that neither an existing node nor a new one takes. `limits_left` is what the plan leaves of each pool's
/// limits; a pool that is absent has all that its existing nodes leave.
pub(crate) fn diagnose(snapshot: &Snapshot, shape: &PodShape, limits_left: &LimitsLeft) -> Diagnosis {
    if let Some(why) = &shape.not_ready {
        let (reason, message) = (Reason::VolumeNotReady, why.to_string());
        return Diagnosis { reason, message, funnel: Vec::new(), would_fit_if: None };
    }
    let found = survey(snapshot, shape, limits_left);
    let refused = &shape.unsupported;
    if !refused.is_empty() {
        let single = match refused[..] {
            [feature] if found.open > 0 => Some(Relaxation::DropFeature(feature)),
            _ => None,
        };
        return Diagnosis {
            reason: Reason::NotYetSupported,
            message: format!(
                "it asks for {}, which is not planned yet and never ignored: remove that from the pod, or place it by hand",
                features(refused)
            ),
            funnel: Vec::new(),
            would_fit_if: single.map(|change| change.to_string()),
        };
    }
    let reason = reason(&found);
    Diagnosis {
        reason,
        message: Teller { snapshot, shape, found: &found }.sentence(reason),
        funnel: funnel(shape, &found),
        would_fit_if: found.relaxation.map(|change| change.to_string()),
    }
}

/// Diagnoses pods that must also satisfy `avoid`, because of the required anti-affinity of pods that run.
pub(crate) fn diagnose_beside(
    snapshot: &Snapshot,
    shape: &PodShape,
    avoid: &[Requirement],
    limits_left: &LimitsLeft,
) -> Diagnosis {
    let mut choosy = shape.clone();
    // Every new host satisfies what is asked of its name here.
    choosy.node_selector.extend(avoid.iter().filter(|one| one.key() != label::HOSTNAME).cloned());
    let mut diagnosis = diagnose(snapshot, &choosy, limits_left);
    for one in avoid {
        let step = format!("nodeSelector {one}");
        if diagnosis.would_fit_if.as_ref() == Some(&format!("without {step}")) {
            diagnosis.would_fit_if = None;
        }
        let Some(found) = diagnosis.funnel.iter_mut().find(|known| known.step == step) else { continue };
        if one.finite_values().is_some() {
            // A domain that was chosen for it, not one that it must avoid.
            found.step = format!("domain by rules about other pods: {one}");
            continue;
        }
        found.step = format!("podAntiAffinity of pods that run: {one}");
        if found.remaining == 0 {
            diagnosis.message = format!(
                "the required podAntiAffinity of pods that run keeps it away: no offering that is left has {one}; move those pods, or let \
                 a NodePool launch elsewhere"
            );
        }
    }
    if matches!(diagnosis.reason, Reason::LimitExceeded | Reason::NoNodePool)
        && let Some(rule) = host_rule(shape)
    {
        diagnosis.message = format!("{}; on hosts in use, it {rule}", diagnosis.message);
    }
    diagnosis
}

/// The first rule of a shape about pods on one host, for people.
fn host_rule(shape: &PodShape) -> Option<String> {
    let apart = shape
        .topology
        .anti_affinity
        .iter()
        .find(|term| on_host(&term.topology_key))
        .map(|term| format!("must not meet {} (podAntiAffinity)", term.selector));
    let spread = || {
        let one = shape.topology.spread.iter().find(|one| on_host(&one.topology_key))?;
        Some(format!("allows {} of {} (topologySpreadConstraints)", one.max_skew, one.selector))
    };
    apart.or_else(spread)
}

/// How many offerings of all pools together are left after each step, beginning with all: the counts never grow, and the funnel ends
/// where none is left. Each pool has a step of its own, its taints where the pod does not tolerate them and its requirements
/// otherwise. Steps of the pod's own choice (selector, affinity, volumes) are always listed; the others where they removed something.
pub(super) fn funnel(shape: &PodShape, found: &Survey) -> Vec<FunnelStep> {
    let (repelled, tolerated): (Vec<_>, Vec<_>) = found.pools.iter().partition(|count| count.tolerated < count.offerings);
    let taints =
        repelled.into_iter().map(|count| (format!("nodePool {}: taints", count.pool), count.offerings - count.tolerated));
    let requirements =
        tolerated.into_iter().map(|count| (format!("nodePool {}: requirements", count.pool), count.tolerated - count.allowed));
    let removed = |step: &Step| found.removed.get(step).copied().unwrap_or(0);
    let selectors = shape
        .node_selector
        .iter()
        .enumerate()
        .map(|(index, wanted)| (format!("nodeSelector {wanted}"), removed(&Step::Selector(index))));
    let affinity = (!shape.node_affinity.is_empty()).then(|| ("nodeAffinity".to_owned(), removed(&Step::Affinity)));
    let volumes = (!shape.volume_topology.is_empty()).then(|| ("volumes".to_owned(), removed(&Step::Volumes)));
    let others = found.removed.iter().filter_map(|(step, removed)| Some((name(shape, step)?, *removed)));
    let all = found.pools.iter().map(|count| count.offerings).sum();
    let start = match &found.pools[..] {
        [] => return Vec::new(),
        [only] => FunnelStep { step: format!("offerings of nodePool {}", only.pool), remaining: all },
        pools => FunnelStep { step: format!("offerings of {} nodePools", pools.len()), remaining: all },
    };
    let mut remaining = all;
    let mut steps = vec![start];
    for (step, removed) in taints.chain(requirements).chain(selectors).chain(affinity).chain(volumes).chain(others) {
        if remaining == 0 {
            break;
        }
        remaining -= removed;
        steps.push(FunnelStep { step, remaining });
    }
    steps
}

/// The name of a step that is listed only where it removes something.
fn name(shape: &PodShape, step: &Step) -> Option<String> {
    match step {
        Step::Taints | Step::Requirements | Step::Selector(_) | Step::Affinity | Step::Volumes => None,
        Step::Resource(name) => Some(format!("resources: {}", request(shape, name))),
        Step::HostPorts => Some("host ports".to_owned()),
        Step::Available => Some("available".to_owned()),
        Step::Priced => Some("priced".to_owned()),
        Step::Supported => Some("supported nodePools".to_owned()),
        Step::MinValues => Some("minValues".to_owned()),
        Step::SpotTypes => Some("least instance types of spot nodes".to_owned()),
        Step::Limits => Some("limits".to_owned()),
    }
}

fn request(shape: &PodShape, name: &ResourceName) -> String {
    format!("{name} {}", amount::exact(name.as_str(), shape.requests.get(name.as_str())))
}

fn features(all: &[Feature]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// Where volumes can be used: `zone In [a] or zone In [b]`, joined by `and` for several volumes.
fn places(volumes: &[Vec<Vec<Requirement>>]) -> String {
    let term = |term: &Vec<Requirement>| term.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let volume = |terms: &Vec<Vec<Requirement>>| terms.iter().map(term).collect::<Vec<_>>().join(" or ");
    let mut all: Vec<String> = volumes.iter().map(volume).collect();
    all.dedup();
    all.join(" and ")
}

/// The reason is the step that removed the last offerings; a pool that could take the pod but is refused itself goes before.
fn reason(found: &Survey) -> Reason {
    if found.pools.is_empty() {
        return Reason::NoNodePool;
    }
    if !found.refused_pools.is_empty() {
        return Reason::NotYetSupported;
    }
    match found.removed.keys().next_back() {
        _ if found.open > 0 && found.open == found.reserved => Reason::NoOfferingAvailable,
        _ if found.open > 0 => Reason::LimitExceeded,
        Some(Step::Taints) => Reason::TaintsNotTolerated,
        None | Some(Step::Requirements | Step::Selector(_) | Step::Affinity | Step::Volumes) => Reason::NoMatchingInstanceType,
        Some(Step::Resource(_)) => Reason::NoInstanceTypeFits,
        Some(Step::HostPorts) => Reason::HostPortInUse,
        Some(Step::Available) => Reason::NoOfferingAvailable,
        Some(Step::Priced) => Reason::NoPrice,
        Some(Step::Supported) => Reason::NotYetSupported,
        Some(Step::MinValues) => Reason::MinValuesNotMet,
        Some(Step::SpotTypes) => Reason::SpotTypesTooFew,
        Some(Step::Limits) => Reason::LimitExceeded,
    }
}

struct Teller<'a> {
    snapshot: &'a Snapshot,
    shape: &'a PodShape,
    found: &'a Survey,
}

impl Teller<'_> {
    fn sentence(&self, reason: Reason) -> String {
        let what = match reason {
            Reason::NoNodePool if self.snapshot.node_pools().is_empty() => {
                return "there is no NodePool that a node could be launched from: add one".to_owned();
            }
            Reason::NoNodePool => {
                return "the nodes of static NodePools have no room for it, and there is no other NodePool: add one".to_owned();
            }
            Reason::TaintsNotTolerated => return self.taints(),
            Reason::NoMatchingInstanceType => self.no_match(),
            Reason::NoInstanceTypeFits => self.too_big(),
            Reason::HostPortInUse => {
                "daemonsets use its host ports on every node that would hold it: change the port of one of them".to_owned()
            }
            Reason::NoOfferingAvailable if self.found.reserved > 0 => {
                "the capacity reservations that would hold it are used up: let it use other capacity types, or reserve more"
                    .to_owned()
            }
            Reason::NoOfferingAvailable => {
                "EC2 is out of capacity for every offering that would hold it: allow more instance types, zones or capacity types"
                    .to_owned()
            }
            Reason::NoPrice => {
                "no offering that would hold it has a price, and none is bought blindly: give a catalogue with their prices"
                    .to_owned()
            }
            Reason::MinValuesNotMet => self.too_uniform(),
            Reason::SpotTypesTooFew => self.too_few_spot_types(),
            Reason::NotYetSupported => self.refused(),
            Reason::VolumeNotReady => self.shape.not_ready.as_deref().unwrap_or_default().to_owned(),
            // Rules about other pods are told by who knows them.
            Reason::LimitExceeded
            | Reason::SpotPoolShare
            | Reason::TopologySpread
            | Reason::PodAffinity
            | Reason::PodAntiAffinity => self.limits(),
        };
        match &self.found.taints[..] {
            [] => what,
            [(pool, taint), ..] => {
                format!("{what} (NodePool {pool} is out of the question without a toleration for {})", Shown(taint))
            }
        }
    }

    fn taints(&self) -> String {
        let wanted: Vec<String> =
            self.found.taints.iter().map(|(pool, taint)| format!("{} of NodePool {pool}", Shown(taint))).collect();
        format!("it tolerates no NodePool's taints: add a toleration for {}, or a NodePool without taints", wanted.join(" or "))
    }

    fn no_match(&self) -> String {
        if self.found.pools.iter().all(|count| count.offerings == 0) {
            return "no NodePool has an instance type: check the zones of its node class and the catalogue".to_owned();
        }
        let unmatched: Vec<&NodePoolName> =
            self.found.pools.iter().filter(|count| count.tolerated > 0 && count.allowed == 0).map(|count| &count.pool).collect();
        if let [pool, ..] = unmatched[..]
            && self.found.pools.iter().all(|count| count.allowed == 0)
        {
            return format!("no instance type satisfies the requirements of NodePool {pool}: widen them");
        }
        match self.found.removed.keys().next_back() {
            Some(Step::Selector(index)) => {
                let wanted = self.shape.node_selector.get(*index).map(ToString::to_string).unwrap_or_default();
                format!("no offering of a NodePool that it tolerates has {wanted}: change the pod's nodeSelector, or a NodePool to allow it")
            }
            Some(Step::Volumes) => format!(
                "no offering of a NodePool that it tolerates lies where its volumes can be used ({}): allow that place in a NodePool",
                places(&self.shape.volume_topology)
            ),
            _ => "no offering of a NodePool that it tolerates satisfies its required node affinity: change that, or a NodePool to allow it"
                .to_owned(),
        }
    }

    fn too_big(&self) -> String {
        let short: Vec<(&ResourceName, i64)> = self.found.largest.iter().map(|(name, room)| (name, *room)).collect();
        let what = match short[..] {
            [(name, _)] if self.shape.requests.get(name.as_str()) == 0 => {
                format!("daemonsets alone ask for more {name} than there is")
            }
            [(name, room)] => format!(
                "it asks for {}, and at most {} is left beside daemonsets",
                request(self.shape, name),
                amount::at_most(name.as_str(), room.max(0))
            ),
            _ => {
                let all: Vec<String> = short.iter().map(|(name, _)| request(self.shape, name)).collect();
                format!("none leaves {} together beside daemonsets", all.join(" and "))
            }
        };
        format!("no matching instance type is big enough: {what}; ask for less, or allow larger types in a NodePool")
    }

    fn refused(&self) -> String {
        let refused = self.snapshot.node_pools().iter().find(|pool| self.found.refused_pools.contains(&pool.name));
        refused.map_or_else(String::new, |pool| {
            format!(
                "NodePool {} could take it, but asks for {}, which is not planned yet and never ignored: remove that from the NodePool",
                pool.name,
                features(&pool.unsupported)
            )
        })
    }

    fn too_uniform(&self) -> String {
        let short: Vec<String> = self
            .found
            .uniform
            .iter()
            .map(|Uniform { pool, key, asked, found }| {
                format!("minValues of NodePool {pool} ask for {asked} values of {key}, and what would hold it has {found}")
            })
            .collect();
        format!("{}: allow more in the NodePool, lower its minValues, or let them be relaxed (BestEffort)", short.join("; "))
    }

    fn too_few_spot_types(&self) -> String {
        format!(
            "on spot, at most {} instance types of a NodePool would hold it, and a spot node must have {} to choose from: allow more of \
             them, or on-demand",
            self.found.spot_types,
            self.snapshot.spot_min_types()
        )
    }

    fn limits(&self) -> String {
        let raised: Vec<String> = self
            .found
            .lacking
            .iter()
            .filter_map(|((name, resource), lack)| {
                let pool = self.snapshot.node_pools().iter().find(|pool| pool.name == *name)?;
                let (_, limit) = pool.limits.iter().find(|(limited, _)| limited == resource)?;
                let to = amount::exact(resource.as_str(), limit.saturating_add(*lack));
                Some(format!("{resource} of NodePool {name} from {} to {to}", amount::exact(resource.as_str(), *limit)))
            })
            .collect();
        if raised.is_empty() {
            return "the limits of the NodePools leave no room beside the pods placed before it: raise them".to_owned();
        }
        format!("the limits of the NodePools that could take it are used up: raise {}", raised.join(" or "))
    }
}
