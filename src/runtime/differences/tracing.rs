//! Profiling, tracing and what else looks on.

use super::Difference;
use crate::runtime::audit::AuditEvent;
use crate::runtime::profile::Profile;

/// What the failure of a function of tracing does to the frame that it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventFailure {
    /// It leaves the frame at a call and at a return, where the others are told all the same.
    Leaves,
    /// It leaves the frame at a return, and is an exception in the frame elsewhere.
    LeavesAtReturn,
    /// It is an exception in the frame.
    Raises,
}

/// When a frame looks at the eval breaker, if it tells anybody that it was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameCheck {
    /// Once it has told.
    AfterTheCall,
    /// Before it tells, and again.
    AroundTheCall,
    /// Before it tells.
    BeforeTheCall,
}

impl Profile {
    /// When a frame looks at the eval breaker. Source: `DO_TRACING` and `RESUME` in 3.11; observed with a pending call and a
    /// tracer: the call is told of first in 3.8.18 to 3.10.13 and 3.12.1, the pending call runs first in 3.11.7 and from
    /// 3.13.0 on; in 3.11.2 and 3.11.7 the GIL is also given up after the call was told of.
    #[must_use]
    pub fn frame_check(self) -> FrameCheck {
        let after = matches!(self.minor(), 8..=10 | 12);
        match self.minor() {
            _ if self.when(Difference::FrameCheck, after) => FrameCheck::AfterTheCall,
            11 => FrameCheck::AroundTheCall,
            _ => FrameCheck::BeforeTheCall,
        }
    }

    /// What the failure of a function of tracing does. Source: `_PyEval_EvalFrameDefault` up to 3.11, PEP 669 (3.12); observed:
    /// 3.8.18 to 3.15.2.
    #[must_use]
    pub fn event_failure(self) -> EventFailure {
        match self.minor() {
            _ if self.when(Difference::EventFailure, self.minor() >= 12) => EventFailure::Raises,
            11 => EventFailure::LeavesAtReturn,
            _ => EventFailure::Leaves,
        }
    }

    /// Whether what a function of tracing was registered with is let go before the next one is there. Source: observed with a
    /// destructor that evaluates: it is not told of up to 3.11.7, and told of from 3.12.1 on.
    #[must_use]
    pub fn tracer_goes_before_the_next(self) -> bool {
        self.when(Difference::TracerGoesBeforeTheNext, self.minor() <= 11)
    }

    /// Whether the thread states of an interpreter are walked with HEAD_LOCK kept, and the audit hooks asked once. Source:
    /// gh-137400 (3.13.10, 3.14.1); observed: asked once for each thread state in 3.12.1 and 3.13.0, once in 3.13.18 to 3.15.2.
    #[must_use]
    pub fn all_threads_are_walked_locked(self) -> bool {
        let patch = if self.minor() == 13 { 10 } else { 1 };
        let locked = self.minor() >= 13 && self.since(self.minor(), patch);
        // 3.15 had it from its first release on.
        self.when(
            Difference::AllThreadsAreWalkedLocked,
            locked || self.minor() >= 15,
        )
    }

    /// Whether the null function evaluates as CPython does, and is what it is read as. Source: observed: null is read and
    /// called in 3.9.18 and 3.10.13, not since 3.11.7.
    #[must_use]
    pub fn null_evaluator_is_the_default(self) -> bool {
        self.when(Difference::NullEvaluatorIsTheDefault, self.minor() >= 11)
    }

    /// Whether a reference tracer that is replaced is told. Source: contract V44; observed: 3.15.2.
    #[must_use]
    pub fn replaced_tracer_is_told(self) -> bool {
        self.when(Difference::ReplacedTracerIsTold, self.minor() >= 15)
    }

    /// Whether tracemalloc takes the GIL in an allocation that needs none. Source: `Modules/_tracemalloc.c`
    /// (`tracemalloc_raw_alloc`); observed: `PyThreadState_New` beside a thread that is attached waits up to 3.14.10, not in 3.15.2.
    #[must_use]
    pub fn tracemalloc_takes_the_gil(self) -> bool {
        self.when(Difference::TracemallocTakesTheGil, self.minor() <= 14)
    }

    /// Whether tracemalloc holds names of files that are in an interpreter's own memory beyond its end. Source: `Python/tracemalloc.c`
    /// (`tracemalloc_clear_filename`); observed: finalization crashes in 3.12.1, 3.13.15, 3.13.18 and 3.14.10, not in 3.15.2. In 3.13.0 and 3.13.5 it
    /// does only for names that were made at run time, which an interpreter's making has none of: those of code from files are
    /// interned, and immortal. Which level between changed that was not seen.
    #[must_use]
    pub fn tracemalloc_holds_names(self) -> bool {
        let are_immortal = self.minor() == 13 && !self.since(13, 6);
        let holds = (12..=14).contains(&self.minor()) && !are_immortal;
        self.when(Difference::TracemallocHoldsNames, holds)
    }

    /// What audit hooks are told when `threading` starts a thread. Source: observed: nothing up to 3.11.7; 3.12.1, and another
    /// name since 3.13.0.
    #[must_use]
    pub fn thread_start_event(self) -> Option<AuditEvent> {
        match self.minor() {
            _ if self.when(Difference::ThreadStartEvent, self.minor() >= 13) => {
                Some(AuditEvent::StartJoinableThread)
            }
            12 => Some(AuditEvent::StartNewThread),
            _ => None,
        }
    }
}
