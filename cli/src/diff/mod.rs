//! `tstate diff`: what two profiles make of the same scenarios.
//!
//! Both are explored, whatever the scenario's `python` line names and whatever its claims say, and the sets of outcomes
//! are held against each other. What a complete search did not find is not there; of a search that a bound cut short
//! nothing is said to be lacking, so that such a comparison is never without difference: it is inconclusive.
//!
//! A scenario with a call that only one of the releases has is changed: the other does not build it.

pub mod compare;
pub mod report;

mod run;

pub use run::{Order, run};
