//! `tstate check`: explores scenarios and reports verdicts.

pub mod plan;
pub mod verdict;

mod save;
pub(crate) mod watch;

pub mod report;

mod run;

pub(crate) use run::guarded;
pub use run::{Order, run};
pub(crate) use save::schedule_in;
