//! `tstate check --on`: schedulers of ours choose the interleavings of a real libpython, and claims judge what it does.
//!
//! No schedule comes from the model. What a run is decided by, and how it is written, is said in [`tstate_driver::Plan`]'s
//! module; what an outcome is, in [`tstate::sim::outside`].
//!
//! # What a search sees
//!
//! Threads switch where the library calls locks, condition variables, semaphores and threads, and before statements. What it
//! does between two such calls is one step: atomic operations and loops that spin on them are not taken apart.

pub mod attributed;
pub mod hunt;
pub mod library;
pub mod record;
pub mod report;
pub mod run;
pub mod schedule;
pub mod search;
mod shrink;
mod tell;

pub use tell::tell;
