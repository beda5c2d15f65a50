//! The reference's frames, and who looks on: tracers, audit hooks, evaluators, the reference tracer, memory.
//!
//! Contract 2.12, 2.13, and what was observed of the order in which a frame tells. What a function is told is noted by its
//! name, then by a word for the event.

use super::interpreters::MAIN;
use super::{CRASH, End, Home, Mistake, Reference, Reply, Rule, State, Step};

/// A function that looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    Traces,
    /// Fails, whatever it is told.
    TraceFails,
    /// Fails where a frame ends.
    TraceEndsBadly,
    Profiles,
    ProfileFails,
    ProfileEndsBadly,
    Listens,
    /// Refuses whatever it is told.
    Denies,
    /// Refuses other hooks.
    Bars,
    Compiles,
    Allocates,
    Refers,
    /// Does not let itself be replaced.
    Keeps,
}

const OF_FRAMES: [(&str, &str); 7] = [
    ("what == PyTrace_CALL", "call"),
    ("what == PyTrace_EXCEPTION", "exception"),
    ("what == PyTrace_LINE", "line"),
    ("what == PyTrace_RETURN", "return"),
    ("what == PyTrace_C_CALL", "c_call"),
    ("what == PyTrace_C_EXCEPTION", "c_exception"),
    ("what == PyTrace_C_RETURN", "c_return"),
];
const OF_HOOKS: [(&str, &str); 8] = [
    ("event == \"sys.addaudithook\"", "hook"),
    ("event == \"cpython.PyInterpreterState_New\"", "new"),
    ("event == \"cpython.PyInterpreterState_Clear\"", "clear"),
    ("event == \"cpython._PySys_ClearAuditHooks\"", "clear_hooks"),
    ("event == \"sys.setprofile\"", "setprofile"),
    ("event == \"sys.settrace\"", "settrace"),
    ("event == \"sys._current_frames\"", "frames"),
    ("event == \"tool.event\"", "own"),
];
const OF_OBJECTS: [(&str, &str); 3] = [
    ("event == PyRefTracer_CREATE", "create"),
    ("event == PyRefTracer_DESTROY", "destroy"),
    ("event == PyRefTracer_TRACKER_REMOVED", "removed"),
];

impl Tool {
    /// In order of declaration.
    pub(crate) const ALL: [Self; 13] = [
        Self::Traces,
        Self::TraceFails,
        Self::TraceEndsBadly,
        Self::Profiles,
        Self::ProfileFails,
        Self::ProfileEndsBadly,
        Self::Listens,
        Self::Denies,
        Self::Bars,
        Self::Compiles,
        Self::Allocates,
        Self::Refers,
        Self::Keeps,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::TraceFails => "trace_fails",
            Self::TraceEndsBadly => "trace_ends_badly",
            Self::Profiles => "profiles",
            Self::ProfileFails => "profile_fails",
            Self::ProfileEndsBadly => "profile_ends_badly",
            Self::Listens => "listens",
            Self::Denies => "denies",
            Self::Bars => "bars",
            Self::Compiles => "compiles",
            Self::Allocates => "allocates",
            Self::Refers => "refers",
            Self::Keeps => "keeps",
        }
    }

    /// Its parameters in scenarios, and the events that it tells apart, by how that is asked.
    pub(crate) fn body(self) -> (&'static str, &'static [(&'static str, &'static str)]) {
        match self {
            Self::Traces
            | Self::TraceFails
            | Self::TraceEndsBadly
            | Self::Profiles
            | Self::ProfileFails
            | Self::ProfileEndsBadly => ("obj, frame, what, arg", &OF_FRAMES),
            Self::Listens | Self::Denies | Self::Bars => ("event, args, data", &OF_HOOKS),
            Self::Compiles => ("ts, frame, throwflag", &[]),
            Self::Allocates => ("", &[]),
            Self::Refers | Self::Keeps => ("object, event, data", &OF_OBJECTS),
        }
    }

    /// Whether it fails when it is told of an event.
    pub(crate) fn fails_at(self, event: &str) -> bool {
        match self {
            Self::TraceFails | Self::ProfileFails | Self::Denies | Self::Keeps => true,
            Self::TraceEndsBadly | Self::ProfileEndsBadly => event == "return",
            Self::Bars => event == "hook",
            Self::Traces
            | Self::Profiles
            | Self::Listens
            | Self::Compiles
            | Self::Allocates
            | Self::Refers => false,
        }
    }
}

