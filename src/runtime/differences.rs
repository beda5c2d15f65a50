//! The differences between releases that the runtime asks about: one method each.
//!
//! Nothing else in the runtime compares releases.
//!
//! Every method asks its [`Difference`] by [`Profile::when`], so that a test can make one of them wrong
//! ([`Profile::mistaken_about`]) and see that something notices.

use super::profile::Profile;

/// A difference between releases, by the name of the method that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// [`Profile::attach_while_attached`].
    AttachWhileAttached,
    /// [`Profile::save_without_thread_state`].
    SaveWithoutThreadState,
    /// [`Profile::release_of_another_is_fatal`].
    ReleaseOfAnotherIsFatal,
    /// [`Profile::late_thread`].
    LateThread,
    /// [`Profile::late_test`]: the mark of the thread state where it is the runtime's, and the other way round.
    LateTest,
    /// [`Profile::late_taker_may_wait`].
    LateTakerMayWait,
    /// [`Profile::late_waiter_withdraws`].
    LateWaiterWithdraws,
    /// [`Profile::current_is_of_process`].
    CurrentIsOfProcess,
    /// [`Profile::swap_takes_gil`].
    SwapTakesGil,
    /// [`Profile::slot_follows_attach`].
    SlotFollowsAttach,
    /// [`Profile::delete_current`]: as since 3.12 where it is not, and the other way round.
    DeleteCurrent,
    /// [`Profile::first_thread_state`]: put back where it is not, and the other way round.
    FirstThreadState,
    /// [`Profile::release_counts_while_clearing`].
    ReleaseCountsWhileClearing,
    /// [`Profile::texts`]: the newest ones where they are older, and the other way round.
    Texts,
    /// [`Profile::finalizer_is_swapped_in`].
    FinalizerIsSwappedIn,
    /// [`Profile::importer_is_joined`].
    ImporterIsJoined,
    /// [`Profile::others_are_cut_off`].
    OthersAreCutOff,
    /// [`Profile::others_are_shut_down`].
    OthersAreShutDown,
    /// [`Profile::cleared_under_head_lock`].
    ClearedUnderHeadLock,
    /// [`Profile::slots_go_before_at_exit`].
    SlotsGoBeforeAtExit,
    /// [`Profile::main_interpreter_is_static`].
    MainInterpreterIsStatic,
    /// [`Profile::gil_is_dropped_at_the_end`].
    GilIsDroppedAtTheEnd,
    /// [`Profile::slots_outlive_the_runtime`].
    SlotsOutliveTheRuntime,
    /// [`Profile::prefinalization_is_repeated`].
    PrefinalizationIsRepeated,
    /// [`Profile::ensure_takes_a_guard`].
    EnsureTakesAGuard,
    /// [`Profile::initialized_after_site`].
    InitializedAfterSite,
    /// [`Profile::pending_main_capacity`].
    PendingMainCapacity,
    /// [`Profile::join_refused_at_finalization`].
    JoinRefusedAtFinalization,
    /// [`Profile::start_refused`]: at the mark where it is not, and never where it is.
    StartRefused,
    /// [`Profile::new_thread_asks_whether_it_is_late`].
    NewThreadAsksWhetherItIsLate,
    /// [`Profile::thread_end`]: the clearing of the state where it is the thread's exit, and the other way round.
    ThreadEnd,
    /// [`Profile::eval_breaker_of`]: an interpreter's where it is a thread state's, and the other way round.
    EvalBreakerOf,
    /// [`Profile::taking_the_gil_computes`].
    TakingTheGilComputes,
    /// [`Profile::runtime_locks_detach`].
    RuntimeLocksDetach,
    /// [`Profile::pending_calls_of`]: the main thread's where they are an interpreter's, and the other way round.
    PendingCallsOf,
    /// [`Profile::pending_signal_is_computed`].
    PendingSignalIsComputed,
    /// [`Profile::pending_finish`]: one round where it goes on, and the other way round.
    PendingFinish,
}

