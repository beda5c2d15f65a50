//! Runs scenarios under a scheduler we control.
//!
//! Under loom only the language and the driver are there: loom is the scheduler.

#[cfg(not(loom))]
pub mod check;
#[cfg(not(loom))]
mod claims;
#[cfg(not(loom))]
pub mod conform;
pub mod diagnostic;
pub mod driver;
#[cfg(not(loom))]
pub mod events;
#[cfg(not(loom))]
pub mod explorer;
#[cfg(not(loom))]
mod fiber;
#[cfg(not(loom))]
pub mod graph;
#[cfg(not(loom))]
mod inspect;
#[cfg(not(loom))]
pub mod judge;
#[cfg(not(loom))]
mod labels;
#[cfg(not(loom))]
pub mod liveness;
#[cfg(not(loom))]
mod names;
#[cfg(not(loom))]
mod noted;
#[cfg(not(loom))]
pub mod outside;
#[cfg(not(loom))]
pub mod random;
#[cfg(not(loom))]
pub mod replay;
#[cfg(not(loom))]
pub mod report;
pub mod scenario;
#[cfg(not(loom))]
pub mod schedule;
#[cfg(not(loom))]
mod scout;
#[cfg(not(loom))]
mod state_graph;
#[cfg(not(loom))]
mod tell;
#[cfg(not(loom))]
pub mod verdict;
#[cfg(not(loom))]
mod walk;
#[cfg(not(loom))]
pub mod world;

#[cfg(not(loom))]
pub use check::{CheckOptions, Checked, Progress, check, counterexample};
#[cfg(not(loom))]
pub use inspect::{Inspected, Shown, inspect};
#[cfg(not(loom))]
pub use labels::Labels;
#[cfg(not(loom))]
pub use random::{WalkOptions, Walked, random_walk};
#[cfg(not(loom))]
pub use replay::{ReplayError, replay};
#[cfg(not(loom))]
pub use state_graph::{StateEdge, StateGraph, StateNode, state_graph};

#[cfg(not(loom))]
/// A digest of a scenario's text, by which a schedule knows it.
#[must_use]
pub fn digest_of(source: &str) -> u32 {
    xxhash_rust::xxh3::xxh3_64(source.as_bytes()) as u32
}
