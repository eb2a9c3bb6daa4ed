//! What a caller may choose about a solve.

use crate::{CapacityType, MicroUsd, Offering, PreferencePolicy};

/// What to minimise once as many pods as possible are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// Price per hour with the [`Charges`], then node count.
    #[default]
    Cost,
    /// Node count, then price per hour with the [`Charges`].
    Nodes,
}

/// What a node costs beyond its price, as far as decisions go. Nothing by default; the bill never contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charges {
    /// For each node, whatever it is: its root volume, an agent's licence, the addresses it uses. Zero or more, per hour.
    pub node: MicroUsd,
    /// For each spot node, this many percent of price x [`crate::Interruption::per_mille`]: what an interruption costs in months of the node's
    /// price. 100 counts a node that is interrupted in one month of four a quarter dearer than its price.
    pub spot_risk_percent: u32,
}

impl Charges {
    /// Whether prices alone decide.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What a node of `offering` costs beyond its price, per hour; rounded up, so that more risk is never cheaper.
    pub fn of(&self, offering: &Offering) -> MicroUsd {
        let price = offering.price.unwrap_or_default().0.max(0);
        let risk = match offering.capacity_type {
            CapacityType::Spot => {
                let rate = i128::from(offering.interruption.unwrap_or_default().per_mille());
                (i128::from(price) * i128::from(self.spot_risk_percent) * rate + 99_999) / 100_000
            }
            CapacityType::OnDemand | CapacityType::Reserved => 0,
        };
        self.node.plus(MicroUsd(i64::try_from(risk).unwrap_or(i64::MAX)))
    }
}

/// Options of a solve. The default is what the controller uses.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What to minimise.
    pub objective: Objective,
    /// What is charged beyond prices.
    pub charges: Charges,
    /// Varies tie-breaks; equal seeds give equal plans.
    pub seed: u64,
    /// Upper bound on search steps after the first plan; zero keeps the first plan. More steps never give a worse plan. `None` takes
    /// [`Options::default_steps`] of the pods that new nodes can take.
    pub steps: Option<u64>,
    /// Alternatives listed per node, the chosen offering not counted. EC2 Fleet takes at most 60 overrides (Karpenter's cut, too).
    pub alternatives: usize,
    /// An alternative may cost at most this much more than the chosen offering, in percent.
    pub price_tolerance_percent: u32,
    /// What becomes of preferences.
    pub preferences: PreferencePolicy,
    /// Asked between steps; once it says `true` the best plan so far is returned with status `cut`.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            objective: Objective::Cost,
            charges: Charges::default(),
            seed: 0,
            steps: None,
            alternatives: 59,
            price_tolerance_percent: 20,
            preferences: PreferencePolicy::Respect,
            cancelled: None,
        }
    }
}

impl Options<'_> {
    /// As many steps as a snapshot with so many pods to buy for gets unless it is said otherwise. Measured (docs/benchmarks.md): up to
    /// 1,000 pods a plan should take a fifth of a second at most, and beyond 10,000 more steps gain little.
    pub fn default_steps(pods: usize) -> u64 {
        let more = u64::try_from(pods.saturating_sub(1_000)).unwrap_or(u64::MAX);
        more.saturating_mul(40).saturating_add(50_000).min(400_000)
    }

    /// The steps, once they are known.
    pub(crate) fn given_steps(&self) -> u64 {
        self.steps.unwrap_or_default()
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("objective", &self.objective)
            .field("charges", &self.charges)
            .field("seed", &self.seed)
            .field("steps", &self.steps)
            .field("alternatives", &self.alternatives)
            .field("price_tolerance_percent", &self.price_tolerance_percent)
            .field("preferences", &self.preferences)
            .finish_non_exhaustive()
    }
}
