//! CPython's lifecycle. Knows `sync` only.

pub mod profile;
