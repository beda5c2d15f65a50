//! What the bench `ratios` measures: the explorer beside loom and shuttle, the explorer alone, and the hooks.
//!
//! Nothing asserts on a time. See `README.md`.

pub mod hooks;
pub mod peers;
pub mod protocol;
pub mod scenarios;
pub mod stopwatch;

/// The protocols on the facade, as the tests have them.
#[path = "../../tests/protocols/mod.rs"]
pub mod protocols;
