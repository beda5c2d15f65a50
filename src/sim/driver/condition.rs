//! Expressions: values, and conditions on the state.

use super::{Activation, Machine, Python, Value};
use crate::runtime::{ConfigField, ObjectId, Runtime, TssHandle};
use crate::sim::scenario::program::{
    Expression, Operator, StateFunction, ThreadId, ThreadRef, VariableRef,
};
use crate::sync::{ThreadIndex, current_thread};
use std::cmp::Ordering;

/// The expression reads a name that this interleaving has not bound yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbound;

/// Who reads.
#[derive(Debug)]
pub struct Reader<'a, P: Python = Runtime> {
    machine: &'a Machine<P>,
    activation: Option<Activation>,
}

impl<'a, P: Python> Reader<'a, P> {
    /// A claim, which is nobody's statement.
    #[must_use]
    pub fn claim(machine: &'a Machine<P>) -> Self {
        Self {
            machine,
            activation: None,
        }
    }

    pub(super) fn statement(machine: &'a Machine<P>, activation: Activation) -> Self {
        Self {
            machine,
            activation: Some(activation),
        }
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    ///
    /// [`Unbound`].
    pub fn holds(&self, condition: &Expression) -> Result<bool, Unbound> {
        Ok(self.value(condition)?.number() != 0)
    }

    /// The value of the expression.
    ///
    /// # Errors
    ///
    /// [`Unbound`].
    pub fn value(&self, expression: &Expression) -> Result<Value, Unbound> {
        Ok(match expression {
            Expression::Number(number) => Value::Number(*number),
            Expression::Null => Value::NULL,
            Expression::Text(text) => Value::Text(text.0),
            Expression::Variable(variable) => self.own(variable.index())?,
            Expression::Foreign(variable) => self.foreign(*variable)?,
            Expression::Callback(body) => Value::Callback(body.0),
            Expression::Flag(flag) => self.machine.flags[flag.index()].peek().into(),
            Expression::Mutex(mutex) => Value::Mutex(mutex.0),
            Expression::Object(object) => Value::Object(object.0),
            Expression::PyMutex { first, local } => Value::PyMutex(first.0 + self.instance(*local)),
            Expression::TssKey { first, local } => {
                let number = usize::from(first.0 + self.instance(*local));
                Value::TssKey(TssHandle::declared(number))
            }
            Expression::Structure(_) => Value::NULL,
            Expression::Global(global) => {
                let field = ConfigField::of_flag(global.row().name);
                field
                    .map_or(0, |field| self.machine.runtime.global_flag(field))
                    .into()
            }
            Expression::InterpreterOf(inner) => self.interpreter_of(self.value(inner)?),
            Expression::State(function) => self.state(function)?,
            Expression::Not(inner) => (self.value(inner)?.number() == 0).into(),
            Expression::Negate(inner) => Value::Number(-self.value(inner)?.number()),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right)?,
        })
    }

    fn instance(&self, local: bool) -> u16 {
        match self.activation {
            Some(activation) if local => {
                u16::from(self.machine.program.threads[activation.thread.index()].instance)
            }
            _ => 0,
        }
    }

    fn own(&self, variable: usize) -> Result<Value, Unbound> {
        let activation = self.activation.ok_or(Unbound)?;
        bound(self.machine.names(activation)[variable].read())
    }

    /// A name of another body: of a thread's body that instance's, of a callback the newest activation on any thread.
    fn foreign(&self, name: VariableRef) -> Result<Value, Unbound> {
        let machine = self.machine;
        if let Some(thread) = machine.program.thread(name.body, name.instance) {
            return bound(machine.lanes[thread.index()].names[name.variable.index()].peek());
        }
        let threads = &machine.callback_names[name.body.index()];
        let values = threads
            .iter()
            .map(|names| names[name.variable.index()].peek());
        values
            .into_iter()
            .find(|value| *value != Value::Unbound)
            .ok_or(Unbound)
    }

