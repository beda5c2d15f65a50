//! Initialization and finalization.

use super::Difference;
use crate::runtime::profile::Profile;

/// What becomes of the GIL when the finalizer deletes its interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GilAtTheEnd {
    /// Nobody holds it, and it stays taken.
    Stays,
    /// It is dropped as the last act: nobody waits until another thread takes it.
    DropsForGood,
    /// It is dropped as by any detach, maybe waiting until another thread takes it.
    Drops,
}

impl Profile {
    /// Whether finalization takes the other thread states out of the list right after its mark. Before, they stay listed
    /// until the interpreter is deleted. Source: contract V14, bpo-19466; observed: `c7_restore_late_phase`.
    #[must_use]
    pub fn others_are_cut_off(self) -> bool {
        self.when(Difference::OthersAreCutOff, self.minor() >= 9)
    }

    /// Whether a thread state that is cut off is marked and kept for its thread. Before, its memory is freed at once. Source:
    /// contract V12, V14, gh-124878.
    #[must_use]
    pub fn others_are_shut_down(self) -> bool {
        self.when(Difference::OthersAreShutDown, self.minor() >= 14)
    }

    /// Whether HEAD_LOCK is held while the listed thread states are cleared, so that a destructor that makes one waits for
    /// ever. Source: gh-102126; observed: 3.8.18 waits, 3.9.18, 3.10.13, 3.11.2 and newer do not.
    #[must_use]
    pub fn cleared_under_head_lock(self) -> bool {
        self.when(Difference::ClearedUnderHeadLock, self.minor() <= 8)
    }

    /// Whether the GILState slots are forgotten with the interpreter, before the callbacks of `Py_AtExit`, and not with the
    /// runtime after them. Source: observed: `a_basic` (`PyGILState_Check` in such a callback).
    #[must_use]
    pub fn slots_go_before_at_exit(self) -> bool {
        self.when(Difference::SlotsGoBeforeAtExit, self.minor() <= 11)
    }

    /// Whether the main interpreter lies in the runtime. Before, it is freed, and who makes a thread state in it then uses
    /// freed memory. Source: contract V2.
    #[must_use]
    pub fn main_interpreter_is_static(self) -> bool {
        self.when(Difference::MainInterpreterIsStatic, self.minor() >= 11)
    }

    /// What becomes of the GIL when the finalizer deletes the interpreter. Source: observed: `c1_blocked_in_ensure`,
    /// `c2_restore_after_finalize`; `PyInterpreterState_Delete` of 3.12.1 passes no thread state to `_PyEval_ReleaseLock`
    /// (gh-109615), that of 3.13.0 does. 3.12.0 was not at hand.
    #[must_use]
    pub fn gil_at_the_end(self) -> GilAtTheEnd {
        match self.minor() {
            _ if !self.when(Difference::GilAtTheEnd, self.minor() >= 12) => GilAtTheEnd::Stays,
            12 => GilAtTheEnd::DropsForGood,
            _ => GilAtTheEnd::Drops,
        }
    }

    /// Whether the GILState slot is the thread's own, whatever becomes of the runtime. Source: contract V4, P30.
    #[must_use]
    pub fn slots_outlive_the_runtime(self) -> bool {
        self.when(Difference::SlotsOutliveTheRuntime, self.minor() >= 15)
    }

    /// Whether finalization goes on joining threads and running callbacks until nothing new came up. Source: contract V17,
    /// gh-136003, gh-149101.
    #[must_use]
    pub fn prefinalization_is_repeated(self) -> bool {
        self.when(Difference::PrefinalizationIsRepeated, self.minor() >= 15)
    }

    /// Whether the runtime says that it is initialized only when `site` is imported. Source: gh-146302.
    #[must_use]
    pub fn initialized_after_site(self) -> bool {
        self.when(Difference::InitializedAfterSite, self.minor() >= 15)
    }
}
