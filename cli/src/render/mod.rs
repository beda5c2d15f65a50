//! Reports as text. Nothing here writes: every function returns what is to be written.

pub mod api;
pub mod cells;
pub mod diagnostic;
pub mod findings;
pub mod github;
pub mod graph;
pub mod paint;
pub mod run;
pub mod shell;
pub mod table;
pub mod trace;
