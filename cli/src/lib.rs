//! The parts of the program `tstate`: its command line, its commands and its reports.

pub mod arguments;
pub mod check;
pub mod commands;
pub mod engine;
pub mod exit;
pub mod files;
pub mod output;
pub mod problem;
pub mod record;
pub mod render;
pub mod settings;
