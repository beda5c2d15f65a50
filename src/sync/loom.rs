//! Loom primitives.
