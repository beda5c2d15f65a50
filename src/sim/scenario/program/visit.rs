//! What a program reads of the state, found by walking all of it.

use super::{
    Argument, Block, BodyKind, CallExpr, ClaimKind, Expression, Limit, Program, ResultClaimKind,
    StateFunction, Statement, StatementKind, Step, TextId,
};
use crate::runtime::Stage;
use crate::sim::scenario::calls::{Call, CallRef};
use std::collections::BTreeSet;

/// What a program reads of the state that is kept only where somebody reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The bodies, by index, of which a condition asks how often they ran.
    pub runs: BTreeSet<usize>,
    /// Ids of thread states or interpreters.
    pub ids: bool,
    /// Failures: statements that ask for one.
    pub failures: bool,
    /// The stages that it makes fail.
    pub stages: BTreeSet<Stage>,
    /// In a statement, how many pending calls are queued.
    pub pending: bool,
    /// In a statement, who holds the GIL.
    pub gil_holder: bool,
    /// Signals or async exceptions.
    pub signals: bool,
    /// Signals, by another thread than the one that the program starts with.
    pub sends: bool,
    /// Whether it forks.
    pub forks: bool,
    /// The global flags that it names.
    pub globals: BTreeSet<CallRef>,
    /// The rows of the calls that it makes.
    pub calls: BTreeSet<CallRef>,
    /// The modules that it imports; `threading` is always the first, whether or not it does.
    pub modules: Vec<Box<str>>,
    imports: BTreeSet<TextId>,
    /// In the body that is looked at.
    sent: bool,
}

/// `threading`, then the others in the order of their names.
fn modules(program: &Program, imports: &BTreeSet<TextId>) -> Vec<Box<str>> {
    const FIRST: &str = "threading";
    let named = imports.iter().map(|text| &program.texts[text.index()]);
    let others: BTreeSet<_> = named.filter(|name| &***name != FIRST).cloned().collect();
    std::iter::once(FIRST.into()).chain(others).collect()
}

