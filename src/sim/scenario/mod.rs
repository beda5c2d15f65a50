//! The scenario language: syntax tree, parser, checks, printer and the table of calls.
//!
//! [`parse`] gives the tree as written, [`check`] the program that the driver interprets, [`check_under`] the same for a
//! profile that the scenario need not name, [`unmodelled`] what of it cannot be explored yet, and [`format`] the
//! canonical text. None of them panics or prints: every mistake is a [`Diagnostic`](super::diagnostic::Diagnostic).

pub mod calls;
pub mod names;
pub mod program;
pub mod syntax;

mod check;
mod lex;
mod parse;
mod print;
mod token;
mod unmodelled;

pub use check::{check, check_under};
pub use parse::parse;
pub use print::{format, print};
pub use unmodelled::unmodelled;
