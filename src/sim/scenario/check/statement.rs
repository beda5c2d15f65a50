//! Statements.

use super::super::calls::{self, Type};
use super::super::names;
use super::super::program::{
    Block, Body, BodyId, CallExpr, Expression, Limit, ResultClaim, ResultClaimKind, Statement,
    StatementId, StatementInfo, StatementKind, Step, VariableId,
};
use super::super::syntax::{
    self, BodyKind, Else, ExpressionKind, ForkBlock, If, Name, StatementKind as Written, Verb,
};
use super::expression::comparison;
use super::{Checker, Local, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// A step and the type of its result.
type TypedStep = (Step, Type);

impl<'file> Checker<'file> {
    pub(super) fn resolve_bodies(&mut self) {
        for id in self.body_ids() {
            self.here = Some(id);
            let syntax = self.scope(id).syntax;
            let block = self.block(&syntax.block);
            let first_thread = self.first_thread(id);
            let scope = &mut self.scopes[id.index()];
            let body = Body {
                name: syntax.name.text.clone(),
                span: syntax.name.at.0,
                kind: syntax.kind,
                parameters: Self::next(syntax.parameters.as_ref().map_or(0, Vec::len)),
                returns: syntax.returns.as_ref().map_or(0, |number| number.value),
                // Claims are resolved later and need the names, too.
                variables: scope.variables.clone(),
                block,
                instances: scope.instances,
                first_thread,
                documentation: std::mem::take(&mut scope.documentation),
            };
            self.program.bodies.push(body);
        }
        self.here = None;
    }

    fn block(&mut self, block: &'file syntax::Block) -> Block {
        block
            .statements
            .iter()
            .filter_map(|statement| self.statement(statement))
            .collect()
    }

    fn statement(&mut self, statement: &'file syntax::Statement) -> Option<Statement> {
        // The number is taken before the statements inside take theirs: preorder.
        let id = self.number_statement(statement.at.0);
        let kind = self.statement_kind(statement)?;
        Some(Statement { id, kind })
    }

    fn number_statement(&mut self, span: Span) -> StatementId {
        let place = self.program.statements.len();
        if place == usize::from(u16::MAX) {
            self.error(Code::S308, "this scenario has too many statements", span);
        }
        let body = self.here.unwrap_or_default();
        if place <= usize::from(u16::MAX) {
            self.program.statements.push(StatementInfo { body, span });
        }
        StatementId(Self::next(place))
    }

    fn statement_kind(&mut self, statement: &'file syntax::Statement) -> Option<StatementKind> {
        Some(match &statement.kind {
            Written::Declare(declaration) => {
                let kind = names::c_type(&declaration.type_name.text)?;
                let value = declaration.value.as_ref().filter(|_| kind.is_value())?;
                return self.bind_step_to(&declaration.name, value, Some(kind));
            }
            Written::Bind { name, value } => match calls::find_global(&name.text) {
                Some(global) => {
                    let (step, _) = self.step(value)?;
                    let Step::Value(value) = step else {
                        self.error(Code::S010, "a flag is set to a constant", name.at.0);
                        return None;
                    };
                    StatementKind::SetGlobal { global, value }
                }
                None => return self.bind_step_to(name, value, None),
            },
            Written::Step { step, claim } => return self.claimed_step(step, claim.as_ref()),
            Written::AllowThreads(block) => self.allow_threads(block),
            Written::BlockThreads => StatementKind::BlockThreads {
                slot: self.slot(statement)?,
            },
            Written::UnblockThreads => StatementKind::UnblockThreads {
                slot: self.slot(statement)?,
            },
            Written::CriticalSection {
                macro_name,
                arguments,
                block,
            } => self.critical_section(macro_name, arguments, block)?,
            Written::Join(thread) => StatementKind::Join(self.thread(thread)?),
            Written::Verb { verb, target } => self.verb(*verb, target)?,
            Written::SpinUntil(condition) => StatementKind::SpinUntil(self.condition(condition)?),
            Written::Sleep => StatementKind::Sleep,
            Written::Collect => StatementKind::Collect,
            Written::Import { module, gil } => self.import(module, gil.as_ref())?,
            Written::Signal(Some(handler)) => StatementKind::Signal(Some(self.handler(handler)?)),
            Written::Signal(None) => StatementKind::Signal(None),
            Written::Fork(blocks) => {
                let (child, parent) = self.fork(blocks);
                StatementKind::Fork { child, parent }
            }
            Written::Repeat { limit, block } => self.repeat(limit, block)?,
            Written::If(branches) => self.if_statement(branches)?,
            Written::Choose { alternatives, .. } => {
                let blocks = alternatives.iter().map(|branch| self.block(&branch.block));
                let blocks: Box<[Block]> = blocks.collect();
                if blocks.is_empty() {
                    self.error(
                        Code::S303,
                        "there is nothing to choose from",
                        statement.at.0,
                    );
                }
                StatementKind::Choose(blocks)
            }
            Written::Fail { what, stage } => self.fail(what, stage.as_ref()),
            Written::Assert {
                condition,
                restriction,
            } => {
                let condition = self.condition(condition);
                let restriction = self.optional_restriction(restriction.as_ref());
                StatementKind::Assert {
                    condition: condition?,
                    restriction,
                }
            }
            Written::Return(value) => self.return_statement(value.as_ref(), statement.at.0)?,
            Written::Exit(value) => StatementKind::Exit(match value {
                Some(value) => self.condition(value)?,
                None => Expression::Number(0),
            }),
        })
    }

    fn handler(&mut self, handler: &'file Name) -> Option<BodyId> {
        let body = self.callback(handler)?;
        self.callback_fits(handler.at.0, body, 1);
        Some(body)
    }

    fn return_statement(
        &mut self,
        value: Option<&'file syntax::Expression>,
        span: Span,
    ) -> Option<StatementKind> {
        let body = self.here?;
        let Some(value) = value else {
            return Some(StatementKind::Return(None));
        };
        if self.scope(body).syntax.kind != BodyKind::Callback {
            self.error(Code::S306, "a thread returns nothing", span);
        }
        Some(StatementKind::Return(Some(self.condition(value)?)))
    }

    fn bind_step_to(
        &mut self,
        name: &'file Name,
        value: &'file syntax::Step,
        declared: Option<Type>,
    ) -> Option<StatementKind> {
        let (step, kind) = self.step(value)?;
        if kind == Type::Void {
            let message = "this call returns nothing that could be bound";
            self.error(Code::S205, message, step_span(value));
            return None;
        }
        let null = matches!(step, Step::Value(Expression::Null | Expression::Number(0)));
        let declared = declared.filter(|declared| !kind.fits(*declared));
        if let Some(declared) = declared.filter(|declared| !(null && declared.is_pointer())) {
            let label = format!("this is a `{}`", kind.c_name());
            let message = format!("`{}` is declared as `{}`", name.text, declared.c_name());
            let diagnostic = Diagnostic::error(Code::S203, message, name.at.0, "");
            self.push(diagnostic.label(step_span(value), label));
        }
        let body = self.here?;
        let bind = match self.scope(body).locals.get(&*name.text) {
            Some(Local::Variable(variable)) => Some(*variable),
            Some(Local::PyMutex(_) | Local::TssKey(_) | Local::Structure(_)) | None => return None,
        };
        Some(StatementKind::Step {
            step,
            bind,
            claim: None,
        })
    }

    fn claimed_step(
        &mut self,
        step: &'file syntax::Step,
        claim: Option<&'file syntax::ResultClaim>,
    ) -> Option<StatementKind> {
        let resolved = self.step(step);
        let kind = resolved.as_ref().map_or(Type::Any, |(_, kind)| *kind);
        let claim = match claim {
            Some(claim) => Some(self.result_claim(claim, kind)),
            None => None,
        };
        let (step, _) = resolved.filter(|(resolved, _)| {
            let value = matches!(resolved, Step::Value(_));
            if value {
                self.error(
                    Code::S003,
                    "this is a value, which does nothing",
                    step_span(step),
                );
            }
            !value
        })?;
        Some(StatementKind::Step {
            step,
            bind: None,
            claim: claim.flatten(),
        })
    }

    fn result_claim(
        &mut self,
        claim: &'file syntax::ResultClaim,
        kind: Type,
    ) -> Option<ResultClaim> {
        if kind == Type::Void {
            let message = "this call returns nothing that could be claimed";
            self.error(Code::S205, message, claim.at.0);
        }
        let restriction = self.optional_restriction(claim.restriction.as_ref());
        let kind = match &claim.kind {
            syntax::ResultClaimKind::Compare(operator, value) => {
                let resolved = self.claimed_value(kind, value)?;
                ResultClaimKind::Compare(comparison(*operator)?, resolved)
            }
            syntax::ResultClaimKind::OneOf(values) => {
                let resolved = values
                    .iter()
                    .filter_map(|value| self.claimed_value(kind, value));
                ResultClaimKind::OneOf(resolved.collect())
            }
        };
        Some(ResultClaim { kind, restriction })
    }

    fn claimed_value(
        &mut self,
        kind: Type,
        value: &'file syntax::Expression,
    ) -> Option<Expression> {
        let (resolved, value_kind) = self.value(value)?;
        if kind != Type::Void {
            self.require_comparable(kind, value_kind, value);
        }
        Some(resolved)
    }

    fn step(&mut self, step: &'file syntax::Step) -> Option<TypedStep> {
        match step {
            syntax::Step::Expression(expression) => self.expression_step(expression),
            syntax::Step::Start { thread, count, .. } => {
                let step = self.start(thread, count.as_ref())?;
                Some((step, Type::Int))
            }
            syntax::Step::Eval { limit, .. } => {
                let limit = match limit {
                    Some(limit) => self.limit(limit)?,
                    None => Limit::Times(1),
                };
                Some((Step::Eval(limit), Type::Int))
            }
            syntax::Step::PythonJoin { thread, .. } => {
                let thread = self.thread(thread)?;
                Some((Step::PythonJoin(thread), Type::Int))
            }
            syntax::Step::OsFork { blocks, .. } => {
                let (child, parent) = self.fork(blocks);
                Some((Step::OsFork { child, parent }, Type::Int))
            }
        }
    }

    fn expression_step(&mut self, expression: &'file syntax::Expression) -> Option<TypedStep> {
        if let ExpressionKind::Call {
            function,
            arguments,
        } = &expression.kind
            && !is_state_function(&function.text)
        {
            let (call, kind) = self.call(function, arguments, expression.at.0)?;
            return Some((Step::Call(call), kind));
        }
        let (value, kind) = self.value(expression)?;
        Some((Step::Value(value), kind))
    }

    fn start(&mut self, thread: &'file Name, count: Option<&syntax::Number>) -> Option<Step> {
        let body = self.thread_body(thread)?;
        if self.scope(body).syntax.kind == BodyKind::Main {
            self.error(
                Code::S106,
                "`main` runs from the beginning: nothing starts it",
                thread.at.0,
            );
            return None;
        }
        let most = i64::from(super::count::THREADS_MAX);
        let count = count.map_or(1, |number| self.count(number, 1, most));
        let here = self.here?;
        Some(Step::Start {
            body,
            count: u8::try_from(count).unwrap_or(1),
            first: self.starts.get(&(here, body)).copied().unwrap_or(0),
        })
    }

    fn limit(&mut self, limit: &'file syntax::Limit) -> Option<Limit> {
        match limit {
            syntax::Limit::Times(number) => {
                let times = self.count(number, 1, 1_000_000);
                Some(Limit::Times(u32::try_from(times).unwrap_or(1)))
            }
            syntax::Limit::Until(condition) => self.condition(condition).map(Limit::Until),
        }
    }

    fn allow_threads(&mut self, block: &'file syntax::Block) -> StatementKind {
        let body = self.here.unwrap_or_default();
        let slot = self.variable(body, "", block.open.0, Type::ThreadState);
        self.slots.push(slot);
        let block = self.block(block);
        self.slots.pop();
        StatementKind::AllowThreads { slot, block }
    }

    fn slot(&mut self, statement: &syntax::Statement) -> Option<VariableId> {
        let slot = self.slots.last().copied();
        if slot.is_none() {
            let message =
                "this stands outside of `Py_BEGIN_ALLOW_THREADS` ... `Py_END_ALLOW_THREADS`";
            self.error(Code::S009, message, statement.at.0);
        }
        slot
    }

    fn critical_section(
        &mut self,
        macro_name: &'file Name,
        arguments: &'file [syntax::Expression],
        block: &'file syntax::Block,
    ) -> Option<StatementKind> {
        let begin = match calls::find_macro(&macro_name.text) {
            Some(call) => {
                self.require_releases(call, macro_name);
                let resolved = self.arguments(call, macro_name, arguments);
                resolved.map(|arguments| CallExpr {
                    call,
                    arguments,
                    span: macro_name.at.0,
                })
            }
            None => {
                let message = format!("no macro is named `{}`", macro_name.text);
                self.error(Code::S101, message, macro_name.at.0);
                None
            }
        };
        let block = self.block(block);
        Some(StatementKind::CriticalSection {
            begin: begin?,
            block,
        })
    }

    fn verb(&mut self, verb: Verb, name: &'file Name) -> Option<StatementKind> {
        if matches!(verb, Verb::Touch | Verb::Drop) {
            let (value, kind) = self.name(name)?;
            if !kind.fits(Type::Object) {
                let message = format!("`{}` is no Python object", name.text);
                self.error(Code::S107, message, name.at.0);
            }
            return Some(match verb {
                Verb::Touch => StatementKind::Touch(value),
                _ => StatementKind::Drop(value),
            });
        }
        let symbol = self.target(name)?;
        let statement = match (verb, symbol) {
            (Verb::Lock, Symbol::Mutex(mutex)) => StatementKind::Lock(mutex),
            (Verb::Unlock, Symbol::Mutex(mutex)) => StatementKind::Unlock(mutex),
            (Verb::Post, Symbol::Semaphore(semaphore)) => StatementKind::Post(semaphore),
            (Verb::Wait, Symbol::Semaphore(semaphore)) => StatementKind::Wait(semaphore),
            (Verb::Set, Symbol::Flag(flag)) => StatementKind::Set(flag),
            (Verb::Clear, Symbol::Flag(flag)) => StatementKind::Clear(flag),
            (Verb::New, Symbol::Object(object)) => StatementKind::New(object),
            _ => {
                self.wrong_target(verb, symbol, name);
                return None;
            }
        };
        Some(statement)
    }

    fn wrong_target(&mut self, verb: Verb, symbol: Symbol, name: &Name) {
        let (word, wanted) = match verb {
            Verb::Lock => ("lock", "a native mutex"),
            Verb::Unlock => ("unlock", "a native mutex"),
            Verb::Post => ("post", "a native semaphore"),
            Verb::Wait => ("wait", "a native semaphore"),
            Verb::Set => ("set", "a native flag"),
            Verb::Clear => ("clear", "a native flag"),
            Verb::New => ("new", "an object"),
            Verb::Touch => ("touch", "an object"),
            Verb::Drop => ("drop", "an object"),
        };
        let message = format!(
            "`{word}` takes {wanted}, and `{}` is {}",
            name.text,
            symbol.describe()
        );
        let mut diagnostic = Diagnostic::error(Code::S107, message, name.at.0, "");
        if let Some((_, place)) = self.symbols.get(&*name.text) {
            diagnostic = diagnostic.label(*place, "declared here");
        }
        if matches!(symbol, Symbol::PyMutex(_)) {
            diagnostic = diagnostic.help(format!(
                "a `PyMutex` is locked by `PyMutex_Lock(&{})`",
                name.text
            ));
        }
        self.push(diagnostic);
    }

    fn import(&mut self, module: &Name, gil: Option<&'file Name>) -> Option<StatementKind> {
        let gil_used = match gil.map(|name| (&*name.text, name)) {
            None => None,
            Some(("Py_MOD_GIL_USED", _)) => Some(true),
            Some(("Py_MOD_GIL_NOT_USED", _)) => Some(false),
            Some((text, name)) => {
                let message = format!(
                    "an extension says `Py_MOD_GIL_USED` or `Py_MOD_GIL_NOT_USED`, not `{text}`"
                );
                self.error(Code::S003, message, name.at.0);
                None
            }
        };
        let Expression::Text(module) = self.text(&module.text) else {
            return None;
        };
        Some(StatementKind::Import { module, gil_used })
    }

    fn fork(&mut self, blocks: &'file ForkBlock) -> (Block, Block) {
        let mut resolve = |branch: &'file Option<syntax::Branch>| match branch {
            Some(branch) => self.block(&branch.block),
            None => Block::default(),
        };
        (resolve(&blocks.child), resolve(&blocks.parent))
    }

    fn repeat(
        &mut self,
        limit: &'file syntax::Limit,
        block: &'file syntax::Block,
    ) -> Option<StatementKind> {
        let limit = self.limit(limit);
        let block = self.block(block);
        Some(StatementKind::Repeat {
            limit: limit?,
            block,
        })
    }

    fn if_statement(&mut self, branches: &'file If) -> Option<StatementKind> {
        let condition = self.condition(&branches.condition);
        let then = self.block(&branches.then);
        let otherwise = match branches.otherwise.as_deref() {
            Some(Else::Block(block)) => self.block(block),
            Some(Else::If(inner)) => {
                let id = self.number_statement(inner.condition.at.0);
                let kind = self.if_statement(inner);
                kind.map(|kind| Statement { id, kind })
                    .into_iter()
                    .collect()
            }
            None => Block::default(),
        };
        Some(StatementKind::If {
            condition: condition?,
            then,
            otherwise,
        })
    }

    fn fail(&mut self, what: &Name, stage: Option<&Name>) -> StatementKind {
        match (&*what.text, stage) {
            ("thread_start", _) => StatementKind::FailThreadStart,
            (_, Some(stage)) => match self.text(&stage.text) {
                Expression::Text(stage) => StatementKind::FailStage(stage),
                _ => StatementKind::FailAlloc,
            },
            _ => StatementKind::FailAlloc,
        }
    }
}

fn is_state_function(name: &str) -> bool {
    matches!(
        name,
        "attached" | "interp_of" | "held" | "runs" | "pending" | "thread_states"
    )
}

/// Where a step stands.
fn step_span(step: &syntax::Step) -> Span {
    match step {
        syntax::Step::Expression(expression) => expression.at.0,
        syntax::Step::Start { at, .. }
        | syntax::Step::Eval { at, .. }
        | syntax::Step::PythonJoin { at, .. }
        | syntax::Step::OsFork { at, .. } => at.0,
    }
}
