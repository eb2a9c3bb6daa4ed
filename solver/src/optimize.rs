//! The numerical heart: how many bins of which kind hold given amounts of given shapes at the least cost, and how far from the least
//! the answer can be at most. It knows vectors of integers and nothing of Kubernetes.
//!
//! A *class* is a shape that occurs `demand` times; a *bin* is something that can be bought any number of times (an offering, or a
//! group of equal ones); a *pattern* is one filling of a bin. Rules such as "at most one of these per node" are further dimensions:
//! size 1 for the classes they bind, capacity 1 in every bin.
//!
//! Up to [`Effort::MAX_LP_CLASSES`] classes the cheapest mix of patterns comes from column generation (Gilmore and Gomory, 1961): a
//! linear program over patterns whose prices per class ask each bin for a better pattern, until none is left; then a dive to
//! integers. Beyond that, patterns are picked greedily by resource prices and polished by re-packing neighbourhoods.

pub mod problem;

pub use problem::{Bin, Bound, Class, Effort, Pattern, Problem, ProblemError, Solution};