impl Reads {
    /// The number of a module by its name.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<usize> {
        self.modules.iter().position(|known| **known == *name)
    }

    /// The calls that it makes, as far as the runtime implements them.
    pub fn modelled(&self) -> impl Iterator<Item = Call> + '_ {
        self.calls.iter().filter_map(|call| call.row().modelled)
    }

    /// What `program` reads.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut reads = Self::default();
        for body in &program.bodies {
            reads.block(&body.block);
            // Those of the first thread's own body are handled where they are sent.
            reads.sends |= reads.sent && body.kind != BodyKind::Main;
            reads.sent = false;
        }
        reads.modules = modules(program, &reads.imports);
        reads.ids |= reads.remembers_ids();
        let (pending, gil_holder) = (reads.pending, reads.gil_holder);
        for claim in &program.claims {
            match &claim.kind {
                ClaimKind::Always(condition)
                | ClaimKind::Finally(condition)
                | ClaimKind::Cover(condition)
                | ClaimKind::Eventually(condition) => reads.expression(condition),
                ClaimKind::Allow(_) | ClaimKind::Reach(_) | ClaimKind::Never(_) => {}
            }
        }
        (reads.pending, reads.gil_holder) = (pending, gil_holder);
        reads
    }

    /// A view of another interpreter than the main one remembers its id.
    fn remembers_ids(&self) -> bool {
        let calls = |wanted: &[Call]| self.modelled().any(|call| wanted.contains(&call));
        calls(&[Call::InterpreterViewFromCurrent])
            && calls(&[
                Call::NewInterpreter,
                Call::NewInterpreterFromConfig,
                Call::InterpreterStateNew,
            ])
    }

    fn block(&mut self, block: &Block) {
        block.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Step { step, claim, .. } => {
                self.step(step);
                match claim.as_ref().map(|claim| &claim.kind) {
                    Some(ResultClaimKind::Compare(_, value)) => self.expression(value),
                    Some(ResultClaimKind::OneOf(values)) => {
                        values.iter().for_each(|value| self.expression(value))
                    }
                    None => {}
                }
            }
            StatementKind::AllowThreads { block, .. } => self.block(block),
            StatementKind::CriticalSection { begin, block } => {
                self.call(begin);
                self.block(block);
            }
            StatementKind::Repeat { limit, block } => {
                self.limit(limit);
                self.block(block);
            }
            StatementKind::If {
                condition,
                then,
                otherwise,
            } => {
                self.expression(condition);
                self.block(then);
                self.block(otherwise);
            }
            StatementKind::Choose(blocks) => blocks.iter().for_each(|block| self.block(block)),
            StatementKind::Fork { child, parent } => {
                self.forks = true;
                self.block(child);
                self.block(parent);
            }
            StatementKind::SpinUntil(condition) | StatementKind::Assert { condition, .. } => {
                self.expression(condition)
            }
            StatementKind::Touch(value)
            | StatementKind::Drop(value)
            | StatementKind::Return(Some(value))
            | StatementKind::Exit(value) => self.expression(value),
            StatementKind::SetGlobal { global, value } => {
                self.globals.insert(*global);
                self.expression(value);
            }
            StatementKind::BlockThreads { .. }
            | StatementKind::UnblockThreads { .. }
            | StatementKind::Lock(_)
            | StatementKind::Unlock(_)
            | StatementKind::Post(_)
            | StatementKind::Wait(_)
            | StatementKind::Set(_)
            | StatementKind::Clear(_)
            | StatementKind::Join(_)
            | StatementKind::Sleep
            | StatementKind::New(_)
            | StatementKind::Collect
            | StatementKind::Return(None) => {}
            StatementKind::Signal(_) => (self.signals, self.sent) = (true, true),
            StatementKind::Import { module, .. } => {
                self.imports.insert(*module);
            }
            StatementKind::FailThreadStart | StatementKind::FailAlloc => self.failures = true,
            StatementKind::FailStage(stage) => self.stage(*stage),
        }
    }

    fn stage(&mut self, stage: Stage) {
        self.failures = true;
        self.stages.insert(stage);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Call(call) => self.call(call),
            Step::Value(value) => self.expression(value),
            Step::Eval(limit) => self.limit(limit),
            Step::OsFork { child, parent } => {
                self.forks = true;
                self.block(child);
                self.block(parent);
            }
            Step::Start { .. } | Step::PythonJoin(_) => {}
        }
    }

    fn limit(&mut self, limit: &Limit) {
        if let Limit::Until(condition) = limit {
            self.expression(condition);
        }
    }

    fn call(&mut self, call: &CallExpr) {
        self.calls.insert(call.call);
        self.ids |= matches!(
            call.call.row().modelled,
            Some(Call::ThreadStateGetId | Call::InterpreterStateGetId)
        );
        self.signals |= matches!(
            call.call.row().modelled,
            Some(Call::AtSignal | Call::ErrCheckSignals | Call::ThreadStateSetAsyncExc)
        );
        for argument in &call.arguments {
            match argument {
                Argument::Value(value) => self.expression(value),
                Argument::Call(call) => self.call(call),
                Argument::Bind(_) => {}
            }
        }
    }

    fn expression(&mut self, expression: &Expression) {
        if let Expression::State(function) = expression {
            self.pending |= matches!(function, StateFunction::Pending(_));
            self.gil_holder |= matches!(
                function,
                StateFunction::GilHolder | StateFunction::HoldsGil(_)
            );
        }
        match expression {
            Expression::State(StateFunction::Runs(body)) => {
                self.runs.insert(body.index());
            }
            Expression::State(
                StateFunction::Attached(_, Some(inner))
                | StateFunction::ThreadStates(Some(inner))
                | StateFunction::Pending(Some(inner))
                | StateFunction::InterpreterOf(inner)
                | StateFunction::Held(inner),
            )
            | Expression::InterpreterOf(inner)
            | Expression::Not(inner)
            | Expression::Negate(inner) => self.expression(inner),
            Expression::Binary(_, left, right) => {
                self.expression(left);
                self.expression(right);
            }
            Expression::Number(_)
            | Expression::Null
            | Expression::Text(_)
            | Expression::Variable(_)
            | Expression::Foreign(_)
            | Expression::Callback(_)
            | Expression::Flag(_)
            | Expression::Mutex(_)
            | Expression::Object(_)
            | Expression::PyMutex { .. }
            | Expression::TssKey { .. }
            | Expression::Structure(_)
            | Expression::State(_) => {}
            Expression::Global(global) => {
                self.globals.insert(*global);
            }
        }
    }
}
