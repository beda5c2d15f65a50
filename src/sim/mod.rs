//! Runs scenarios under a scheduler we control.

pub mod diagnostic;
pub mod explorer;
mod fiber;
pub mod graph;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod verdict;
pub mod world;
