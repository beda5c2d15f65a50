//! Releases of CPython, and every difference between them as a method.

/// One contract to explore under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    minor: u8,
    patch: Option<u8>,
}

impl Profile {
    /// The newest release that is modelled.
    pub const DEFAULT: Self = Self { minor: 14, patch: None };

    /// The minor number: 14 of `3.14.2`.
    #[must_use]
    pub fn minor(self) -> u8 {
        self.minor
    }

    /// The patch level; `None` is the newest.
    #[must_use]
    pub fn patch(self) -> Option<u8> {
        self.patch
    }
}
