//! Runs scenarios under a scheduler we control.

pub mod check;
pub mod diagnostic;
pub mod driver;
pub mod explorer;
mod fiber;
pub mod graph;
pub mod judge;
pub mod liveness;
mod names;
pub mod random;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod schedule;
mod state_graph;
mod tell;
pub mod verdict;
mod walk;
pub mod world;

pub use check::{CheckOptions, Checked, Progress, check, counterexample};
pub use random::{WalkOptions, Walked, random_walk};
pub use replay::{ReplayError, replay};
pub use state_graph::{StateEdge, StateGraph, StateNode, state_graph};

/// A digest of a scenario's text, by which a schedule knows it.
#[must_use]
pub fn digest_of(source: &str) -> u32 {
    xxhash_rust::xxh3::xxh3_64(source.as_bytes()) as u32
}