/// Which of a thread state's two functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Which {
    Trace,
    Profile,
}

/// A call about who looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// Whether for all threads.
    SetTracer(Which, Option<Tool>, bool),
    /// `PyThreadState_EnterTracing` and `LeaveTracing`.
    Tracing(Option<State>, i32),
    AddHook(Tool),
    Audit,
    /// Of the main interpreter or of a thread state's; null, or not.
    SetEvaluator(Option<State>, bool),
    GetEvaluator(Option<State>),
    AllocHook(bool),
    SetRefTracer(Option<Tool>),
    GetRefTracer,
    NewObject,
    DropObject,
    CurrentFrames,
}

/// What a hook is told of, by the calls of other modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    InterpreterNew,
    InterpreterClear,
}

/// Who evaluates an interpreter's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Evaluator {
    Usual,
    Null,
    Compiles,
}

/// Who looks on at a thread state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct OnState {
    trace: Option<Tool>,
    profile: Option<Tool>,
    inside: i32,
}

impl OnState {
    /// The functions are forgotten, not the count.
    pub(super) fn forget(&mut self) {
        (self.trace, self.profile) = (None, None);
    }

    fn of(&mut self, which: Which) -> &mut Option<Tool> {
        match which {
            Which::Trace => &mut self.trace,
            Which::Profile => &mut self.profile,
        }
    }
}

/// Who looks on at the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tools {
    /// Audit hooks, oldest first.
    pub(crate) hooks: Vec<Tool>,
    allocates: bool,
    refs: Option<Tool>,
    /// There is an object, of the main interpreter.
    pub(crate) object: bool,
}

impl Reference {
    pub(super) fn call_of_hooks(&mut self, thread: usize, look: Look) -> Step<Reply> {
        match look {
            Look::SetTracer(which, tool, all) => {
                self.set_tracer(thread, which, tool, all)?;
                Ok(Reply::Nothing)
            }
            Look::Tracing(state, by) => {
                let state = self.live(state)?;
                if !self.wrong(Mistake::TracingGoesOn) {
                    self.states[state.0].tools.inside += by;
                }
                Ok(Reply::Nothing)
            }
            Look::AddHook(hook) => {
                self.may_be_heard(thread)?;
                let passes = self.tell_hooks(thread, "hook")?;
                if passes || self.wrong(Mistake::RefusedHookIsAdded) {
                    self.tools.hooks.push(hook);
                }
                Ok(Reply::Number(0))
            }
            Look::Audit => {
                self.may_be_heard(thread)?;
                let passes = self.tell_hooks(thread, "own")?;
                Ok(Reply::Number(if passes { 0 } else { -1 }))
            }
            Look::SetEvaluator(of, null) => {
                self.set_evaluator(thread, of, null)?;
                Ok(Reply::Nothing)
            }
            Look::GetEvaluator(of) => self.evaluator_of(thread, of),
            Look::AllocHook(is_set) => {
                self.tools.allocates = is_set;
                Ok(Reply::Nothing)
            }
            Look::SetRefTracer(tool) => self.set_ref_tracer(thread, tool).map(Reply::Number),
            Look::GetRefTracer => Ok(Reply::Said(match self.tools.refs {
                Some(Tool::Refers) => "== refers",
                Some(_) => "== keeps",
                None => "== NULL",
            })),
            Look::NewObject | Look::DropObject => self.object(thread, look),
            Look::CurrentFrames => self.frame(thread, true).map(Reply::Number),
        }
    }

    /// Which thread state a thread is in that holds no GIL is not known where there is one pointer.
    fn may_be_heard(&self, thread: usize) -> Step<()> {
        if self.current(thread).is_some() {
            self.must_hold(thread)?;
        }
        Ok(())
    }

    fn note(&mut self, tool: Tool, event: &'static str) {
        self.ran.push(tool.name());
        self.ran.push(event);
    }

    /// Whether no hook refuses. Who has no thread state tells nobody.
    fn tell_hooks(&mut self, thread: usize, event: &'static str) -> Step<bool> {
        let current = self.current(thread);
        if current.is_none() && !self.wrong(Mistake::HooksHearDetached) {
            return Ok(true);
        }
        let mut hooks = self.tools.hooks.clone();
        if current.is_some() && !hooks.is_empty() {
            self.live(current)?;
        }
        if self.wrong(Mistake::NewestHookFirst) {
            hooks.reverse();
        }
        let mut passes = true;
        for hook in hooks {
            self.note(hook, event);
            passes &= !hook.fails_at(event);
            if !passes && !self.wrong(Mistake::EveryHookIsTold) {
                break;
            }
        }
        Ok(passes)
    }

