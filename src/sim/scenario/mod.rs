//! The scenario language: syntax tree, parser, checks, printer and the table of calls.

pub mod calls;
pub mod names;
pub mod program;
pub mod syntax;

mod lex;
mod parse;
mod token;

pub use parse::parse;
