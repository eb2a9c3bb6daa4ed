//! What goes in and what comes out, with the checks that make both trustworthy. Integers only.

use fixedbitset::FixedBitSet;

/// A shape and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// One amount per dimension, zero or more.
    pub size: Vec<i64>,
    /// How many must be placed.
    pub demand: u32,
    /// No more of them may share a bin; `u32::MAX` where only their size bounds that.
    pub together: u32,
}

/// Something that can be bought any number of times. Where two serve equally, the one listed first is taken, so callers list bins in
/// an order that has meaning (by name, say).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    /// One amount per dimension, zero or more: what is left for classes after fixed overheads.
    pub capacity: Vec<i64>,
    /// Cost of one in micro-USD per hour, fixed charges per node included; zero or more.
    pub price: i64,
    /// The classes that may be put in, by index.
    pub allowed: FixedBitSet,
}

/// Classes to be placed in bins. Every `size` and `capacity` has `width` entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// Number of dimensions.
    pub width: usize,
    /// What to place.
    pub classes: Vec<Class>,
    /// What to place it in.
    pub bins: Vec<Bin>,
}

/// A filling of a bin and how often it is used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// Index of the bin.
    pub bin: usize,
    /// (index of a class, how many of it), by class, no zeros.
    pub counts: Vec<(usize, u32)>,
    /// How many bins are filled like this, one or more.
    pub uses: u32,
}

/// How a lower bound was proven; where parts of a problem differ, the last of these that was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// By looking at every solution: the bound is the optimum.
    Exhaustive,
    /// One price per unit of each resource, such that no bin sells its capacity below them (the dual of the fluid relaxation).
    ResourcePrices,
    /// One price per class, such that no filling of any bin is worth more than the bin costs (Farley's bound on column generation).
    ClassPrices,
}

impl Bound {
    /// The spelling in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhaustive => "exhaustive",
            Self::ResourcePrices => "resource-prices",
            Self::ClassPrices => "class-prices",
        }
    }
}

/// How hard to try.
#[derive(Clone, Copy)]
pub struct Effort<'a> {
    /// Upper bound on counted steps. A step is about a microsecond's work: a pivot row, a knapsack node, a fit test of a neighbourhood.
    pub steps: u64,
    /// Varies tie-breaks of the neighbourhood search; equal seeds give equal solutions.
    pub seed: u64,
    /// Asked between steps; once it says `true`, the best solution so far is returned, marked as cut.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl Effort<'_> {
    /// The most classes for which the linear program is built: its basis is dense, so its cost grows with the square of this.
    pub const MAX_LP_CLASSES: usize = 300;
}

/// A verified answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// Covers every class exactly, fits every bin. Ordered by bin, then counts.
    pub patterns: Vec<Pattern>,
    /// Sum of price times uses, micro-USD per hour.
    pub cost: i64,
    /// No way to place all classes costs less, micro-USD per hour.
    pub lower_bound: i64,
    /// What proves `lower_bound`.
    pub bound: Bound,
    /// Per class: what one more of it would add to the cost, by the relaxation, micro-USD per hour.
    pub marginal: Vec<i64>,
    /// Steps used.
    pub steps: u64,
    /// Whether steps ran out or the caller cancelled before the method was through.
    pub cut: bool,
}

/// Why a problem has no solution here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// A vector of another length than `width`.
    #[error("optimize: {what} {index} has {found} dimensions, the problem has {width}; give every vector the problem's width")]
    Width {
        /// `class` or `bin`.
        what: &'static str,
        /// Its index.
        index: usize,
        /// Entries it has.
        found: usize,
        /// Entries it should have.
        width: usize,
    },
    /// A size, capacity or price below zero.
    #[error("optimize: {what} {index} has a negative amount or price; leave out what cannot be bought")]
    Negative {
        /// `class` or `bin`.
        what: &'static str,
        /// Its index.
        index: usize,
    },
    /// A class that fits no bin.
    #[error("optimize: class {class} fits no bin; leave it out and report its pods as unschedulable")]
    Unplaceable {
        /// Its index.
        class: usize,
    },
    /// An incumbent that breaks a rule of the problem.
    #[error("optimize: pattern {pattern} of the incumbent {why}")]
    Incumbent {
        /// Index of the pattern; the number of patterns where their sum is wrong.
        pattern: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Problem {
    /// Whether every vector has the right length and sign.
    pub fn validate(&self) -> Result<(), ProblemError> {
        let classes = self.classes.iter().enumerate().map(|(index, class)| ("class", index, &class.size, 0));
        let bins = self.bins.iter().enumerate().map(|(index, bin)| ("bin", index, &bin.capacity, bin.price));
        for (what, index, amounts, price) in classes.chain(bins) {
            if amounts.len() != self.width {
                return Err(ProblemError::Width { what, index, found: amounts.len(), width: self.width });
            }
            if price < 0 || amounts.iter().any(|amount| *amount < 0) {
                return Err(ProblemError::Negative { what, index });
            }
        }
        let fits = |class: usize| {
            let size = &self.classes[class].size;
            self.bins
                .iter()
                .any(|bin| bin.allowed.contains(class) && size.iter().zip(&bin.capacity).all(|(need, room)| need <= room))
        };
        match (0..self.classes.len()).find(|class| self.classes[*class].demand > 0 && !fits(*class)) {
            Some(class) => Err(ProblemError::Unplaceable { class }),
            None => Ok(()),
        }
    }

    /// Whether `patterns` fit their bins and cover every class exactly; then their cost, saturating.
    pub fn cost_of(&self, patterns: &[Pattern]) -> Result<i64, ProblemError> {
        let mut placed = vec![0_u64; self.classes.len()];
        let mut cost = 0_i64;
        for (index, pattern) in patterns.iter().enumerate() {
            let broken = |why| ProblemError::Incumbent { pattern: index, why };
            let bin = self.bins.get(pattern.bin).ok_or(broken("names no bin"))?;
            let mut used = vec![0_i128; self.width];
            for (class, count) in &pattern.counts {
                let shape = self.classes.get(*class).ok_or(broken("names no class"))?;
                if *count > shape.together {
                    return Err(broken("holds more of a class than may share a bin"));
                }
                if !bin.allowed.contains(*class) {
                    return Err(broken("holds a class that its bin does not allow"));
                }
                for (sum, size) in used.iter_mut().zip(&shape.size) {
                    *sum += i128::from(*size) * i128::from(*count);
                }
                placed[*class] += u64::from(*count) * u64::from(pattern.uses);
            }
            if used.iter().zip(&bin.capacity).any(|(sum, room)| *sum > i128::from(*room)) {
                return Err(broken("does not fit its bin"));
            }
            cost = cost.saturating_add(bin.price.saturating_mul(i64::from(pattern.uses)));
        }
        if placed.iter().zip(&self.classes).any(|(count, class)| *count != u64::from(class.demand)) {
            return Err(ProblemError::Incumbent { pattern: patterns.len(), why: "does not cover every class exactly" });
        }
        Ok(cost)
    }
}
