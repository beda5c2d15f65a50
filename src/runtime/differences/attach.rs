//! The current thread state, the GIL and the GILState slots.

use super::Difference;
use crate::runtime::profile::Profile;

/// What attaching does in a thread that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attached {
    /// A fatal error.
    Fatal,
    /// It waits for the GIL that the thread itself holds.
    Waits,
}

/// What a call that needs an attached thread state does without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detached {
    /// A fatal error.
    Fatal,
    /// It reads through the null pointer.
    Crash,
}

/// What finalization does with a thread that attaches too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateThread {
    /// It is parked for good.
    Hangs,
    /// It is ended and its native frames are unwound.
    Exits,
}

/// How a thread finds out that finalization is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateTest {
    /// The runtime's finalizer is another thread state; asked by the holder of the GIL only.
    WithGil,
    /// The runtime's finalizer is another thread state.
    Runtime,
    /// The runtime's or the interpreter's finalizer is another thread state, on another OS thread.
    Interpreter,
    /// Its thread state is marked.
    Mark,
}

/// How the current thread state is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeleteCurrent {
    /// Freed, and then the GIL is dropped.
    FreesFirst,
    /// The GIL is dropped, maybe waiting until another thread takes it, and then it is freed.
    MaySwitch,
    /// The GIL is dropped as its last act, and then it is freed.
    DropsLast,
}

/// Where an interpreter's first thread state lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstThreadState {
    /// On the heap, like the others.
    Heap,
    /// In the interpreter, taken when the list is empty and not made new for another time.
    OfEmptyList,
    /// In the interpreter, taken by whoever is first, and put back.
    TakenAndPutBack,
}

/// How fatal errors are worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Texts {
    /// One short text for each function.
    Short,
    /// Calls without a thread state speak of the GIL.
    Gil,
    /// They speak of initialization and finalization too.
    Lifecycle,
    /// The same, but for an interpreter without a thread state.
    LifecycleInterpreter,
}

impl Profile {
    /// What attaching does in a thread that is attached. Source: contract V6, P20c.
    #[must_use]
    pub fn attach_while_attached(self) -> Attached {
        if self.when(Difference::AttachWhileAttached, self.minor() >= 13) {
            Attached::Fatal
        } else {
            Attached::Waits
        }
    }

    /// What `PyEval_SaveThread` does without an attached thread state. Source: contract V7, P20.
    #[must_use]
    pub fn save_without_thread_state(self) -> Detached {
        if self.when(Difference::SaveWithoutThreadState, self.minor() >= 13) {
            Detached::Crash
        } else {
            Detached::Fatal
        }
    }

    /// Whether `PyEval_ReleaseThread` finds out that the thread state is not the attached one. Source: contract V8, P19.
    #[must_use]
    pub fn release_of_another_is_fatal(self) -> bool {
        self.when(Difference::ReleaseOfAnotherIsFatal, self.minor() <= 12)
    }

    /// Whether the current thread state is one pointer for the process. Source: contract V3; observed: all schedules, *cur*.
    #[must_use]
    pub fn current_is_of_process(self) -> bool {
        self.when(Difference::CurrentIsOfProcess, self.minor() <= 11)
    }

    /// Whether `PyThreadState_Swap` drops and takes the GIL. Source: contract V5; observed: `b2_swap`.
    #[must_use]
    pub fn swap_takes_gil(self) -> bool {
        self.when(Difference::SwapTakesGil, self.minor() >= 12)
    }

    /// Whether `PyThreadState_Swap` makes the new thread state current before it has the GIL, and lets go of the old one
    /// after it dropped it. Source: `_PyThreadState_Swap` of 3.12; measured: 3.12.1 reads a freed state there
    /// (`finalize/known-state-hangs`).
    #[must_use]
    pub fn swap_activates_first(self) -> bool {
        self.when(Difference::SwapActivatesFirst, self.minor() == 12)
    }

    /// Whether the GILState slot follows every attach. Before, it keeps the thread's first thread state. Source: contract V4.
    #[must_use]
    pub fn slot_follows_attach(self) -> bool {
        self.when(Difference::SlotFollowsAttach, self.minor() >= 12)
    }

    /// How the current thread state is deleted. Source: `_PyThreadState_DeleteCurrent`, gh-104341 (3.12).
    #[must_use]
    pub fn delete_current(self) -> DeleteCurrent {
        match self.minor() {
            _ if self.when(Difference::DeleteCurrent, self.minor() >= 12) => {
                DeleteCurrent::DropsLast
            }
            8 => DeleteCurrent::FreesFirst,
            _ => DeleteCurrent::MaySwitch,
        }
    }

    /// Where an interpreter's first thread state lies. Source: contract V2; U15, gh-102732: 3.11 and 3.12 die where it is made
    /// again.
    #[must_use]
    pub fn first_thread_state(self) -> FirstThreadState {
        match self.minor() {
            _ if self.when(Difference::FirstThreadState, self.minor() >= 13) => {
                FirstThreadState::TakenAndPutBack
            }
            8..=10 => FirstThreadState::Heap,
            _ => FirstThreadState::OfEmptyList,
        }
    }