    pub(super) fn audit(&mut self, thread: usize, event: Event) -> Step<bool> {
        match event {
            Event::InterpreterNew => self.tell_hooks(thread, "new"),
            Event::InterpreterClear if self.wrong(Mistake::ClearingIsSilent) => Ok(true),
            Event::InterpreterClear => self.tell_hooks(thread, "clear"),
        }
    }

    /// §FINAL F21, F28.
    pub(super) fn end_hooks(&mut self, thread: usize) -> Step<()> {
        self.audit(thread, Event::InterpreterClear)?;
        self.tell_hooks(thread, "clear_hooks")?;
        if !self.wrong(Mistake::HooksOutlive) {
            self.tools.hooks.clear();
        }
        Ok(())
    }

    /// Memory is taken.
    pub(super) fn allocate(&mut self) {
        if self.tools.allocates {
            self.ran.push(Tool::Allocates.name());
        }
    }

    pub(super) fn set_tracer(
        &mut self,
        thread: usize,
        which: Which,
        tool: Option<Tool>,
        all: bool,
    ) -> Step<()> {
        let current = self.running(thread)?;
        let home = self.home(current);
        let all = all != self.wrong(Mistake::OneIsAllThreads)
            && !(all && self.wrong(Mistake::AllThreadsAreOne));
        let mut states = vec![current];
        if all {
            states.clone_from(&self.homes[home.0].list);
        }
        if all && self.wrong(Mistake::AllThreadsAnywhere) {
            let homes = self.listed.iter();
            states = homes
                .flat_map(|home| self.homes[home.0].list.clone())
                .collect();
        }
        let event = match which {
            Which::Trace => "settrace",
            Which::Profile => "setprofile",
        };
        let for_each = all && self.is(Rule::HooksAreAskedForEach);
        if !for_each && !self.tell_hooks(thread, event)? && !self.wrong(Mistake::RefusedTracerIsSet)
        {
            return Ok(());
        }
        if all && self.head_held {
            return Err(End::Blocks);
        }
        for state in states {
            if !for_each || self.tell_hooks(thread, event)? {
                *self.states[state.0].tools.of(which) = tool;
            }
        }
        Ok(())
    }

    /// Whether a function that is told does not fail. Nobody is told from inside.
    fn tell(&mut self, state: State, which: Which, event: &'static str) -> bool {
        let tools = &mut self.states[state.0].tools;
        let Some(tool) = *tools.of(which) else {
            return true;
        };
        if tools.inside != 0 {
            return true;
        }
        self.note(tool, event);
        !tool.fails_at(event)
    }

    /// A frame of bytecode with one boundary in it.
    pub(super) fn eval(&mut self, thread: usize) -> Step<i64> {
        self.frame(thread, false)
    }

    /// One that calls a C function, or none.
    fn frame(&mut self, thread: usize, native: bool) -> Step<i64> {
        let state = self.running(thread)?;
        match self.homes[self.home(state).0].evaluator {
            Evaluator::Usual => {}
            Evaluator::Null => return Err(CRASH),
            Evaluator::Compiles => self.ran.push(Tool::Compiles.name()),
        }
        let mut order = [Which::Trace, Which::Profile];
        if self.wrong(Mistake::ProfilerIsToldFirst) {
            order.reverse();
        }
        let tools = &mut self.states[state.0].tools;
        let told = order.map(|which| tools.of(which).is_some());
        let first = self.is(Rule::CallIsToldFirst);
        if !first && self.check_point(thread)? != 0 {
            return Ok(self.unwind(state));
        }
        for (which, told) in order.into_iter().zip(told) {
            if told && !self.tell(state, which, "call") {
                let leaves = self.is(Rule::FailureLeaves);
                return Ok(if leaves { -1 } else { self.unwind(state) });
            }
        }
        let again = self.is(Rule::ChecksTwice) && told.contains(&true);
        if (first || again) && self.check_point(thread)? != 0 {
            return Ok(self.unwind(state));
        }
        let mut runs = self.tell(state, Which::Trace, "line");
        if self.wrong(Mistake::ProfilerSeesLines) {
            self.tell(state, Which::Profile, "line");
        }
        if runs && native {
            runs = self.native(thread, state)?;
        }
        if !runs {
            return Ok(self.unwind(state));
        }
        let ends = self.tell_return(state);
        if !ends && self.is(Rule::FailureAtReturnUnwinds) {
            return Ok(self.unwind(state));
        }
        Ok(if ends { 0 } else { -1 })
    }

