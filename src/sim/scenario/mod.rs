//! The scenario language: syntax tree, parser, checks, printer and the table of calls.
