//! `tstate conform`: runs scenarios on real libpythons and compares what they do with the model.

pub mod guide;
pub mod list;
pub mod program;
