//! Values and conditions as C.

use super::write::{Adapter, At, Need, Writer, Written, c_type, global, identifier, quoted};
use tstate::sim::scenario::calls::Type;
use tstate::sim::scenario::program::{
    BodyId, Comparison, Expression, Operator, StateFunction, ThreadRef,
};

impl Writer<'_> {
    /// A value, or why C cannot say it.
    pub(super) fn value(&mut self, at: At, expression: &Expression) -> Written<String> {
        Ok(match expression {
            Expression::Number(number) => number.to_string(),
            Expression::Null => "NULL".to_owned(),
            Expression::Text(text) => quoted(&self.program.texts[text.index()]),
            Expression::Variable(variable) => self.own(at, *variable),
            Expression::Foreign(name) => self.foreign(*name),
            Expression::Callback(body) => self.registered(*body),
            Expression::Flag(flag) => global(&self.program.flags[flag.index()].name),
            Expression::Mutex(mutex) => {
                format!("&{}", global(&self.program.mutexes[mutex.index()].name))
            }
            Expression::Object(object) => {
                global(&self.program.objects[object.index()].declared.name)
            }
            Expression::PyMutex { first, local } => {
                let place = first.index() + self.local(at, *local);
                format!("&{}", self.py_mutex(place))
            }
            Expression::TssKey { first, local } => {
                let place = first.index() + self.local(at, *local);
                format!("&{}", self.tss_key(place))
            }
            Expression::Structure(structure) => format!("&{}", self.structure(structure.index())),
            Expression::Global(row) => row.row().name.to_owned(),
            Expression::InterpreterOf(inner) => format!("{}->interp", self.value(at, inner)?),
            Expression::State(function) => self.state(at, function)?,
            Expression::Not(inner) => format!("!({})", self.value(at, inner)?),
            Expression::Negate(inner) => format!("-({})", self.value(at, inner)?),
            Expression::Binary(operator, left, right) => self.binary(at, *operator, left, right)?,
        })
    }

    /// A callback as a value: the function that CPython was given.
    fn registered(&self, body: BodyId) -> String {
        let name = self.callback(body);
        let given = |adapter| self.adapters_before.contains(&(body, adapter));
        if given(Adapter::RefTracer) {
            format!("{name}_ref_tracer")
        } else if given(Adapter::Evaluates) {
            format!("(_PyFrameEvalFunction){name}_evaluates")
        } else {
            name
        }
    }

    fn local(&self, at: At, local: bool) -> usize {
        if local {
            usize::from(self.program.threads[at.thread].instance)
        } else {
            0
        }
    }

    /// The name of a `PyMutex`; those of several instances of a body are told apart.
    pub(super) fn py_mutex(&self, place: usize) -> String {
        let all = &self.program.py_mutexes;
        told_apart(place, |place| &all[place].name)
    }

    /// The name of a key of thread-specific storage, likewise.
    pub(super) fn tss_key(&self, place: usize) -> String {
        let all = &self.program.tss_keys;
        told_apart(place, |place| &all[place].name)
    }

    /// The name of a structure; one written in place has a number.
    pub(super) fn structure(&self, place: usize) -> String {
        let name = &self.program.structures[place].declared.name;
        if name.is_empty() {
            format!("config_{place}")
        } else {
            global(name)
        }
    }

    fn binary(
        &mut self,
        at: At,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Written<String> {
        let word = match operator {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Compare(Comparison::Equal) => "==",
            Operator::Compare(Comparison::NotEqual) => "!=",
            Operator::Compare(Comparison::Less) => "<",
            Operator::Compare(Comparison::LessEqual) => "<=",
            Operator::Compare(Comparison::Greater) => ">",
            Operator::Compare(Comparison::GreaterEqual) => ">=",
        };
        if let (Expression::Text(_), other) | (other, Expression::Text(_)) = (left, right)
            && !matches!(other, Expression::Null)
        {
            let (left, right) = (self.value(at, left)?, self.value(at, right)?);
            return Ok(format!("strcmp({left}, {right}) {word} 0"));
        }
        let as_numbers = match (left, right) {
            (Expression::Number(1..), other) | (other, Expression::Number(1..)) => {
                self.kind_of(at, other).is_some_and(is_pointer)
            }
            _ => false,
        };
        let mut sides = Vec::new();
        for side in [left, right] {
            let text = self.value(at, side)?;
            sides.push(if matches!(side, Expression::Binary(..)) {
                format!("({text})")
            } else if self.is_status(at, side) {
                format!("PyStatus_Exception({text})")
            } else if as_numbers && !matches!(side, Expression::Number(_)) {
                format!("(intptr_t){text}")
            } else {
                text
            });
        }
        Ok(format!("{} {word} {}", sides[0], sides[1]))
    }

    fn is_status(&self, at: At, expression: &Expression) -> bool {
        self.kind_of(at, expression) == Some(Type::Status)
    }

    /// The type of a name; of no other value.
    pub(super) fn kind_of(&self, at: At, expression: &Expression) -> Option<Type> {
        if let Expression::Variable(variable) = expression {
            Some(self.type_of(at.body, *variable))
        } else if let Expression::Foreign(name) = expression {
            Some(self.type_of(name.body, name.variable))
        } else {
            None
        }
    }

    fn state(&mut self, at: At, function: &StateFunction) -> Written<String> {
        let unseen = |what: &str| Err(format!("a C program cannot see `{what}`"));
        Ok(match function {
            StateFunction::Attached(..) => return unseen("attached"),
            StateFunction::WaitsForGil(_) => return unseen("waits_for_gil"),
            StateFunction::HoldsGil(_) => return unseen("holds_gil"),
            StateFunction::GilHolder => return unseen("gil_holder"),
            StateFunction::Pending(_) => return unseen("pending"),
            StateFunction::WorldStopped => return unseen("world_stopped"),
            StateFunction::Parked(thread) => self.threads_with(*thread, "is_parked"),
            StateFunction::Ended(thread) => self.threads_with(*thread, "is_over"),
            StateFunction::Current => {
                self.mentioned.insert("PyThreadState_GetUnchecked");
                "PyThreadState_GetUnchecked()".to_owned()
            }
            StateFunction::Initialized => "Py_IsInitialized()".to_owned(),
            StateFunction::Finalizing => {
                self.mentioned.insert("Py_IsFinalizing");
                "Py_IsFinalizing()".to_owned()
            }
            StateFunction::Interpreters => {
                self.need(Need::States);
                "count_interpreters()".to_owned()
            }
            StateFunction::ThreadStates(None) => {
                self.need(Need::States);
                "count_all_states()".to_owned()
            }
            StateFunction::ThreadStates(Some(interpreter)) => {
                self.need(Need::States);
                format!("count_states({})", self.value(at, interpreter)?)
            }
            StateFunction::Runs(body) => format!("{}_runs", self.callback(*body)),
            StateFunction::InterpreterOf(inner) if matches!(**inner, Expression::Object(_)) => {
                return unseen("interp_of");
            }
            StateFunction::InterpreterOf(inner) => format!("({})->interp", self.value(at, inner)?),
            StateFunction::MainInterpreter => "PyInterpreterState_Main()".to_owned(),
            StateFunction::Held(inner) if matches!(**inner, Expression::PyMutex { .. }) => {
                format!("(({})->_bits & 1)", self.value(at, inner)?)
            }
            StateFunction::Held(_) => return unseen("held"),
            StateFunction::InChild => {
                self.need(Need::Fork);
                "in_child".to_owned()
            }
        })
    }

    fn threads_with(&self, thread: ThreadRef, state: &str) -> String {
        let threads: Vec<String> = self
            .program
            .threads_of(thread)
            .map(|thread| {
                let name = identifier(&self.program.threads[thread.index()].name);
                format!("{state}(T_{name})")
            })
            .collect();
        threads.join(" + ")
    }
}

/// Whether C compares a value of this type with no number but 0.
pub(super) fn is_pointer(kind: Type) -> bool {
    c_type(kind).ends_with('*')
}

/// The name of what stands at a place, with a number if others before it are called the same.
fn told_apart<'a>(place: usize, name_at: impl Fn(usize) -> &'a str) -> String {
    let name = name_at(place);
    match (0..place).filter(|other| name_at(*other) == name).count() {
        0 => global(name),
        same => format!("{}_{same}", global(name)),
    }
}
