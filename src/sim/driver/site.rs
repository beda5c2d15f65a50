//! Where an assertion failed.

use crate::sim::scenario::program::StatementId;
use crate::sync::Word;

/// Which assertion failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// An `assert` or the claim on a result.
    Statement(StatementId),
    /// A statement read a name that is not bound yet.
    Name(StatementId),
    /// The claim with this index.
    Claim(u16),
}

impl Word for Site {
    fn to_word(self) -> u64 {
        match self {
            Self::Statement(id) => 1 << 16 | u64::from(id.0),
            Self::Name(id) => 2 << 16 | u64::from(id.0),
            Self::Claim(index) => 3 << 16 | u64::from(index),
        }
    }

    fn from_word(word: u64) -> Self {
        match word >> 16 {
            1 => Self::Statement(StatementId(word as u16)),
            2 => Self::Name(StatementId(word as u16)),
            _ => Self::Claim(word as u16),
        }
    }
}
