//! The reference's initialization and finalization.

use super::interpreters::{Interpreter, MAIN};
use super::{CRASH, End, Mistake, NO_THREAD_STATE, Reference, Rule, State, Step};

impl Reference {
    /// §INIT I4 to I8.
    pub(super) fn begin_core(&mut self, thread: usize) -> Step<()> {
        self.key = true;
        self.finalizer = None;
        if let Some(left) = self.homes[MAIN.0].embedded {
            self.free(left);
        }
        let last_id = if self.wrong(Mistake::IdsGoOn) {
            self.homes[MAIN.0].last_id
        } else {
            0
        };
        let mut main = Interpreter::new(last_id, true);
        if self.wrong(Mistake::QueueSurvives) {
            main.queue = std::mem::take(&mut self.homes[MAIN.0].queue);
        }
        if self.wrong(Mistake::EvaluatorOutlives) {
            main.evaluator = self.homes[MAIN.0].evaluator;
        }
        self.homes[MAIN.0] = main;
        self.listed = vec![MAIN];
        let main = self.create(thread, MAIN)?;
        self.main_state = Some(main);
        self.attach(thread, main)
    }

    /// §FINAL F1 to F32.
    pub(super) fn finalize(&mut self, thread: usize) -> Step<()> {
        if !self.initialized {
            return Ok(());
        }
        let finalizer = self.choose_finalizer(thread)?;
        self.refusing = self.is(Rule::FinishRefuses);
        self.finish_pending(thread, finalizer)?;
        if self.is(Rule::SubsEndBeforeTheMark) {
            self.end_all_but_main(thread, finalizer)?;
        }
        self.wait_for_guards(MAIN)?;
        self.finalizer = Some(finalizer);
        self.finalizing_thread = thread;
        self.initialized = false;
        self.core = false;
        if self.head_held {
            return Err(End::Blocks);
        }
        self.cut_off_others(finalizer);
        self.leave_signals();
        self.leave_flags();
        self.end_object();
        if self.is(Rule::SubsEndAfterModules) && !self.is(Rule::SubsEndBeforeTheMark) {
            self.end_all_but_main(thread, finalizer)?;
        }
        self.end_hooks(thread)?;
        self.leave_for_good(thread, finalizer)?;
        self.unlink_and_free(thread, finalizer)?;
        self.listed.retain(|listed| *listed != MAIN);
        if !self.listed.is_empty() {
            return Err(End::Fatal(
                "PyInterpreterState_Delete: remaining subinterpreters",
            ));
        }
        self.key = false;
        self.key_created &= !self.wrong(Mistake::KeyGoesWithTheRuntime);
        self.runtime_initialized = false;
        Ok(())
    }

    /// F2, V15.
    fn choose_finalizer(&mut self, thread: usize) -> Step<State> {
        if !self.is(Rule::FinalizerIsSwappedIn) {
            let finalizer = self.running(thread)?;
            if self.home(finalizer) != MAIN {
                // The sub-interpreter ends in place of the main one.
                return Err(End::Undefined);
            }
            return Ok(finalizer);
        }
        if thread != self.main_thread {
            self.current(thread).ok_or(NO_THREAD_STATE)?;
            // Which thread state the finalizer is then, the contract and real libraries do not agree about.
            return Err(End::Undefined);
        }
        let main = self.main_state.ok_or(CRASH)?;
        if self.current(thread) != Some(main) {
            self.swap(thread, Some(main))?;
        }
        self.live(Some(main))
    }
}
