//! How the program ends.

use std::process::ExitCode;

/// What the exit status says. When several apply the greatest holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything was met.
    #[default]
    Met,
    /// A bound cut a search short, so that something is undecided.
    Inconclusive,
    /// A claim failed; of `fmt --check`, a file is not formatted.
    Failed,
    /// Bad usage, or a file that cannot be read or checked.
    Bad,
    /// The reader of the output went away, as `head` does.
    Unread,
}

impl Exit {
    /// The number that the shell sees. The last one is what a program ended by `SIGPIPE` has.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Failed => 1,
            Self::Bad => 2,
            Self::Inconclusive => 3,
            Self::Unread => 141,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
