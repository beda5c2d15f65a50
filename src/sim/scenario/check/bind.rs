//! The names that each body binds, before its statements are resolved: other bodies may read them.

use super::super::calls::{self, Parameter, Type};
use super::super::names;
use super::super::program::{BodyId, PyMutexId, StructureId, TssKeyId};
use super::super::syntax::{
    Block, Declaration, Else, Expression, ExpressionKind, ForkBlock, If, Name, Statement,
    StatementKind, Step,
};
use super::{Checker, Local};
use crate::sim::diagnostic::{Code, Diagnostic};

/// How many names a body may bind; their numbers have 16 bits.
const VARIABLES_MAX: usize = 4096;

impl<'file> Checker<'file> {
    pub(super) fn bind_all(&mut self) {
        for body in self.body_ids() {
            let syntax = self.scope(body).syntax;
            for parameter in syntax.parameters.iter().flatten() {
                let kind = parameter
                    .type_name
                    .as_ref()
                    .and_then(|name| names::c_type(&name.text));
                self.bind(body, &parameter.name, kind.unwrap_or(Type::Any), true);
            }
            self.bind_block(body, &syntax.block);
        }
    }

    fn bind_block(&mut self, body: BodyId, block: &'file Block) {
        for statement in &block.statements {
            self.bind_statement(body, statement);
        }
    }

    fn bind_statement(&mut self, body: BodyId, statement: &'file Statement) {
        match &statement.kind {
            StatementKind::Declare(declaration) => self.bind_declaration(body, declaration),
            StatementKind::Bind { name, value } => {
                self.bind_step(body, value);
                if calls::find_global(&name.text).is_none() {
                    let kind = self.type_of_step(body, value);
                    self.bind(body, name, kind, false);
                }
            }
            StatementKind::Step { step, .. } => self.bind_step(body, step),
            StatementKind::AllowThreads(block)
            | StatementKind::Repeat { block, .. }
            | StatementKind::CriticalSection { block, .. } => self.bind_block(body, block),
            StatementKind::Fork(blocks) => self.bind_fork(body, blocks),
            StatementKind::If(branches) => self.bind_if(body, branches),
            StatementKind::Choose { alternatives, .. } => {
                for branch in alternatives {
                    self.bind_block(body, &branch.block);
                }
            }
            StatementKind::BlockThreads
            | StatementKind::UnblockThreads
            | StatementKind::Join(_)
            | StatementKind::Verb { .. }
            | StatementKind::SpinUntil(_)
            | StatementKind::Sleep
            | StatementKind::Collect
            | StatementKind::Import { .. }
            | StatementKind::Signal(_)
            | StatementKind::Fail { .. }
            | StatementKind::Assert { .. }
            | StatementKind::Return(_)
            | StatementKind::Exit(_) => {}
        }
    }

    fn bind_if(&mut self, body: BodyId, branches: &'file If) {
        self.bind_block(body, &branches.then);
        match branches.otherwise.as_deref() {
            Some(Else::Block(block)) => self.bind_block(body, block),
            Some(Else::If(inner)) => self.bind_if(body, inner),
            None => {}
        }
    }

    fn bind_fork(&mut self, body: BodyId, blocks: &'file ForkBlock) {
        for branch in blocks.child.iter().chain(&blocks.parent) {
            self.bind_block(body, &branch.block);
        }
    }

    fn bind_declaration(&mut self, body: BodyId, declaration: &'file Declaration) {
        if let Some(value) = &declaration.value {
            self.bind_step(body, value);
        }
        let type_name = &declaration.type_name;
        let Some(kind) = names::c_type(&type_name.text) else {
            let message = format!("`{}` is no type", type_name.text);
            let known = names::type_names();
            self.unknown(Code::S112, message, &type_name.text, type_name.at.0, known);
            self.bind(body, &declaration.name, Type::Any, true);
            return;
        };
        if names_a_value(declaration, kind) {
            let kind = if kind == Type::Pointer && declaration.pointers > 1 {
                Type::Any
            } else {
                kind
            };
            self.check_pointers(declaration, kind);
            self.bind(body, &declaration.name, kind, true);
        } else {
            self.bind_c_object(body, declaration, kind);
        }
    }

    fn check_pointers(&mut self, declaration: &Declaration, kind: Type) {
        let wanted = u8::from(kind.c_name().ends_with('*'));
        let known = !matches!(kind, Type::Any | Type::Function);
        if known && declaration.pointers != wanted {
            let name = &declaration.name;
            let message = format!("values of this type are declared as `{}`", kind.c_name());
            let span = declaration.type_name.at.0;
            let diagnostic = Diagnostic::error(Code::S203, message, span, "");
            self.push(diagnostic.label(name.at.0, format!("`{}` is declared here", name.text)));
        }
    }

    /// A C object in a body: each instance of the body has its own.
    fn bind_c_object(&mut self, body: BodyId, declaration: &'file Declaration, kind: Type) {
        let copies = self.scope(body).instances.max(1);
        let local = if kind == Type::Mutex {
            Local::PyMutex(PyMutexId(Self::next(self.program.py_mutexes.len())))
        } else if kind == Type::TssKey {
            Local::TssKey(TssKeyId(Self::next(self.program.tss_keys.len())))
        } else {
            Local::Structure(StructureId(Self::next(self.program.structures.len())))
        };
        if self.enter(body, &declaration.name, local, true) {
            self.c_object_entry(declaration, kind, copies);
        }
    }