    /// Whether a thread state is in the list before it is bound to its thread: since its storage may be the interpreter's.
    /// Source: `new_threadstate`, `bind_tstate`; measured: 3.9.18 to 3.12.1 use a freed one (`attach/asked-by-one-that-left`).
    #[must_use]
    pub fn binds_after_listing(self) -> bool {
        self.first_thread_state() != FirstThreadState::Heap
    }

    /// Whether `PyGILState_Release` counts itself while it clears the thread state. Source: gh-119585, contract R4.
    #[must_use]
    pub fn release_counts_while_clearing(self) -> bool {
        self.when(Difference::ReleaseCountsWhileClearing, self.since(12, 6))
    }

    /// How fatal errors are worded. Source: observed: the `g` schedules.
    #[must_use]
    pub fn texts(self) -> Texts {
        match self.minor() {
            _ if self.when(Difference::Texts, self.minor() >= 15) => Texts::LifecycleInterpreter,
            8 => Texts::Short,
            9..=11 => Texts::Gil,
            _ => Texts::Lifecycle,
        }
    }

    /// Whether `Py_FinalizeEx` on the main thread swaps `main_tstate` in. Source: contract V15, gh-120838.
    #[must_use]
    pub fn finalizer_is_swapped_in(self) -> bool {
        self.when(Difference::FinalizerIsSwappedIn, self.minor() >= 13)
    }

    /// Whether the GILState slots are made with the GIL, when the first thread state is there and current, and not with the
    /// runtime: before, `PyGILState_Check` says 1 to everybody. Source: observed: a thread that looks while another
    /// initializes 3.8.18, 3.9.18 and 3.10.13.
    #[must_use]
    pub fn slots_come_with_the_gil(self) -> bool {
        self.when(Difference::SlotsComeWithTheGil, self.minor() <= 9)
    }

    /// Whether the GILState slots are made once there is a main interpreter, or later, and not with the runtime itself. Source:
    /// observed: after `Py_PreInitialize` `PyGILState_Check` still says 1 to everybody in 3.8.18 to 3.11.7, not in 3.12.1 to
    /// 3.15.2.
    #[must_use]
    pub fn slots_come_with_the_main_interpreter(self) -> bool {
        self.when(
            Difference::SlotsComeWithTheMainInterpreter,
            self.minor() <= 11,
        )
    }

    /// Whether the runtime's own locks are `PyMutex`, which detach who waits for them, and never go away. Source: contract
    /// V34; observed: e5, 3.8.18 to 3.12.1 crash, 3.13.0 and newer accept the call.
    #[must_use]
    pub fn runtime_locks_detach(self) -> bool {
        self.when(Difference::RuntimeLocksDetach, self.minor() >= 13)
    }

    /// Whether taking the GIL computes the shared eval breaker, also without a request to drop it. Source: bpo-40010.
    #[must_use]
    pub fn taking_the_gil_computes(self) -> bool {
        self.when(Difference::TakingTheGilComputes, self.minor() >= 9)
    }

    /// What becomes of a thread that attaches after the finalizing mark. Source: contract V10, gh-87135.
    #[must_use]
    pub fn late_thread(self) -> LateThread {
        if self.when(Difference::LateThread, self.since(13, 8)) {
            LateThread::Hangs
        } else {
            LateThread::Exits
        }
    }

    /// How a thread finds out that finalization is done with it. Source: contract V12, T1; bpo-39877 (3.9), gh-124878 (3.14);
    /// observed: `c2_restore_after_finalize`, where 3.8.18 waits on.
    #[must_use]
    pub fn late_test(self) -> LateTest {
        match self.minor() {
            _ if self.when(Difference::LateTest, self.minor() >= 14) => LateTest::Mark,
            8 => LateTest::WithGil,
            9..=11 => LateTest::Runtime,
            _ => LateTest::Interpreter,
        }
    }

    /// Whether a late thread that took the GIL drops it as if its thread state lived on, and so may wait for a switch.
    /// Source: bpo-36475; observed: `c1_blocked_in_ensure` with time-outs, where 3.12.1 stays in that wait.
    #[must_use]
    pub fn late_taker_may_wait(self) -> bool {
        self.when(Difference::LateTakerMayWait, self.minor() <= 12)
    }

    /// Whether a late thread withdraws its request to drop the GIL. Source: gh-96387 (3.10.8, 3.11); observed: `take_gil` of
    /// 3.10.13 does, of 3.9.18 not.
    #[must_use]
    pub fn late_waiter_withdraws(self) -> bool {
        self.when(Difference::LateWaiterWithdraws, self.since(10, 8))
    }

    /// Whether `PyGILState_Ensure` makes a thread state under a guard on the main interpreter, and hangs if there is none to
    /// be had. Source: contract V11, V13, gh-131185.
    #[must_use]
    pub fn ensure_takes_a_guard(self) -> bool {
        self.when(Difference::EnsureTakesAGuard, self.minor() >= 15)
    }
}
