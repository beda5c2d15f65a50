//! `tstate check`: explores scenarios and reports verdicts.

pub mod plan;
pub mod verdict;

mod save;
mod watch;

pub mod report;

mod run;

pub use run::{Order, run};
pub(crate) use save::schedule_in;
