//! Profiling and tracing: who is told when a frame is entered, runs a line and is left.
//!
//! CPython: `Python/ceval.c`, since 3.12 `Python/legacy_tracing.c` (`PyEval_SetProfile`, `PyEval_SetTrace`, `..AllThreads`,
//! `call_trace`, `PyThreadState_EnterTracing`); 3.8 to 3.15.
//!
//! # States
//!
//! | field of a thread state | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `profile`, `trace` | a function and an object that it is given, of which a reference is held; or none | the GIL |
//! | `inside` | how many times it is inside a function of tracing, or was told so by `PyThreadState_EnterTracing` | its thread |
//!
//! # Protocol
//!
//! A frame ([`Caller::evaluate`]) tells the trace function, then the profile function: each only while `inside` is 0, which it
//! raises meanwhile, so that what a function of tracing evaluates is not told of.
//!
//! | step | told |
//! | --- | --- |
//! | entered | trace and profile: `CALL` |
//! | one boundary of bytecode: the check point | – |
//! | the line | trace: `LINE` |
//! | the line calls a C function ([`Caller::call_native`]) | profile: `C_CALL`, then `C_RETURN` or `C_EXCEPTION` |
//! | an exception | trace: `EXCEPTION` |
//! | left | trace and profile: `RETURN` |
//!
//! In 3.11 and since 3.13 the check point comes first, in 3.11 once more where the call is told of; who is set in it is told of
//! the line and the return, not of the call. A function that fails is an exception in the frame, but up to 3.10 leaves it at once in `CALL` and `RETURN`, in 3.11 in
//! `RETURN`. `OPCODE` is told only to frames that ask for it, which none does here.
//!
//! Setting: audit, which can refuse; the new one in; the old object let go, whose finalizer runs here. Up to 3.11 the old object
//! goes first, with no function set. Clearing a thread state forgets both, then lets their objects go.
//!
//! All threads, since 3.12: the same for each thread state of the interpreter. HEAD_LOCK gives the next one and is given up
//! before that one is used: whoever deletes it meanwhile, having no need of the GIL or while a hook or a finalizer has given it
//! up, leaves the walk with what is freed (R39). Since 3.13.10 and 3.14.1 (gh-137400): audit once, the walk under HEAD_LOCK, the
//! old objects let go after it.
//!
//! Differs: 3.11 goes on not to tell after more `PyThreadState_LeaveTracing` than `..EnterTracing`, until the next function is
//! set; frames of Python's own modules are not told of; a profile function is not given what it is told `arg`.
//!
//! # Invariants
//!
//! S18 NoUseAfterFreeTs (violated by the walk up to 3.13.9 and 3.14.0), S17 HeadLockLeaf: nothing is called under HEAD_LOCK.
//!
//! # Lock order
//!
//! HEAD_LOCK is a leaf.
//!
//! # Outcomes
//!
//! Use after free in the walk, and of a thread state that a function of tracing deletes.
//!
//! # Checked by
//!
//! `tests/loom/tracing.rs`, `scenarios/hooks`.

use super::arena::THREAD_STATES_MAX;
use super::audit::AuditEvent;
use super::callback::CallbackId;
use super::differences::{EventFailure, FrameCheck};
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::object::ObjectId;
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{Plain, Word, scope};

/// What a function of tracing is told: the values of C's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraceEvent {
    /// `PyTrace_CALL`
    Call = 0,
    /// `PyTrace_EXCEPTION`
    Exception = 1,
    /// `PyTrace_LINE`
    Line = 2,
    /// `PyTrace_RETURN`
    Return = 3,
    /// `PyTrace_C_CALL`
    NativeCall = 4,
    /// `PyTrace_C_EXCEPTION`
    NativeException = 5,
    /// `PyTrace_C_RETURN`
    NativeReturn = 6,
}

/// A function of tracing, and what it is registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tracer {
    /// The function, or `None` for the null pointer.
    pub function: Option<CallbackId>,
    /// The object that it is given, or `None` for the null pointer.
    pub object: Option<ObjectId>,
}

impl Tracer {
    /// The null pointer, twice.
    pub const NONE: Self = Self {
        function: None,
        object: None,
    };
}