    fn bind_step(&mut self, body: BodyId, step: &'file Step) {
        match step {
            Step::Expression(expression) => self.bind_outs(body, expression),
            Step::OsFork { blocks, .. } => self.bind_fork(body, blocks),
            Step::Start { .. } | Step::Eval { .. } | Step::PythonJoin { .. } => {}
        }
    }

    /// `&x` where a call stores a result.
    fn bind_outs(&mut self, body: BodyId, expression: &'file Expression) {
        let ExpressionKind::Call {
            function,
            arguments,
        } = &expression.kind
        else {
            return;
        };
        let row = calls::find(&function.text).map(calls::CallRef::row);
        let skipped = row.map_or(0, |row| row.skipped(arguments.len()));
        for (place, argument) in arguments.iter().enumerate() {
            let parameter = row.and_then(|row| row.parameters.get(place + skipped));
            match (&argument.kind, parameter) {
                (ExpressionKind::Address(name), Some(Parameter::Out(kind))) => {
                    if !self.symbols.contains_key(&*name.text) {
                        self.bind(body, name, *kind, false);
                    }
                }
                _ => self.bind_outs(body, argument),
            }
        }
    }

    fn bind(&mut self, body: BodyId, name: &'file Name, kind: Type, hides: bool) {
        if let Some(Local::Variable(variable)) = self.scope(body).locals.get(&*name.text).copied() {
            self.bind_again(body, variable, name, kind);
            return;
        }
        if self.scope(body).variables.len() >= VARIABLES_MAX {
            self.error(Code::S308, "this body binds too many names", name.at.0);
            return;
        }
        let variable = super::VariableId(Self::next(self.scope(body).variables.len()));
        if self.enter(body, name, Local::Variable(variable), hides) {
            self.variable(body, &name.text, name.at.0, kind);
        }
    }

    fn bind_again(&mut self, body: BodyId, variable: super::VariableId, name: &Name, kind: Type) {
        let known = &mut self.scopes[body.index()].variables[variable.index()];
        if known.kind == Type::Any || (known.kind == Type::Pointer && kind.is_pointer()) {
            known.kind = kind;
        }
        if kind.fits(known.kind) || kind == Type::Void {
            return;
        }
        let label = format!("`{}` is a `{}` here", name.text, known.kind.c_name());
        let message = format!("`{}` is bound to a `{}`, too", name.text, kind.c_name());
        let span = known.span;
        self.push(Diagnostic::error(Code::S203, message, name.at.0, "").label(span, label));
    }

    /// Enters a name of a body; whether it can be one.
    ///
    /// As in C a parameter or a declaration hides a name of the file; an assignment to such a name is a mistake.
    fn enter(&mut self, body: BodyId, name: &'file Name, local: Local, hides: bool) -> bool {
        if let Some((symbol, place)) = self.symbols.get(&*name.text).copied()
            && !hides
        {
            let message = format!("`{}` is {} already", name.text, symbol.describe());
            let diagnostic = Diagnostic::error(Code::S105, message, name.at.0, "");
            self.push(diagnostic.label(place, "declared here"));
            return false;
        }
        if self.scope(body).locals.contains_key(&*name.text) {
            let message = format!("`{}` is declared twice", name.text);
            self.error(Code::S105, message, name.at.0);
            return false;
        }
        self.scopes[body.index()].locals.insert(&name.text, local);
        true
    }

    /// The type of what a step yields, as far as the names bound so far tell.
    fn type_of_step(&self, body: BodyId, step: &Step) -> Type {
        match step {
            Step::Expression(expression) => self.type_of(body, expression),
            Step::Start { .. }
            | Step::Eval { .. }
            | Step::PythonJoin { .. }
            | Step::OsFork { .. } => Type::Int,
        }
    }

    fn type_of(&self, body: BodyId, expression: &Expression) -> Type {
        match &expression.kind {
            ExpressionKind::Number(_) | ExpressionKind::Unary(..) | ExpressionKind::Binary(..) => {
                Type::Int
            }
            ExpressionKind::Text(_) => Type::Text,
            ExpressionKind::Arrow { .. } => Type::Interpreter,
            ExpressionKind::Group(inner) => self.type_of(body, inner),
            ExpressionKind::Call {
                function,
                arguments,
            } => calls::find(&function.text)
                .map_or(Type::Any, |call| call.row().result_for(arguments.len())),
            ExpressionKind::Name(name) if &*name.text == "NULL" => Type::Pointer,
            ExpressionKind::Name(name) => match self.scope(body).locals.get(&*name.text) {
                Some(Local::Variable(variable)) => {
                    self.scope(body).variables[variable.index()].kind
                }
                Some(_) => Type::Any,
                None => names::constant(&name.text).map_or(Type::Any, |(_, kind)| kind),
            },
            ExpressionKind::Indexed(_)
            | ExpressionKind::Member { .. }
            | ExpressionKind::Address(_)
            | ExpressionKind::Structure(_) => Type::Any,
        }
    }
}

/// Whether a declaration names a value rather than the thing itself: a pointer to a key does.
pub(super) fn names_a_value(declaration: &Declaration, kind: Type) -> bool {
    kind.is_value() || (kind == Type::TssKey && declaration.pointers > 0)
}
