//! The parts of the program `tstate`: its command line, its commands and its reports.

pub mod arguments;
pub mod check;
mod child;
pub mod commands;
pub mod conform;
pub mod diff;
pub mod engine;
pub mod exit;
pub mod export;
pub mod files;
pub mod libpython;
pub mod onlib;
pub mod output;
pub mod page;
mod pool;
pub mod problem;
pub mod record;
pub mod render;
pub mod settings;