    /// An exception ends the frame.
    fn unwind(&mut self, state: State) -> i64 {
        self.tell(state, Which::Trace, "exception");
        self.tell_return(state);
        -1
    }

    fn tell_return(&mut self, state: State) -> bool {
        let traced = self.tell(state, Which::Trace, "return");
        if !traced && !self.is(Rule::FailureLeaves) {
            return false;
        }
        let profiled = self.tell(state, Which::Profile, "return");
        traced && profiled
    }

    /// `sys._current_frames()`, which a hook can refuse; then one more boundary.
    fn native(&mut self, thread: usize, state: State) -> Step<bool> {
        let silent = self.wrong(Mistake::NativeCallsAreSilent);
        if !silent && !self.tell(state, Which::Profile, "c_call") {
            return Ok(false);
        }
        let passes = self.tell_hooks(thread, "frames")?;
        if passes && self.head_held {
            return Err(End::Blocks);
        }
        let event = if passes { "c_return" } else { "c_exception" };
        let told = silent || self.tell(state, Which::Profile, event);
        Ok(passes && told && self.check_point(thread)? == 0)
    }

    /// Reads through the main interpreter, or through that of a thread state.
    fn interpreter_read(&self, thread: usize, of: Option<State>) -> Step<Home> {
        if of.is_none() {
            self.may_walk(thread)?;
        }
        self.home_for(of)
    }

    fn set_evaluator(&mut self, thread: usize, of: Option<State>, null: bool) -> Step<()> {
        self.running(thread)?;
        let home = self.interpreter_read(thread, of)?;
        let evaluator = if !null {
            Evaluator::Compiles
        } else if self.is(Rule::NullEvaluates) {
            Evaluator::Usual
        } else {
            Evaluator::Null
        };
        self.homes[home.0].evaluator = evaluator;
        if self.wrong(Mistake::EvaluatorOfAll) {
            for home in &mut self.homes {
                home.evaluator = evaluator;
            }
        }
        Ok(())
    }

    fn evaluator_of(&self, thread: usize, of: Option<State>) -> Step<Reply> {
        let home = self.interpreter_read(thread, of)?;
        Ok(Reply::Said(match self.homes[home.0].evaluator {
            Evaluator::Usual => "!= NULL",
            Evaluator::Null => "== NULL",
            Evaluator::Compiles => "== compiles",
        }))
    }

    /// Needs a thread state, though nothing looks.
    fn set_ref_tracer(&mut self, thread: usize, tool: Option<Tool>) -> Step<i64> {
        self.running(thread).map_err(|_| End::Undefined)?;
        let old = self.tools.refs;
        if let Some(old) = old.filter(|_| self.is(Rule::ReplacedTracerIsTold)) {
            self.note(old, "removed");
            if old.fails_at("removed") && !self.wrong(Mistake::TracerKeepsNothing) {
                return Ok(-1);
            }
        }
        self.tools.refs = tool;
        Ok(0)
    }

    /// §INIT I1.
    pub(super) fn forget_ref_tracer(&mut self) {
        if !self.wrong(Mistake::RefTracerOutlives) {
            self.tools.refs = None;
        }
    }

    /// There is one object, which the main interpreter's threads make and drop.
    fn object(&mut self, thread: usize, look: Look) -> Step<Reply> {
        let makes = look == Look::NewObject;
        if self.tools.object == makes {
            return Err(End::Undefined);
        }
        if self.home(self.running(thread)?) != MAIN {
            return Err(End::Undefined);
        }
        if makes && !self.wrong(Mistake::ObjectsTakeNoMemory) {
            self.allocate();
        }
        self.tools.object = makes;
        if let Some(refs) = self.tools.refs {
            self.note(refs, if makes { "create" } else { "destroy" });
        }
        Ok(Reply::Silent)
    }

    /// §FINAL F18: what is left dies with the modules.
    pub(super) fn end_object(&mut self) {
        let left = std::mem::take(&mut self.tools.object);
        let refs = self.tools.refs;
        if let Some(refs) = refs.filter(|_| left && !self.wrong(Mistake::TeardownIsSilent)) {
            self.note(refs, "destroy");
        }
    }
}