    fn binary(
        &self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Value, Unbound> {
        let first = self.value(left)?;
        Ok(match operator {
            Operator::Or if first.number() != 0 => true.into(),
            Operator::And if first.number() == 0 => false.into(),
            Operator::Or | Operator::And => (self.value(right)?.number() != 0).into(),
            Operator::Add => {
                Value::Number(first.number().wrapping_add(self.value(right)?.number()))
            }
            Operator::Subtract => {
                Value::Number(first.number().wrapping_sub(self.value(right)?.number()))
            }
            Operator::Compare(comparison) => {
                comparison.admits(compare(first, self.value(right)?)).into()
            }
        })
    }

    fn threads(&self, thread: ThreadRef) -> impl Iterator<Item = ThreadIndex> {
        self.machine
            .program
            .threads_of(thread)
            .map(|ThreadId(index)| ThreadIndex::new(usize::from(index)))
    }

    /// How many of the threads; those that are not in a forked process do not count.
    fn count(&self, thread: ThreadRef, holds: impl Fn(ThreadIndex) -> bool) -> Value {
        let holds = |thread: &ThreadIndex| !self.machine.is_gone(*thread) && holds(*thread);
        Value::Number(self.threads(thread).filter(holds).count() as i64)
    }

    fn state(&self, function: &StateFunction) -> Result<Value, Unbound> {
        let machine = self.machine;
        let runtime = &machine.runtime;
        Ok(match function {
            StateFunction::Attached(thread, None) => {
                self.count(*thread, |thread| runtime.attached(thread))
            }
            StateFunction::Attached(thread, Some(interpreter)) => {
                let interpreter = self.value(interpreter)?.interpreter();
                self.count(*thread, |thread| runtime.attached_to(thread, interpreter))
            }
            StateFunction::WaitsForGil(thread) => {
                self.count(*thread, |thread| runtime.waits_for_gil(thread))
            }
            StateFunction::HoldsGil(thread) => {
                self.count(*thread, |thread| runtime.holds_gil(thread))
            }
            StateFunction::Parked(thread) => self.count(*thread, |thread| runtime.hung(thread)),
            StateFunction::Ended(thread) => self.count(*thread, |thread| machine.ended(thread)),
            StateFunction::GilHolder => runtime
                .gil_holder()
                .map_or(Value::NULL, |thread| runtime.current_of(thread).into()),
            StateFunction::Current => runtime.current_of(current_thread()).into(),
            StateFunction::Initialized => runtime.initialized().into(),
            StateFunction::Finalizing => runtime.finalizing().into(),
            StateFunction::Interpreters => Value::Number(runtime.interpreters() as i64),
            StateFunction::ThreadStates(None) => Value::Number(runtime.thread_states() as i64),
            StateFunction::ThreadStates(Some(interpreter)) => {
                let interpreter = self.value(interpreter)?.interpreter();
                Value::Number(runtime.thread_states_of(interpreter) as i64)
            }
            StateFunction::Pending(None) => Value::Number(runtime.pending() as i64),
            StateFunction::Pending(Some(interpreter)) => {
                let interpreter = self.value(interpreter)?.interpreter();
                Value::Number(runtime.pending_of(interpreter) as i64)
            }
            StateFunction::Runs(body) => Value::Number(machine.runs[body.index()].peek() as i64),
            StateFunction::InterpreterOf(inner) => self.interpreter_of(self.value(inner)?),
            StateFunction::MainInterpreter => crate::runtime::InterpreterHandle::MAIN.into(),
            StateFunction::WorldStopped => false.into(),
            StateFunction::InChild => (machine.generation() > 0).into(),
            StateFunction::Held(inner) => self.held(self.value(inner)?).into(),
        })
    }

    /// Whether a native mutex or a `PyMutex` is locked.
    fn held(&self, mutex: Value) -> bool {
        if let Value::Mutex(mutex) = mutex {
            self.machine.mutexes[usize::from(mutex)].is_locked()
        } else if let Value::PyMutex(mutex) = mutex {
            let slot = crate::runtime::MutexSlot::new(usize::from(mutex));
            self.machine.runtime.mutex_held(slot)
        } else {
            false
        }
    }

    /// `ts->interp`.
    fn interpreter_of(&self, value: Value) -> Value {
        let runtime = &self.machine.runtime;
        if let Value::ThreadState(handle) = value {
            runtime.interpreter_of_state(handle).into()
        } else if let Value::Object(object) = value {
            let object = ObjectId::new(usize::from(object));
            runtime.interpreter_of_object(object).into()
        } else {
            value
        }
    }
}

fn bound(value: Value) -> Result<Value, Unbound> {
    if value == Value::Unbound {
        Err(Unbound)
    } else {
        Ok(value)
    }
}

/// Numbers by size; anything else is equal or not.
pub(super) fn compare(left: Value, right: Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(&right),
        (left, right) if left == right => Ordering::Equal,
        (Value::Number(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

/// Whether the value depends on more than the reader's own names, so that reading it is a step.
pub(super) fn reads_shared(expression: &Expression) -> bool {
    match expression {
        Expression::Number(_)
        | Expression::Null
        | Expression::Text(_)
        | Expression::Variable(_)
        | Expression::Callback(_)
        | Expression::Mutex(_)
        | Expression::Object(_)
        | Expression::PyMutex { .. }
        | Expression::TssKey { .. }
        | Expression::Structure(_) => false,
        Expression::Foreign(_)
        | Expression::Flag(_)
        | Expression::Global(_)
        | Expression::State(_) => true,
        Expression::InterpreterOf(inner) | Expression::Not(inner) | Expression::Negate(inner) => {
            reads_shared(inner)
        }
        Expression::Binary(_, left, right) => reads_shared(left) || reads_shared(right),
    }
}
