//! The differences between releases that the runtime asks about: one method each, in a module for each subject.
//!
//! Nothing else in the runtime compares releases.
//!
//! Every method asks its [`Difference`] by `Profile::when`, so that a test can make one of them wrong
//! (`Profile::mistaken_about`) and see that something notices.

mod attach;
mod configure;
mod creation;
mod finalize;
mod fork;
mod import;
mod pending;
mod reinit;
mod subinterpreter;
mod threading;
mod tracing;

pub use attach::{
    Attached, DeleteCurrent, Detached, FirstThreadState, LateTest, LateThread, Texts,
};
pub use creation::{Creation, HalfMade, NoInterpreter};
pub use finalize::GilAtTheEnd;
pub use fork::ForkWithInterpreters;
pub use pending::{EvalBreakerOf, PendingCallsOf, PendingFinish, PendingFlags};
pub use reinit::InitializeAmidEnd;
pub use subinterpreter::SubInterpretersEnd;
pub use threading::{StartRefused, ThreadEnd};
pub use tracing::{EventFailure, FrameCheck};

#[expect(unused_imports, reason = "the documentation names its methods")]
use super::profile::Profile;

/// Declares [`Difference`] and the list of all its variants.
macro_rules! differences {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A difference between releases, by the name of the method that answers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Difference {
            $($(#[$doc])* $name,)*
        }

        impl Difference {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

differences! {
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
    /// [`Profile::swap_activates_first`].
    SwapActivatesFirst,
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
    /// [`Profile::slots_come_with_the_gil`].
    SlotsComeWithTheGil,
    /// [`Profile::slots_come_with_the_main_interpreter`].
    SlotsComeWithTheMainInterpreter,
    /// [`Profile::slots_go_before_at_exit`].
    SlotsGoBeforeAtExit,
    /// [`Profile::main_interpreter_is_static`].
    MainInterpreterIsStatic,
    /// [`Profile::gil_at_the_end`].
    GilAtTheEnd,
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
    /// [`Profile::pending_pass_of_interpreter`].
    PendingPassOfInterpreter,
    /// [`Profile::pending_flags`]: as since 3.13 where they are not, and the other way round.
    PendingFlags,
    /// [`Profile::check_raises_async_exceptions`].
    CheckRaisesAsyncExceptions,
    /// [`Profile::join_refused_at_finalization`].
    JoinRefusedAtFinalization,
    /// [`Profile::start_refused`]: at the mark where it is not, and never where it is.
    StartRefused,
    /// [`Profile::new_thread_asks_whether_it_is_late`].
    NewThreadAsksWhetherItIsLate,
    /// [`Profile::thread_end`]: the clearing of the state where it is the thread's exit, and the other way round.
    ThreadEnd,
    /// [`Profile::raw_mutex_accepts_interrupt`].
    RawMutexAcceptsInterrupt,
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
    /// [`Profile::sub_interpreters_end`]: in the newest way where it is another, and the other way round.
    SubInterpretersEnd,
    /// [`Profile::end_finishes_pending_calls`].
    EndFinishesPendingCalls,
    /// [`Profile::finalizing_thread_is_exempt`].
    FinalizingThreadIsExempt,
    /// [`Profile::refusal_takes_the_gil_back`].
    RefusalTakesTheGilBack,
    /// [`Profile::end_of_main_forgets_it`].
    EndOfMainForgetsIt,
    /// [`Profile::extensions_visit_main`].
    ExtensionsVisitMain,
    /// [`Profile::encode_locale_needs_state`].
    EncodeLocaleNeedsState,
    /// [`Profile::threads_initialized_asks_for_the_gil`].
    ThreadsInitializedAsksForTheGil,
    /// [`Profile::first_life_forgets_exit_callbacks`].
    FirstLifeForgetsExitCallbacks,
    /// [`Profile::at_exit_needs_the_runtime`].
    AtExitNeedsTheRuntime,
    /// [`Profile::main_interpreter_is_renewed_with_the_runtime`].
    MainInterpreterIsRenewedWithTheRuntime,
    /// [`Profile::initialize_amid_end`].
    InitializeAmidEnd,
    /// [`Profile::main_left_behind_is_fatal`].
    MainLeftBehindIsFatal,
    /// [`Profile::import_lock_of_interpreter`].
    ImportLockOfInterpreter,
    /// [`Profile::fork_keeps_head_lock`].
    ForkKeepsHeadLock,
    /// [`Profile::child_renews_locks_first`].
    ChildRenewsLocksFirst,
    /// [`Profile::only_main_interpreter_forks`].
    OnlyMainInterpreterForks,
    /// [`Profile::fork_with_interpreters`]: a crash where it is none, and the other way round.
    ForkWithInterpreters,
    /// [`Profile::runs_stage`], of a stage that not all releases have.
    RunsStage,
    /// [`Profile::no_interpreter`]: null where it is fatal, and the other way round.
    NoInterpreter,
    /// [`Profile::half_made`]: ended where it is not, and the other way round.
    HalfMade,
    /// [`Profile::thread_state_comes_first`].
    ThreadStateComesFirst,
    /// [`Profile::delete_forgets_the_current`].
    DeleteForgetsTheCurrent,
    /// [`Profile::delete_of_own_is_fatal`].
    DeleteOfOwnIsFatal,
    /// [`Profile::clear_needs_all_stages`].
    ClearNeedsAllStages,
    /// [`Profile::null_state_is_read`].
    NullStateIsRead,
    /// [`Profile::failed_start_deletes_the_state`].
    FailedStartDeletesTheState,
    /// [`Profile::main_is_given_out_early`].
    MainIsGivenOutEarly,
    /// [`Profile::id_comes_before_memory`].
    IdComesBeforeMemory,
    /// [`Profile::stage_text`]: the newest ones where they are older, and the other way round.
    StageText,
    /// [`Profile::frame_check`]: once the call is told of where it is not, and the other way round.
    FrameCheck,
    /// [`Profile::event_failure`]: an exception where the frame is left, and the other way round.
    EventFailure,
    /// [`Profile::tracer_goes_before_the_next`].
    TracerGoesBeforeTheNext,
    /// [`Profile::all_threads_are_walked_locked`].
    AllThreadsAreWalkedLocked,
    /// [`Profile::null_evaluator_is_the_default`].
    NullEvaluatorIsTheDefault,
    /// [`Profile::replaced_tracer_is_told`].
    ReplacedTracerIsTold,
    /// [`Profile::tracemalloc_takes_the_gil`].
    TracemallocTakesTheGil,
    /// [`Profile::tracemalloc_holds_names`].
    TracemallocHoldsNames,
    /// [`Profile::thread_start_event`]: the newest one where it is another, and the other way round.
    ThreadStartEvent,
}
