//! What the program `tstate` is made of, for its tests.

/// From plain data to text for people.
pub mod render {
    pub mod diagnostic;
}
