//! CPython's thread and interpreter lifecycle as real concurrent code, and the explorer that checks scenarios of
//! C-API calls over every interleaving.

pub mod runtime;
#[cfg(all(feature = "sim", not(loom)))]
pub mod sim;
pub mod sync;