impl Word for Tracer {
    fn to_word(self) -> u64 {
        let function = self.function.map_or(0, |CallbackId(id)| u64::from(id) + 1);
        let object = self.object.map_or(0, |object| object.index() as u64 + 1);
        object << 32 | function
    }

    fn from_word(word: u64) -> Self {
        let function = word & u64::from(u32::MAX);
        let object = (word >> 32) as usize;
        Self {
            function: function.checked_sub(1).map(|id| CallbackId(id as u16)),
            object: object.checked_sub(1).map(ObjectId::new),
        }
    }
}

/// Which of the two functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Trace,
    Profile,
}

impl Kind {
    fn event(self) -> AuditEvent {
        match self {
            Self::Trace => AuditEvent::SetTrace,
            Self::Profile => AuditEvent::SetProfile,
        }
    }
}

/// What a thread state knows of tracing. Rule: the GIL.
#[derive(Debug)]
pub(super) struct Tracing {
    profile: Plain<Tracer>,
    trace: Plain<Tracer>,
    inside: Plain<i32>,
}

impl Tracing {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            profile: Plain::new(("tstate.c_profilefunc", slot), Tracer::NONE),
            trace: Plain::new(("tstate.c_tracefunc", slot), Tracer::NONE),
            inside: Plain::new(("tstate.tracing", slot), 0),
        }
    }

    /// Of a new thread state.
    pub(super) fn init(&self) {
        self.profile.write(Tracer::NONE);
        self.trace.write(Tracer::NONE);
        self.inside.write(0);
    }

    fn of(&self, kind: Kind) -> &Plain<Tracer> {
        match kind {
            Kind::Trace => &self.trace,
            Kind::Profile => &self.profile,
        }
    }

    fn is_set(&self, kind: Kind) -> bool {
        self.of(kind).read().function.is_some()
    }
}

