//! Sub-interpreters.

use super::Difference;
use crate::runtime::profile::Profile;

/// When finalization ends the sub-interpreters that are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubInterpretersEnd {
    /// It does not.
    Never,
    /// When modules are torn down, in place of their newest thread states.
    AfterModules,
    /// Before the finalizing mark, with thread states of their own.
    BeforeTheMark,
}

impl Profile {
    /// When finalization ends the sub-interpreters that are left. Source: contract V16, P58, gh-113433 (3.13); observed: the
    /// `d3` schedules.
    #[must_use]
    pub fn sub_interpreters_end(self) -> SubInterpretersEnd {
        match self.minor() {
            _ if self.when(Difference::SubInterpretersEnd, self.minor() >= 14) => {
                SubInterpretersEnd::BeforeTheMark
            }
            13 => SubInterpretersEnd::AfterModules,
            _ => SubInterpretersEnd::Never,
        }
    }

    /// Whether `Py_EndInterpreter` runs the pending calls of the interpreter. Source: R17, gh-104812.
    #[must_use]
    pub fn end_finishes_pending_calls(self) -> bool {
        self.when(Difference::EndFinishesPendingCalls, self.minor() >= 12)
    }

    /// Whether the finalizing OS thread is never late, whatever it attaches. Source: R06, gh-109793 (3.12.1).
    #[must_use]
    pub fn finalizing_thread_is_exempt(self) -> bool {
        self.when(Difference::FinalizingThreadIsExempt, self.since(12, 1))
    }

    /// Whether Ensure forgets the main interpreter when that is deleted. Before, when the runtime is finalized, whichever
    /// interpreter that tears down. Source: observed: `g10_end_main`, where `PyGILState_Check` of 3.8.18 still says 0.
    #[must_use]
    pub fn end_of_main_forgets_it(self) -> bool {
        self.when(Difference::EndOfMainForgetsIt, self.minor() >= 9)
    }

    /// Whether the caller of `Py_NewInterpreterFromConfig` holds the GIL again when its configuration is refused. Source: P04;
    /// observed: 3.12.1, where its next drop of the GIL is fatal.
    #[must_use]
    pub fn refusal_takes_the_gil_back(self) -> bool {
        self.when(Difference::RefusalTakesTheGilBack, self.minor() >= 13)
    }
}
