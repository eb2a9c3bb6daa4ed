//! What a caller may choose about a solve.

/// What to minimise once as many pods as possible are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// Price per hour, then node count.
    #[default]
    Cost,
    /// Node count, then price per hour.
    Nodes,
}

/// Options of a solve. The default is what the controller uses.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What to minimise.
    pub objective: Objective,
    /// Varies tie-breaks; equal seeds give equal plans.
    pub seed: u64,
    /// Upper bound on search steps after the first plan; zero keeps the first plan. More steps never give a worse plan.
    pub steps: u64,
    /// Alternatives listed per node, the chosen offering not counted. EC2 Fleet takes at most 60 overrides (Karpenter's cut, too).
    pub alternatives: usize,
    /// An alternative may cost at most this much more than the chosen offering, in percent.
    pub price_tolerance_percent: u32,
    /// Asked between steps; once it says `true` the best plan so far is returned with status `cut`.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            objective: Objective::Cost,
            seed: 0,
            steps: 200_000,
            alternatives: 59,
            price_tolerance_percent: 20,
            cancelled: None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("objective", &self.objective)
            .field("seed", &self.seed)
            .field("steps", &self.steps)
            .field("alternatives", &self.alternatives)
            .field("price_tolerance_percent", &self.price_tolerance_percent)
            .finish_non_exhaustive()
    }
}