impl Difference {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AttachWhileAttached,
        Self::SaveWithoutThreadState,
        Self::ReleaseOfAnotherIsFatal,
        Self::LateThread,
        Self::LateTest,
        Self::LateTakerMayWait,
        Self::LateWaiterWithdraws,
        Self::CurrentIsOfProcess,
        Self::SwapTakesGil,
        Self::SlotFollowsAttach,
        Self::DeleteCurrent,
        Self::FirstThreadState,
        Self::ReleaseCountsWhileClearing,
        Self::Texts,
        Self::FinalizerIsSwappedIn,
        Self::ImporterIsJoined,
        Self::OthersAreCutOff,
        Self::OthersAreShutDown,
        Self::ClearedUnderHeadLock,
        Self::SlotsGoBeforeAtExit,
        Self::MainInterpreterIsStatic,
        Self::GilIsDroppedAtTheEnd,
        Self::SlotsOutliveTheRuntime,
        Self::PrefinalizationIsRepeated,
        Self::EnsureTakesAGuard,
        Self::InitializedAfterSite,
        Self::PendingMainCapacity,
        Self::JoinRefusedAtFinalization,
        Self::StartRefused,
        Self::NewThreadAsksWhetherItIsLate,
        Self::ThreadEnd,
        Self::EvalBreakerOf,
        Self::TakingTheGilComputes,
        Self::RuntimeLocksDetach,
        Self::PendingCallsOf,
        Self::PendingSignalIsComputed,
        Self::PendingFinish,
    ];
}

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

/// From when on Python refuses to start a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartRefused {
    /// It starts any.
    Never,
    /// From the first act of finalization on.
    Announced,
    /// From the finalizing mark on, when all threads that are waited for have ended.
    Marked,
}

/// When those who wait for a thread made by `threading` go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThreadEnd {
    /// When its thread state is deleted.
    StateDeleted,
    /// When its thread state is cleared.
    StateCleared,
    /// When the OS thread is on its way out.
    ThreadExits,
}

/// Whose word it is that makes the eval loop look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EvalBreakerOf {
    /// One for the process.
    Runtime,
    /// One for all threads of an interpreter.
    Interpreter,
    /// Each thread state's own.
    ThreadState,
}

/// Where `Py_AddPendingCall` queues, and who runs the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingCallsOf {
    /// One queue for the process: the main OS thread runs it, in whatever interpreter it is.
    Runtime,
    /// A queue for each interpreter: the main OS thread runs it while it is in that interpreter.
    Interpreter,
    /// The main interpreter's main thread; the queues of interpreters are internal.
    MainThread,
}

