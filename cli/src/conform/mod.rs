//! `tstate conform`: runs scenarios on real libpythons and compares what they do with the model.

pub mod counts;
pub mod deviations;
pub mod drive;
pub mod golden;
pub mod guide;
pub mod library;
pub mod list;
pub mod pace;
pub mod program;
pub mod record;
pub mod report;
pub mod run;
pub mod server;
pub mod verdict;

mod words;
