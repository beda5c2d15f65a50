//! What a name stands for: a name of this body, of the file, of C, of the language, or of another body.

use super::super::calls::{self, Type};
use super::super::names;
use super::super::program::{
    BodyId, Expression, StateFunction, ThreadRef, VariableId, VariableRef,
};
use super::super::syntax::{BodyKind, Name, Number, ThreadName};
use super::{Checker, Local, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// The state functions that are written without parentheses.
pub(super) const STATE_WORDS: [&str; 11] = [
    "gil_holder",
    "current",
    "initialized",
    "finalizing",
    "interpreters",
    "thread_states",
    "pending",
    "main_interp",
    "world_stopped",
    "in_child",
    "NULL",
];

/// A resolved value and its type.
pub(super) type Typed = (Expression, Type);

impl<'file> Checker<'file> {
    /// The callback of that name.
    pub(super) fn callback(&mut self, name: &'file Name) -> Option<BodyId> {
        let body = self.body_named(name, "callback")?;
        if self.scope(body).syntax.kind == BodyKind::Callback {
            return Some(body);
        }
        let message = format!("`{}` is a thread, not a callback", name.text);
        self.error(Code::S107, message, name.at.0);
        None
    }

    /// The thread body of that name.
    pub(super) fn thread_body(&mut self, name: &'file Name) -> Option<BodyId> {
        let body = self.body_named(name, "thread")?;
        if self.scope(body).syntax.kind != BodyKind::Callback {
            return Some(body);
        }
        let message = format!("`{}` is a callback, not a thread", name.text);
        self.error(Code::S107, message, name.at.0);
        None
    }

    fn body_named(&mut self, name: &'file Name, kind: &str) -> Option<BodyId> {
        self.used.insert(&name.text);
        match self.symbols.get(&*name.text).copied() {
            Some((Symbol::Body(body), _)) => Some(body),
            Some((symbol, place)) => {
                let message = format!("`{}` is {}, not a {kind}", name.text, symbol.describe());
                let diagnostic = Diagnostic::error(Code::S107, message, name.at.0, "");
                self.push(diagnostic.label(place, "declared here"));
                None
            }
            None => {
                let wants_callback = kind == "callback";
                let bodies: Vec<&'file str> = self
                    .scopes
                    .iter()
                    .filter(|scope| (scope.syntax.kind == BodyKind::Callback) == wants_callback)
                    .map(|scope| &*scope.syntax.name.text)
                    .collect();
                let message = format!("no {kind} is named `{}`", name.text);
                self.unknown(
                    Code::S102,
                    message,
                    &name.text,
                    name.at.0,
                    bodies.into_iter(),
                );
                None
            }
        }
    }

    /// `worker`, `worker[1]`
    pub(super) fn thread(&mut self, thread: &'file ThreadName) -> Option<ThreadRef> {
        let body = self.thread_body(&thread.name)?;
        let instance = match &thread.instance {
            Some(number) => Some(self.instance(body, number)?),
            None => None,
        };
        Some(ThreadRef { body, instance })
    }

    fn instance(&mut self, body: BodyId, number: &Number) -> Option<u8> {
        let instances = self.scope(body).instances;
        let instance = u8::try_from(number.value).ok().filter(|at| *at < instances);
        if instance.is_none() {
            let name = self.scope(body).syntax.name.text.clone();
            let message = format!("`{name}[{}]` does not exist", number.text);
            let diagnostic = Diagnostic::error(Code::S111, message, number.at.0, "");
            self.push(diagnostic.help(match instances {
                0 => format!("nothing starts `{name}`"),
                1 => format!("`{name}` is started once: `{name}[0]`, or plainly `{name}`"),
                _ => format!(
                    "`{name}` is started {instances} times: 0 to {}",
                    instances - 1
                ),
            }));
        }
        instance
    }

    /// A name as a value.
    pub(super) fn name(&mut self, name: &'file Name) -> Option<Typed> {
        if let Some(typed) = self.own_name(name) {
            return Some(typed);
        }
        if let Some((symbol, _)) = self.symbols.get(&*name.text).copied() {
            self.used.insert(&name.text);
            return self.symbol(symbol, name);
        }
        if let Some((value, kind)) = names::constant(&name.text) {
            return Some((Expression::Number(value), kind));
        }
        if let Some(typed) = state_word(&name.text) {
            return Some(typed);
        }
        if let Some(global) = calls::find_global(&name.text) {
            return Some((Expression::Global(global), Type::Int));
        }
        self.foreign_name(name)
    }

    fn own_name(&self, name: &Name) -> Option<Typed> {
        let body = self.here?;
        let local = self.scope(body).locals.get(&*name.text)?;
        Some(self.local(body, *local, None))
    }

    /// A name of a body; `instance` is `None` in the body itself.
    fn local(&self, body: BodyId, local: Local, instance: Option<u8>) -> Typed {
        let offset = u16::from(instance.unwrap_or(0));
        let own = instance.is_none();
        match local {
            Local::Variable(variable) => {
                let kind = self.scope(body).variables[variable.index()].kind;
                let expression = match instance {
                    None => Expression::Variable(variable),
                    Some(instance) => Expression::Foreign(VariableRef {
                        body,
                        instance,
                        variable,
                    }),
                };
                (expression, kind)
            }
            Local::PyMutex(mut first) => {
                first.0 += offset;
                (Expression::PyMutex { first, local: own }, Type::Mutex)
            }
            Local::TssKey(mut first) => {
                first.0 += offset;
                (Expression::TssKey { first, local: own }, Type::TssKey)
            }
            Local::Structure(structure) => {
                let kind = self.program.structures[structure.index()].kind;
                (Expression::Structure(structure), kind)
            }
        }
    }

    fn symbol(&mut self, symbol: Symbol, name: &Name) -> Option<Typed> {
        Some(match symbol {
            Symbol::Body(body) if self.scope(body).syntax.kind == BodyKind::Callback => {
                (Expression::Callback(body), Type::Function)
            }
            Symbol::Flag(flag) => (Expression::Flag(flag), Type::Int),
            Symbol::Object(object) => (Expression::Object(object), Type::Object),
            Symbol::Mutex(mutex) => (Expression::Mutex(mutex), Type::Any),
            Symbol::PyMutex(first) => (
                Expression::PyMutex {
                    first,
                    local: false,
                },
                Type::Mutex,
            ),
            Symbol::TssKey(first) => (
                Expression::TssKey {
                    first,
                    local: false,
                },
                Type::TssKey,
            ),
            Symbol::Structure(structure) => {
                let kind = self.program.structures[structure.index()].kind;
                (Expression::Structure(structure), kind)
            }
            Symbol::Body(_) | Symbol::Semaphore(_) => {
                let what = if matches!(symbol, Symbol::Body(_)) {
                    "a thread"
                } else {
                    "a semaphore"
                };
                let message = format!("`{}` is {what}, not a value", name.text);
                self.error(Code::S107, message, name.at.0);
                return None;
            }
        })
    }

    /// A name that only another body binds.
    fn foreign_name(&mut self, name: &'file Name) -> Option<Typed> {
        let here = self.here;
        let owners: Vec<BodyId> = self
            .body_ids()
            .filter(|body| Some(*body) != here)
            .filter(|body| self.scope(*body).locals.contains_key(&*name.text))
            .collect();
        match owners.as_slice() {
            [] => {
                self.not_bound(name);
                None
            }
            [owner] => self.foreign(*owner, None, name),
            _ => {
                self.ambiguous(name, &owners);
                None
            }
        }
    }

    fn ambiguous(&mut self, name: &Name, owners: &[BodyId]) {
        let message = format!("several bodies bind `{}`", name.text);
        let mut diagnostic = Diagnostic::error(Code::S104, message, name.at.0, "");
        for owner in owners {
            let scope = self.scope(*owner);
            if let Some(Local::Variable(variable)) = scope.locals.get(&*name.text) {
                let place = scope.variables[variable.index()].span;
                diagnostic = diagnostic.label(place, format!("in `{}`", scope.syntax.name.text));
            }
        }
        let first = &self.scope(owners[0]).syntax.name.text;
        let written = format!("{first}.{}", name.text);
        self.push(diagnostic.help(format!("say whose is meant: `{written}`")));
    }

    /// `worker.g`, `worker[1].g`
    pub(super) fn member(
        &mut self,
        thread: &'file ThreadName,
        field: &'file Name,
    ) -> Option<Typed> {
        let body = self.body_named(&thread.name, "thread")?;
        let instance = match &thread.instance {
            Some(number) => Some(self.instance(body, number)?),
            None => None,
        };
        if self.scope(body).locals.contains_key(&*field.text) {
            return self.foreign(body, instance, field);
        }
        let owner = &self.scope(body).syntax.name.text;
        let message = format!("`{owner}` binds nothing named `{}`", field.text);
        let known: Vec<&'file str> = self.scope(body).locals.keys().copied().collect();
        self.unknown(
            Code::S103,
            message,
            &field.text,
            field.at.0,
            known.into_iter(),
        );
        None
    }

    fn foreign(&mut self, body: BodyId, instance: Option<u8>, name: &Name) -> Option<Typed> {
        let scope = self.scope(body);
        let local = *scope.locals.get(&*name.text)?;
        if instance.is_none() && scope.instances > 1 {
            let owner = scope.syntax.name.text.clone();
            let message = format!(
                "`{owner}` is started {} times, and each has its own `{}`",
                scope.instances, name.text
            );
            let diagnostic = Diagnostic::error(Code::S104, message, name.at.0, "");
            self.push(diagnostic.help(format!("say whose is meant: `{owner}[0].{}`", name.text)));
            return None;
        }
        Some(self.local(body, local, Some(instance.unwrap_or(0))))
    }

    fn not_bound(&mut self, name: &'file Name) {
        let message = format!("nothing named `{}` is bound here", name.text);
        let mut diagnostic = Diagnostic::error(Code::S103, message, name.at.0, "not bound");
        if let Some((similar, place)) = self.similar_value(&name.text) {
            if let Some(place) = place {
                diagnostic = diagnostic.label(place, format!("`{similar}` is bound here"));
            }
            let advice = format!("did you mean `{similar}`?");
            diagnostic = diagnostic.patch(advice, name.at.0, similar);
        }
        self.push(diagnostic);
    }

    /// The most similar name of a value, own names first, and where it is bound.
    fn similar_value(&self, name: &str) -> Option<(&'file str, Option<Span>)> {
        let own = self.here.map(|body| self.scope(body));
        let others = self.scopes.iter();
        for scope in own.into_iter().chain(others) {
            if let Some(similar) = names::similar(name, scope.locals.keys().copied()) {
                let place = match scope.locals[similar] {
                    Local::Variable(VariableId(variable)) => {
                        Some(scope.variables[usize::from(variable)].span)
                    }
                    Local::PyMutex(_) | Local::TssKey(_) | Local::Structure(_) => None,
                };
                return Some((similar, place));
            }
        }
        if let Some(similar) = names::similar(name, self.symbols.keys().copied()) {
            return Some((similar, self.symbols.get(similar).map(|(_, place)| *place)));
        }
        let constants = names::CONSTANTS.iter().map(|(constant, _, _)| *constant);
        let known = STATE_WORDS
            .iter()
            .copied()
            .chain(constants)
            .chain(calls::names());
        names::similar(name, known).map(|similar| (similar, None))
    }
}

fn state_word(word: &str) -> Option<Typed> {
    let (function, kind) = match word {
        "NULL" => return Some((Expression::Null, Type::Pointer)),
        "gil_holder" => (StateFunction::GilHolder, Type::ThreadState),
        "current" => (StateFunction::Current, Type::ThreadState),
        "initialized" => (StateFunction::Initialized, Type::Int),
        "finalizing" => (StateFunction::Finalizing, Type::Int),
        "interpreters" => (StateFunction::Interpreters, Type::Int),
        "thread_states" => (StateFunction::ThreadStates(None), Type::Int),
        "pending" => (StateFunction::Pending(None), Type::Int),
        "main_interp" => (StateFunction::MainInterpreter, Type::Interpreter),
        "world_stopped" => (StateFunction::WorldStopped, Type::Int),
        "in_child" => (StateFunction::InChild, Type::Int),
        _ => return None,
    };
    Some((Expression::State(function), kind))
}