/// How finalization runs what is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingFinish {
    /// One round if it is asked for; from here on the queue refuses calls.
    Refusing,
    /// One round if it is asked for.
    IfAsked,
    /// One round.
    Once,
    /// Rounds until nothing is left.
    UntilEmpty,
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

    /// Whose word it is that makes the eval loop look up. Source: contract V9, gh-112175 (3.13), bpo-39984 (3.9).
    #[must_use]
    pub fn eval_breaker_of(self) -> EvalBreakerOf {
        if self.when(Difference::EvalBreakerOf, self.minor() >= 13) {
            EvalBreakerOf::ThreadState
        } else if self.minor() >= 9 {
            EvalBreakerOf::Interpreter
        } else {
            EvalBreakerOf::Runtime
        }
    }

    /// Whether taking the GIL computes the shared eval breaker, also without a request to drop it. Source: bpo-40010.
    #[must_use]
    pub fn taking_the_gil_computes(self) -> bool {
        self.when(Difference::TakingTheGilComputes, self.minor() >= 9)
    }

    /// Whether the runtime's own locks are `PyMutex`, which detach who waits for them, and never go away. Source: contract
    /// V34; observed: e5, 3.8.18 to 3.12.1 crash, 3.13.0 and newer accept the call.
    #[must_use]
    pub fn runtime_locks_detach(self) -> bool {
        self.when(Difference::RuntimeLocksDetach, self.minor() >= 13)
    }

    /// Where `Py_AddPendingCall` queues, and who runs the calls. Source: contract V20, V21, P10; bpo-39984 (3.9),
    /// gh-104812 (3.12).
    #[must_use]
    pub fn pending_calls_of(self) -> PendingCallsOf {
        if self.when(Difference::PendingCallsOf, self.minor() >= 12) {
            PendingCallsOf::MainThread
        } else if self.minor() >= 9 {
            PendingCallsOf::Interpreter
        } else {
            PendingCallsOf::Runtime
        }
    }

    /// Whether the thread that adds a pending call computes the shared eval breaker for itself, instead of setting it.
    /// Source: R15, gh-95820, introduced by bpo-40010; observed: e1, 3.9.18 to 3.12.1.
    #[must_use]
    pub fn pending_signal_is_computed(self) -> bool {
        self.when(Difference::PendingSignalIsComputed, self.minor() >= 9)
    }

    /// Whether a thread that finds pending calls handled by another passes its request on to that one, by its thread
    /// state. Follows from the eval breaker. Source: contract V23.
    #[must_use]
    pub fn pending_calls_are_passed_on(self) -> bool {
        self.eval_breaker_of() == EvalBreakerOf::ThreadState
    }

    /// How finalization runs what is queued. Source: R18, gh-118297; observed: `_Py_FinishPendingCalls` of 3.8.18 sets
    /// `finishing`.
    #[must_use]
    pub fn pending_finish(self) -> PendingFinish {
        match self.minor() {
            _ if self.when(Difference::PendingFinish, self.minor() >= 13) => {
                PendingFinish::UntilEmpty
            }
            8 => PendingFinish::Refusing,
            9..=11 => PendingFinish::IfAsked,
            _ => PendingFinish::Once,
        }
    }

    /// Whether `threading._shutdown` waits for the thread that imported `threading`, unless that thread finalizes: its own
    /// lock is among those of the threads to join. Source: contract V45, N18, P59.
    #[must_use]
    pub fn importer_is_joined(self) -> bool {
        self.when(
            Difference::ImporterIsJoined,
            (9..=12).contains(&self.minor()),
        )
    }

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

    /// Whether the finalizer drops the GIL when it deletes the interpreter. Before, nobody holds it and it stays taken. Source:
    /// observed: `c1_blocked_in_ensure`, `c2_restore_after_finalize`.
    #[must_use]
    pub fn gil_is_dropped_at_the_end(self) -> bool {
        self.when(Difference::GilIsDroppedAtTheEnd, self.minor() >= 12)
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

    /// Whether `PyGILState_Ensure` makes a thread state under a guard on the main interpreter, and hangs if there is none to
    /// be had. Source: contract V11, V13, gh-131185.
    #[must_use]
    pub fn ensure_takes_a_guard(self) -> bool {
        self.when(Difference::EnsureTakesAGuard, self.minor() >= 15)
    }

    /// Whether the runtime says that it is initialized only when `site` is imported. Source: gh-146302.
    #[must_use]
    pub fn initialized_after_site(self) -> bool {
        self.when(Difference::InitializedAfterSite, self.minor() >= 15)
    }

    /// Calls that the main queue really holds. Source: contract V22, P11.
    #[must_use]
    pub fn pending_main_capacity(self) -> usize {
        if self.when(Difference::PendingMainCapacity, self.minor() >= 13) {
            32
        } else {
            31
        }
    }

    /// Calls that an interpreter's own queue holds. Source: contract 1.6, P11.
    #[must_use]
    pub fn pending_interpreter_capacity(self) -> usize {
        if self.when(Difference::PendingMainCapacity, self.minor() >= 13) {
            300
        } else {
            31
        }
    }

    /// Whether `threading.Thread.join` raises once the runtime is finalizing. Source: contract V39, gh-123940.
    #[must_use]
    pub fn join_refused_at_finalization(self) -> bool {
        self.when(Difference::JoinRefusedAtFinalization, self.minor() >= 14)
    }

    /// From when on Python refuses to start a thread. Source: contract V38, gh-104690 (3.12), gh-113964 (3.12.3 and 3.13);
    /// observed: 3.11.7 starts one in module teardown, 3.12.1 refuses one while it joins threads.
    #[must_use]
    pub fn start_refused(self) -> StartRefused {
        if !self.when(Difference::StartRefused, self.minor() >= 12) {
            StartRefused::Never
        } else if self.since(12, 3) || self.minor() < 12 {
            StartRefused::Marked
        } else {
            StartRefused::Announced
        }
    }

    /// Whether a new thread asks whether it must exit before it touches its thread state, which finalization may have freed.
    /// Source: gh-108987 (3.11.6, 3.12.1); observed: `thread_run` of 3.11.7 and 3.12.1 asks, that of 3.10.13 does not.
    #[must_use]
    pub fn new_thread_asks_whether_it_is_late(self) -> bool {
        let repaired = if self.minor() == 11 {
            self.since(11, 6)
        } else {
            self.since(12, 1)
        };
        self.when(Difference::NewThreadAsksWhetherItIsLate, repaired)
    }

    /// When those who wait for a thread made by `threading` go on. Source: contract V25, V40; observed: a join of a daemon
    /// thread in module teardown waits for ever in 3.8.18, returns from 3.9.18 to 3.12.1, waits for ever in 3.13.0.
    #[must_use]
    pub fn thread_end(self) -> ThreadEnd {
        if self.when(Difference::ThreadEnd, self.minor() >= 13) {
            ThreadEnd::ThreadExits
        } else if self.minor() == 8 {
            ThreadEnd::StateDeleted
        } else {
            ThreadEnd::StateCleared
        }
    }
}
