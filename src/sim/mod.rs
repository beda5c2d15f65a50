//! Runs scenarios under a scheduler we control.

pub mod diagnostic;
pub mod explorer;
mod fiber;
pub mod graph;
pub mod liveness;
pub mod scenario;
mod walk;
pub mod world;
