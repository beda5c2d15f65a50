//! Fork.

use super::Difference;
use crate::runtime::profile::Profile;

/// What the child of a process with sub-interpreters does when it deletes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForkWithInterpreters {
    /// It waits for HEAD_LOCK, which it holds.
    Deadlock,
    /// A fatal error.
    Fatal,
    /// It reads through the null pointer.
    Crash,
}

impl Profile {
    /// Whether each interpreter has an import lock of its own. Source: `Python/import.c`, `IMPORT_LOCK(interp)` (gh-100227,
    /// 3.12).
    #[must_use]
    pub fn import_lock_of_interpreter(self) -> bool {
        self.when(Difference::ImportLockOfInterpreter, self.minor() >= 12)
    }

    /// Whether `PyOS_BeforeFork` takes HEAD_LOCK, which stays taken over the fork. Source: contract V26.
    #[must_use]
    pub fn fork_keeps_head_lock(self) -> bool {
        self.when(Difference::ForkKeepsHeadLock, self.minor() >= 13)
    }

    /// Whether the child makes the runtime's locks anew before it uses them. Source: gh-112275 (3.12; 3.8.20, 3.9.20, 3.10.15,
    /// 3.11.10).
    #[must_use]
    pub fn child_renews_locks_first(self) -> bool {
        let patch = match self.minor() {
            8 | 9 => 20,
            10 => 15,
            11 => 10,
            _ => 0,
        };
        let fixed = self.since(self.minor(), patch);
        self.when(Difference::ChildRenewsLocksFirst, fixed)
    }

    /// Whether `os.fork()` is refused in every interpreter but the main one. Source: contract V28, P50b (bpo-34651, 3.9: where it
    /// is refused is configured).
    #[must_use]
    pub fn only_main_interpreter_forks(self) -> bool {
        self.when(Difference::OnlyMainInterpreterForks, self.minor() == 8)
    }

    /// What the child of a process with sub-interpreters does when it deletes them. Source: contract V27, P50; observed:
    /// `f5_fork_with_sub`.
    #[must_use]
    pub fn fork_with_interpreters(self) -> ForkWithInterpreters {
        match self.minor() {
            _ if self.when(Difference::ForkWithInterpreters, self.minor() >= 14) => {
                ForkWithInterpreters::Crash
            }
            13 => ForkWithInterpreters::Fatal,
            _ => ForkWithInterpreters::Deadlock,
        }
    }
}
