//! The codes of diagnostics.

/// A code that `tstate explain` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `S001`
    S001,
}
