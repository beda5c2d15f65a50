//! The reference's pending calls, initialization and finalization.

use super::interpreters::MAIN;
use super::{
    CAPACITY, CRASH, End, Function, Mistake, NO_THREAD_STATE, Reference, State, Step, THREADS,
};

impl Reference {
    /// §PENDING Q1 to Q4: the bit is set on the storage of the first thread state, whoever is in it.
    pub(super) fn add_pending(&mut self, function: Function) -> Step<i64> {
        if self.main_state.is_none() {
            return Err(CRASH);
        }
        let capacity = CAPACITY - usize::from(self.wrong(Mistake::CapacityOneLess));
        let full = self.queue.len() >= capacity;
        if !full {
            self.queue.push(function);
            self.accepted.push(function);
        }
        if let Some(embedded) = self.homes[MAIN.0].embedded
            && !(full && self.wrong(Mistake::FullQueueIsSilent))
        {
            self.states[embedded.0].calls_to_do = true;
        }
        Ok(if full { -1 } else { 0 })
    }

    pub(super) fn eval(&mut self, thread: usize) -> Step<i64> {
        let state = self.live(self.current[thread])?;
        if self.states[state.0].calls_to_do {
            self.make_pending(thread, state)
        } else {
            Ok(0)
        }
    }

    /// §PENDING M1 to M6.
    pub(super) fn make_pending(&mut self, thread: usize, state: State) -> Step<i64> {
        if let Some(handling) = self.handling {
            self.states[handling.0].calls_to_do = true;
            self.states[state.0].calls_to_do = false;
            return Ok(0);
        }
        self.handling = Some(state);
        self.states[state.0].calls_to_do = false;
        let mut result = 0;
        // M4 goes by the count that was read with the last pop: what the last call of a full pass adds is not seen.
        let mut more = false;
        for _ in 0..CAPACITY {
            if !self.runs_calls(thread, state) || self.queue.is_empty() || result != 0 {
                more = false;
                break;
            }
            let last = self.queue.len() - 1;
            let lifo = self.wrong(Mistake::LastInFirstOut);
            let function = self.queue.remove(if lifo { last } else { 0 });
            more = last > 0;
            result = self.run(thread, function)?;
            if self.wrong(Mistake::RaisingGoesOn) {
                result = 0;
            }
        }
        self.handling = None;
        if result != 0 || more {
            self.states[state.0].calls_to_do = true;
        }
        Ok(result)
    }

    fn run(&mut self, thread: usize, function: Function) -> Step<i64> {
        self.ran.push(function);
        match function {
            Function::Plain | Function::Other => Ok(0),
            Function::Raises => Ok(-1),
            Function::Adds => self.add_pending(Function::Plain).map(|_| 0),
            Function::Evals => self.eval(thread).map(|_| 0),
        }
    }

    /// §INIT.
    pub(super) fn initialize(&mut self, thread: usize) -> Step<()> {
        if self.initialized {
            return Ok(());
        }
        if !self.runtime_initialized {
            self.runtime_initialized = true;
            self.main_thread = thread;
            self.slots = [None; THREADS];
            self.key = true;
            if !self.wrong(Mistake::QueueSurvives) {
                self.queue.clear();
            }
        }
        self.finalizing = false;
        self.check_enabled = true;
        if let Some(left) = self.homes[MAIN.0].embedded {
            self.free(left);
        }
        let ids_go_on = self.wrong(Mistake::IdsGoOn);
        let main = &mut self.homes[MAIN.0];
        main.list.clear();
        main.gil_taken = false;
        if !ids_go_on {
            main.last_id = 0;
        }
        self.listed = vec![MAIN];
        let main = self.create(thread, MAIN)?;
        self.main_state = Some(main);
        self.attach(thread, main)?;
        self.initialized = true;
        Ok(())
    }

    /// §FINAL F1 to F32.
    pub(super) fn finalize(&mut self, thread: usize) -> Step<()> {
        if !self.initialized {
            return Ok(());
        }
        if thread != self.main_thread {
            self.current[thread].ok_or(NO_THREAD_STATE)?;
            // Which thread state the finalizer is then, the contract and real libraries do not agree about.
            return Err(End::Undefined);
        }
        let main = self.main_state.ok_or(CRASH)?;
        if self.current[thread] != Some(main) && !self.wrong(Mistake::FinalizerNotSwappedIn) {
            self.swap(thread, Some(main))?;
        }
        let finalizer = self.live(self.current[thread])?;
        loop {
            self.make_pending(thread, finalizer)?;
            if self.queue.is_empty() {
                break;
            }
        }
        if !self.wrong(Mistake::SubsStay) {
            self.end_all_but_main(thread, finalizer)?;
        }
        self.finalizing = true;
        self.initialized = false;
        self.cut_off_others(finalizer);
        self.detach(thread, Some(finalizer))?;
        self.unlink_and_free(thread, finalizer)?;
        self.listed.retain(|listed| *listed != MAIN);
        self.key = false;
        self.runtime_initialized = false;
        Ok(())
    }
}