impl Caller<'_> {
    /// Sets the profile function of the attached thread state; nothing if an audit hook refuses.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a hook or a finalizer. Source: contract 2.12.
    #[doc(alias = "PyEval_SetProfile")]
    pub fn eval_set_profile(&self, tracer: Tracer) -> Step<()> {
        self.set_own_tracer(Kind::Profile, tracer)
    }

    /// Sets the trace function of the attached thread state; nothing if an audit hook refuses.
    ///
    /// # Errors
    ///
    /// As [`Caller::eval_set_profile`].
    #[doc(alias = "PyEval_SetTrace")]
    pub fn eval_set_trace(&self, tracer: Tracer) -> Step<()> {
        self.set_own_tracer(Kind::Trace, tracer)
    }

    /// Sets the profile function of every thread state of the current interpreter.
    ///
    /// # Errors
    ///
    /// As [`Caller::eval_set_profile`]; use after free in the walk, up to 3.13.9 and 3.14.0. Source: contract 2.12; gh-137400.
    #[doc(alias = "PyEval_SetProfileAllThreads")]
    pub fn eval_set_profile_all_threads(&self, tracer: Tracer) -> Step<()> {
        self.set_all_tracers(Kind::Profile, tracer)
    }

    /// Sets the trace function of every thread state of the current interpreter.
    ///
    /// # Errors
    ///
    /// As [`Caller::eval_set_profile_all_threads`].
    #[doc(alias = "PyEval_SetTraceAllThreads")]
    pub fn eval_set_trace_all_threads(&self, tracer: Tracer) -> Step<()> {
        self.set_all_tracers(Kind::Trace, tracer)
    }

    /// The thread state tells nothing until [`Caller::thread_state_leave_tracing`].
    ///
    /// # Errors
    ///
    /// A crash for null, use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_EnterTracing")]
    pub fn thread_state_enter_tracing(&self, handle: ThreadStateHandle) -> Step<()> {
        self.count_inside(handle, 1)
    }

    /// Undoes [`Caller::thread_state_enter_tracing`]; once too often, and it tells nothing either.
    ///
    /// # Errors
    ///
    /// A crash for null, use after free. Source: contract 2.8.
    #[doc(alias = "PyThreadState_LeaveTracing")]
    pub fn thread_state_leave_tracing(&self, handle: ThreadStateHandle) -> Step<()> {
        self.count_inside(handle, -1)
    }

    fn count_inside(&self, handle: ThreadStateHandle, by: i32) -> Step<()> {
        let inside = &self.thread_state(handle)?.tracing.inside;
        inside.write(inside.read() + by);
        Ok(())
    }

    fn set_own_tracer(&self, kind: Kind, tracer: Tracer) -> Step<()> {
        let current = self.attached_or_crash()?;
        if self.audit(kind.event())? {
            self.put_tracer(current, kind, tracer)?;
        }
        Ok(())
    }

    /// `setup_profile`, `setup_tracing`: the new one in, the old object let go.
    fn put_tracer(&self, handle: ThreadStateHandle, kind: Kind, tracer: Tracer) -> Step<()> {
        self.hold_object(tracer.object);
        let place = self.thread_state(handle)?.tracing.of(kind);
        let old = place.read();
        if self.runtime.profile.tracer_goes_before_the_next() {
            place.write(Tracer::NONE);
            self.let_object_go(old.object)?;
            self.thread_state(handle)?.tracing.of(kind).write(tracer);
            Ok(())
        } else {
            place.write(tracer);
            self.let_object_go(old.object)
        }
    }

    fn set_all_tracers(&self, kind: Kind, tracer: Tracer) -> Step<()> {
        let interpreter = self.interpreter_of(self.attached_or_crash()?)?;
        if self.runtime.profile.all_threads_are_walked_locked() {
            self.set_all_locked(interpreter, kind, tracer)
        } else {
            self.set_all_stepwise(interpreter, kind, tracer)
        }
    }

    /// Since 3.13.10 and 3.14.1: nothing is called while HEAD_LOCK is kept.
    fn set_all_locked(
        &self,
        interpreter: InterpreterHandle,
        kind: Kind,
        tracer: Tracer,
    ) -> Step<()> {
        if !self.audit(kind.event())? {
            return Ok(());
        }
        let mut old = [None; THREAD_STATES_MAX];
        let lists = self.runtime.lists.lock();
        let mut listed = lists.threads_head(interpreter);
        for object in &mut old {
            if listed.is_null() {
                break;
            }
            let place = self.thread_state(listed)?.tracing.of(kind);
            *object = place.read().object;
            self.hold_object(tracer.object);
            place.write(tracer);
            listed = lists.next_thread_state(listed);
        }
        drop(lists);
        for object in old {
            self.let_object_go(object)?;
        }
        Ok(())
    }

    /// 3.12 to 3.13.9, 3.14.0.
    fn set_all_stepwise(
        &self,
        interpreter: InterpreterHandle,
        kind: Kind,
        tracer: Tracer,
    ) -> Step<()> {
        let scope = scope();
        let mut listed = self.runtime.lists.lock().threads_head(interpreter);
        while !listed.is_null() {
            scope.again(&listed);
            if self.audit(kind.event())? {
                // Between HEAD_LOCK and here the thread state may have been freed.
                let _read = self.storage(listed)?.load();
                self.live(listed)?;
                self.put_tracer(listed, kind, tracer)?;
            }
            let next = self.runtime.lists.lock().next_thread_state(listed);
            self.live(listed)?;
            listed = next;
        }
        scope.end(&());
        Ok(())
    }

    /// §TS clear: who is set is forgotten, then its object let go.
    pub(super) fn forget_tracers(&self, handle: ThreadStateHandle) -> Step<()> {
        if !self.runtime.hooks_used.peek() {
            return Ok(());
        }
        let tracing = &self.thread_state(handle)?.tracing;
        let objects = [Kind::Profile, Kind::Trace].map(|kind| {
            let place = tracing.of(kind);
            let object = place.read().object;
            place.write(Tracer::NONE);
            object
        });
        for object in objects {
            self.let_object_go(object)?;
        }
        Ok(())
    }

    /// One frame of bytecode with one boundary in it, as who looks on sees it: 0, or -1 if an exception ended it.
    ///
    /// # Errors
    ///
    /// As [`Caller::eval`]; what ended the thread in a function that is told. Source: language `eval`; contract §CHECK, 2.12.
    pub fn evaluate(&self) -> Step<i32> {
        if !self.runtime.hooks_used.peek() {
            return self.eval();
        }
        self.run_frame(|_| Ok(true))
    }

    /// A frame whose line does this; whether it succeeds.
    pub(super) fn run_frame(
        &self,
        line: impl FnOnce(ThreadStateHandle) -> Step<bool>,
    ) -> Step<i32> {
        let current = self.attached_or_crash()?;
        self.call_evaluator(current)?;
        self.push_frame(current)?;
        let result = self.trace_frame(current, line)?;
        self.pop_frame(current)?;
        Ok(if result { 0 } else { -1 })
    }

    /// What happens in a frame, in order; whether no exception ended it.
    fn trace_frame(
        &self,
        current: ThreadStateHandle,
        line: impl FnOnce(ThreadStateHandle) -> Step<bool>,
    ) -> Step<bool> {
        let profile = self.runtime.profile;
        let checks = profile.frame_check();
        let tracing = &self.thread_state(current)?.tracing;
        let known = [Kind::Trace, Kind::Profile].map(|kind| tracing.is_set(kind));
        if checks != FrameCheck::AfterTheCall && self.eval()? != 0 {
            return self.unwind(current);
        }
        for (kind, known) in [Kind::Trace, Kind::Profile].into_iter().zip(known) {
            if known && !self.tell(current, kind, TraceEvent::Call)? {
                return match profile.event_failure() {
                    EventFailure::Leaves => Ok(false),
                    EventFailure::LeavesAtReturn | EventFailure::Raises => self.unwind(current),
                };
            }
        }
        let checks_now = match checks {
            FrameCheck::AfterTheCall => true,
            FrameCheck::AroundTheCall => known.contains(&true),
            FrameCheck::BeforeTheCall => false,
        };
        if checks_now && self.eval()? != 0 {
            return self.unwind(current);
        }
        if !self.tell(current, Kind::Trace, TraceEvent::Line)? || !line(current)? {
            return self.unwind(current);
        }
        let left = self.tell_return(current)?;
        if !left && profile.event_failure() == EventFailure::Raises {
            return self.unwind(current);
        }
        Ok(left)
    }

    /// An exception ends a frame.
    fn unwind(&self, current: ThreadStateHandle) -> Step<bool> {
        let _replaced = self.tell(current, Kind::Trace, TraceEvent::Exception)?;
        let _replaced = self.tell_return(current)?;
        Ok(false)
    }

    fn tell_return(&self, current: ThreadStateHandle) -> Step<bool> {
        let traced = self.tell(current, Kind::Trace, TraceEvent::Return)?;
        if !traced && self.runtime.profile.event_failure() != EventFailure::Leaves {
            return Ok(false);
        }
        let profiled = self.tell(current, Kind::Profile, TraceEvent::Return)?;
        Ok(traced && profiled)
    }

    /// The line of a frame calls a C function, which `body` is: whether no exception ended it.
    pub(super) fn call_native(
        &self,
        current: ThreadStateHandle,
        body: impl FnOnce() -> Step<bool>,
    ) -> Step<bool> {
        if !self.tell(current, Kind::Profile, TraceEvent::NativeCall)? {
            return Ok(false);
        }
        let done = body()?;
        let event = if done {
            TraceEvent::NativeReturn
        } else {
            TraceEvent::NativeException
        };
        let told = self.tell(current, Kind::Profile, event)?;
        Ok(done && told && self.eval()? == 0)
    }

    /// `call_trace`: whether the function did not fail. It may have been there no more.
    fn tell(&self, current: ThreadStateHandle, kind: Kind, event: TraceEvent) -> Step<bool> {
        let tracing = &self.thread_state(current)?.tracing;
        let tracer = tracing.of(kind).read();
        let Some(function) = tracer.function else {
            return Ok(true);
        };
        if tracing.inside.read() != 0 {
            return Ok(true);
        }
        self.count_inside(current, 1)?;
        let result = self.host.trace(self, function, tracer.object, event)?;
        self.count_inside(current, -1)?;
        Ok(result != -1)
    }
}
