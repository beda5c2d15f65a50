//! Runs scenarios under a scheduler we control.

pub mod diagnostic;
pub mod scenario;
