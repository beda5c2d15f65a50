//! Statements, one after the other.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the statements are split into groups that each leave the rest to the next"
)]

use super::condition::{Reader, Unbound, reads_shared};
use super::{Activation, Calls, Machine, Python, Site, Value, index_of, object_kind};
use crate::runtime::{ConfigField, Crash, Daemon, ModuleId, ObjectId, Over, Step as Called};
use crate::sim::scenario::program::{
    Block, BodyId, BodyKind, Expression, Limit, ResultClaim, ResultClaimKind, Statement,
    StatementId, StatementKind, Step, ThreadId, ThreadRef, VariableId,
};
use crate::sync::{Ordering, Word, choose, learned, observe, pause_point, statement, wait_until};

/// How a block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Its last statement was done.
    Next,
    /// `return`, with the value if there was one.
    Return(Option<i64>),
}

impl Flow {
    /// The value that was returned.
    pub(super) fn result(self) -> Option<i64> {
        match self {
            Self::Next => None,
            Self::Return(value) => value,
        }
    }
}

/// Where a statement stands at run time: its number and the rounds of the loops around it.
pub(super) fn position(path: u64, id: StatementId) -> u64 {
    path.wrapping_mul(0x0001_0001_0001)
        .wrapping_add(u64::from(id.0) + 1)
}

