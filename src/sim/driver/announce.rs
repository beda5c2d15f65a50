//! What CPython is told before a program runs: the model keeps some of its state only for programs that can tell.

use super::{Machine, Python};
use crate::sim::scenario::calls::Call;

impl<P: Python> Machine<P> {
    /// Tells CPython what it has to keep only because the program uses it.
    pub(super) fn announce(&self) {
        if self.reads.ids {
            self.runtime.observe_ids();
        }
        if self.reads.failures {
            self.runtime.observe_failures();
        }
        if !self.reads.globals.is_empty() {
            self.runtime.observe_flags();
        }
        if self.reads.signals {
            self.runtime.observe_signals();
        }
        let makes = |wanted| self.reads.modelled().any(|call| call == wanted);
        if makes(Call::AddAuditHook) {
            self.runtime.observe_audit();
        }
        if self.reads.modelled().any(looks_on) {
            let frames = makes(Call::CurrentFrames);
            self.runtime.observe_hooks(frames);
        }
    }
}

/// Whether the runtime keeps something only for programs with such a call.
fn looks_on(call: Call) -> bool {
    matches!(
        call,
        Call::EvalSetProfile
            | Call::EvalSetTrace
            | Call::EvalSetProfileAllThreads
            | Call::EvalSetTraceAllThreads
            | Call::RefTracerSetTracer
            | Call::InterpreterStateSetEvalFrameFunc
            | Call::CurrentFrames
            | Call::EvalFrame
            | Call::ThreadStateFrame
            | Call::TracemallocStart
            | Call::TracemallocStop
            | Call::AllocHook
    )
}