impl<P: Python> Machine<P> {
    /// Runs the statements of a block; `path` counts the rounds of the loops around it.
    pub(super) fn block(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        block: &Block,
        path: u64,
    ) -> Called<Flow> {
        for next in block {
            match self.statement(caller, at, next, path)? {
                Flow::Next => {}
                end @ Flow::Return(_) => return Ok(end),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        next: &Statement,
        path: u64,
    ) -> Called<Flow> {
        self.goes_on()?;
        self.look_for_signals(caller)?;
        let place = position(path, next.id);
        statement(place);
        self.lanes[at.thread.index()].at.write(next.id.0 + 1);
        if let Some(listener) = &self.listener {
            listener.begins(self, at.thread, next.id);
        }
        let mut result = None;
        let flow = match &next.kind {
            StatementKind::Step {
                step: Step::OsFork { child, parent },
                bind,
                claim,
            } => {
                let (value, flow) = self.os_fork(caller, at, next.id, (child, parent), place)?;
                let value = Value::Number(value);
                self.settle(at, next.id, value, *bind, claim.as_ref())?;
                result = Some(value);
                flow
            }
            StatementKind::Step { step, bind, claim } => {
                let value = self.step(caller, at, next.id, step)?;
                self.settle(at, next.id, value, *bind, claim.as_ref())?;
                result = Some(value);
                Flow::Next
            }
            StatementKind::AllowThreads { .. }
            | StatementKind::CriticalSection { .. }
            | StatementKind::Repeat { .. }
            | StatementKind::If { .. }
            | StatementKind::Fork { .. }
            | StatementKind::Choose(_) => self.compound(caller, at, next, place)?,
            StatementKind::Return(value) => {
                let value = value
                    .as_ref()
                    .map(|value| self.read(at, next.id, value))
                    .transpose()?;
                Flow::Return(value.map(Value::number))
            }
            _ => {
                self.simple(caller, at, next)?;
                Flow::Next
            }
        };
        if let Some(listener) = &self.listener {
            listener.ends(self, at.thread, next.id, result);
        }
        Ok(flow)
    }

    fn compound(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        next: &Statement,
        place: u64,
    ) -> Called<Flow> {
        match &next.kind {
            StatementKind::AllowThreads { slot, block } => {
                self.bind(at, *slot, caller.eval_save_thread()?.into());
                let flow = self.block(caller, at, block, place)?;
                statement(position(place, next.id));
                // `return` inside the block leaves it as C does: without the closing macro.
                if flow == Flow::Next {
                    caller.eval_restore_thread(self.slot(at, *slot))?;
                }
                Ok(flow)
            }
            StatementKind::CriticalSection { begin, block } => {
                self.c_call(caller, at, next.id, begin)?;
                self.block(caller, at, block, place)
            }
            StatementKind::Repeat { limit, block } => {
                self.repeat(caller, at, next.id, limit, block, place)
            }
            StatementKind::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self.read(at, next.id, condition)?.number() != 0;
                self.block(caller, at, if holds { then } else { otherwise }, place)
            }
            StatementKind::Fork { child, parent } => {
                let branch = self.fork();
                self.branch(caller, at, next.id, (branch, child, parent), place)
            }
            StatementKind::Choose(blocks) => {
                let chosen = choose(blocks.len() as u16);
                self.block(caller, at, &blocks[usize::from(chosen)], place)
            }
            _ => unreachable!("only compound statements come here"),
        }
    }

    fn repeat(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        limit: &Limit,
        block: &Block,
        place: u64,
    ) -> Called<Flow> {
        let mut round = 0;
        loop {
            self.goes_on()?;
            match limit {
                Limit::Times(times) if round == *times => return Ok(Flow::Next),
                Limit::Times(_) => round += 1,
                Limit::Until(condition) => {
                    statement(place);
                    if self.read(at, id, condition)?.number() != 0 {
                        return Ok(Flow::Next);
                    }
                }
            }
            let flow = self.block(
                caller,
                at,
                block,
                position(place, StatementId(round as u16)),
            )?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
    }

    fn simple(&self, caller: &P::Caller<'_>, at: Activation, next: &Statement) -> Called<()> {
        match &next.kind {
            StatementKind::BlockThreads { slot } => {
                caller.eval_restore_thread(self.slot(at, *slot))?
            }
            StatementKind::UnblockThreads { slot } => {
                self.bind(at, *slot, caller.eval_save_thread()?.into())
            }
            StatementKind::Lock(mutex) => self.mutexes[mutex.index()].lock(at.thread),
            StatementKind::Unlock(mutex) => {
                if !self.mutexes[mutex.index()].unlock(at.thread) {
                    return Err(caller.crash(Crash::Other));
                }
            }
            StatementKind::Post(semaphore) => self.semaphores[semaphore.index()].post(),
            StatementKind::Wait(semaphore) => self.semaphores[semaphore.index()].acquire(),
            StatementKind::Set(flag) => self.flags[flag.index()].store(true, Ordering::SeqCst),
            StatementKind::Clear(flag) => self.flags[flag.index()].store(false, Ordering::SeqCst),
            StatementKind::Join(thread) => self.join(*thread),
            StatementKind::SpinUntil(condition) => self.spin(at, next.id, condition)?,
            StatementKind::Sleep => sleep(),
            StatementKind::New(object) => {
                let index = object.index();
                caller.object_new(ObjectId::new(index), object_kind(&self.program, index))?;
            }
            StatementKind::Touch(object) => {
                caller.object_touch(self.object(at, next.id, object)?)?;
            }
            StatementKind::Drop(object) => {
                caller.object_drop(self.object(at, next.id, object)?)?;
            }
            StatementKind::Collect => {
                caller.gc_collect()?;
            }
            StatementKind::Import { module, .. } => {
                let name = &self.program.texts[module.index()];
                let id = self.reads.module(name).unwrap_or_default();
                caller.import(ModuleId::new(id), name)?;
            }
            StatementKind::SetGlobal { global, value } => {
                let value = self.read(at, next.id, value)?.number();
                if let Some(field) = ConfigField::of_flag(global.row().name) {
                    caller.set_global_flag(field, value as i32)?;
                }
            }
            StatementKind::Signal(handler) => self.signal(caller, *handler)?,
            StatementKind::FailStage(stage) => caller.fail_stage(*stage)?,
            StatementKind::FailAlloc => caller.fail_allocation()?,
            StatementKind::FailThreadStart => caller.fail_thread_start()?,
            StatementKind::Assert {
                condition,
                restriction,
            } => {
                let binds = restriction
                    .as_ref()
                    .is_none_or(|at| at.admits(self.runtime.profile(), None));
                if binds && self.read(at, next.id, condition)?.number() == 0 {
                    return Err(self.fail(Site::Statement(next.id)));
                }
            }
            StatementKind::Exit(status) => {
                let status = self.read(at, next.id, status)?.number();
                return Err(self.end_process(Over::Exit(status as i32)));
            }
            _ => unreachable!("what the runtime does not model is refused before a run"),
        }
        Ok(())
    }

    fn join(&self, thread: ThreadRef) {
        for thread in self.program.threads_of(thread) {
            self.lanes[thread.index()].ended.wait();
        }
    }

    fn spin(&self, at: Activation, id: StatementId, condition: &Expression) -> Called<()> {
        let reader = Reader::statement(self, at);
        // An unbound name ends the spin; reading once more tells.
        wait_until(&|| self.goes_on().is_err() || reader.holds(condition).unwrap_or(true));
        self.goes_on()?;
        self.read_now(at, id, condition).map(|_| ())
    }

    fn object(&self, at: Activation, id: StatementId, object: &Expression) -> Called<ObjectId> {
        match self.read(at, id, object)? {
            Value::Object(index) => Ok(ObjectId::new(usize::from(index))),
            _ => Err(self.fail(Site::Name(id))),
        }
    }

    fn slot(&self, at: Activation, slot: VariableId) -> crate::runtime::ThreadStateHandle {
        self.names(at)[slot.index()].read().thread_state()
    }

    pub(super) fn bind(&self, at: Activation, variable: VariableId, value: Value) {
        self.names(at)[variable.index()].write(value);
    }

    /// The value of an expression in a statement. Reading more than the thread's own names is a step.
    pub(super) fn read(
        &self,
        at: Activation,
        id: StatementId,
        expression: &Expression,
    ) -> Called<Value> {
        if reads_shared(expression) {
            pause_point();
        }
        self.read_now(at, id, expression)
    }

    fn read_now(&self, at: Activation, id: StatementId, expression: &Expression) -> Called<Value> {
        let reader = Reader::statement(self, at);
        let value = if reads_shared(expression) {
            let value = observe(|| reader.value(expression));
            learned(value.unwrap_or(Value::Unbound).to_word());
            value
        } else {
            reader.value(expression)
        };
        value.map_err(|Unbound| self.fail(Site::Name(id)))
    }

    fn settle(
        &self,
        at: Activation,
        id: StatementId,
        value: Value,
        bind: Option<VariableId>,
        claim: Option<&ResultClaim>,
    ) -> Called<()> {
        if let Some(variable) = bind {
            self.bind(at, variable, value);
        }
        let Some(claim) = claim else { return Ok(()) };
        if claim
            .restriction
            .as_ref()
            .is_some_and(|at| !at.admits(self.runtime.profile(), None))
        {
            return Ok(());
        }
        let met = match &claim.kind {
            ResultClaimKind::Compare(comparison, wanted) => {
                comparison.admits(super::condition::compare(value, self.read(at, id, wanted)?))
            }
            ResultClaimKind::OneOf(wanted) => {
                let mut met = false;
                for wanted in wanted {
                    met |= self.read(at, id, wanted)? == value;
                }
                met
            }
        };
        if met {
            Ok(())
        } else {
            Err(self.fail(Site::Statement(id)))
        }
    }

    fn step(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        step: &Step,
    ) -> Called<Value> {
        match step {
            Step::Call(call) => self.c_call(caller, at, id, call),
            Step::Value(value) => self.read(at, id, value),
            Step::Start { body, count, first } => self.start(caller, at, *body, *count, *first),
            Step::Eval(limit) => self.eval(caller, at, id, limit),
            Step::PythonJoin(thread) => {
                for thread in self.program.threads_of(*thread) {
                    if caller.thread_join(index_of(thread))? != 0 {
                        return Ok(Value::Number(-1));
                    }
                }
                Ok(Value::Number(0))
            }
            Step::OsFork { .. } => unreachable!("its blocks are run where statements are"),
        }
    }

    fn start(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        body: BodyId,
        count: u8,
        first: u8,
    ) -> Called<Value> {
        let started = &self.started[at.body.index()][body.index()];
        for _ in 0..count {
            let instance = first + started.read();
            let Some(ThreadId(thread)) = self.program.thread(body, instance) else {
                unreachable!("the number of starts is counted before a run");
            };
            let thread = index_of(ThreadId(thread));
            let refused = match self.program.bodies[body.index()].kind {
                BodyKind::Python => caller.thread_start(thread, Daemon::No)? != 0,
                BodyKind::Daemon => caller.thread_start(thread, Daemon::Yes)? != 0,
                BodyKind::Main | BodyKind::Foreign | BodyKind::Callback => {
                    self.launch(thread);
                    false
                }
            };
            started.write(started.read() + 1);
            if refused {
                return Ok(Value::Number(-1));
            }
        }
        Ok(Value::Number(0))
    }

    fn eval(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        limit: &Limit,
    ) -> Called<Value> {
        let mut round = 0;
        loop {
            self.goes_on()?;
            match limit {
                Limit::Times(times) if round == *times => return Ok(Value::Number(0)),
                Limit::Times(_) => {
                    if round > 0 {
                        statement(position(position(u64::from(round), id), id));
                    }
                    round += 1;
                }
                Limit::Until(condition) => {
                    statement(position(u64::MAX, id));
                    if self.read(at, id, condition)?.number() != 0 {
                        return Ok(Value::Number(0));
                    }
                }
            }
            self.look_for_signals(caller)?;
            if caller.evaluate()? != 0 {
                return Ok(Value::Number(-1));
            }
        }
    }
}

/// `sleep`. Who stands before the end of the statement does not look like who still sleeps.
fn sleep() {
    pause_point();
    learned(1);
}
