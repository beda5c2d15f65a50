//! Statements.

use super::super::calls::{self, Type};
use super::super::names;
use super::super::program::{
    Block, Body, BodyId, CallExpr, Expression, Statement, StatementId, StatementInfo,
    StatementKind, Step, VariableId,
};
use super::super::syntax::{
    self, BodyKind, Else, ForkBlock, If, Name, StatementKind as Written, Verb,
};
use super::bind::names_a_value;
use super::{Checker, Symbol};
use crate::runtime::{Profile, Stage};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

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
                let value = declaration.value.as_ref();
                let value = value.filter(|_| names_a_value(declaration, kind))?;
                return self.bind_step_to(&declaration.name, value, Some(kind));
            }
            Written::Bind { name, value } => return self.bind_or_set(name, value),
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
            Written::Import { module, gil } => self.import(module, gil.as_ref()),
            Written::Signal(Some(handler)) => StatementKind::Signal(Some(self.handler(handler)?)),
            Written::Signal(None) => StatementKind::Signal(None),
            Written::Fork(blocks) => {
                let (child, parent) = self.fork(blocks);
                StatementKind::Fork { child, parent }
            }
            Written::Repeat { limit, block } => self.repeat(limit, block)?,
            Written::If(branches) => self.if_statement(branches)?,
            Written::Choose { alternatives, .. } => self.choose(alternatives, statement.at.0),
            Written::Fail { what, stage } => self.fail(what, stage.as_ref())?,
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

    /// `x = …`, or a flag of the C API that is set.
    fn bind_or_set(
        &mut self,
        name: &'file Name,
        value: &'file syntax::Step,
    ) -> Option<StatementKind> {
        let Some(global) = calls::find_global(&name.text) else {
            return self.bind_step_to(name, value, None);
        };
        let (step, _) = self.step(value)?;
        let Step::Value(value) = step else {
            self.error(
                Code::S010,
                "a flag is set to a value, not by a call",
                name.at.0,
            );
            return None;
        };
        Some(StatementKind::SetGlobal { global, value })
    }

    fn choose(&mut self, alternatives: &'file [syntax::Branch], span: Span) -> StatementKind {
        let blocks = alternatives.iter().map(|branch| self.block(&branch.block));
        let blocks: Box<[Block]> = blocks.collect();
        if blocks.is_empty() {
            self.error(Code::S303, "there is nothing to choose from", span);
        }
        StatementKind::Choose(blocks)
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
            return Some(if verb == Verb::Touch {
                StatementKind::Touch(value)
            } else {
                StatementKind::Drop(value)
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

    fn import(&mut self, module: &Name, gil: Option<&'file Name>) -> StatementKind {
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
        let module = self.text_id(&module.text);
        StatementKind::Import { module, gil_used }
    }

    pub(super) fn fork(&mut self, blocks: &'file ForkBlock) -> (Block, Block) {
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

    fn fail(&mut self, what: &Name, stage: Option<&'file Name>) -> Option<StatementKind> {
        Some(match stage {
            Some(stage) => StatementKind::FailStage(self.stage(stage)?),
            None if &*what.text == "thread_start" => StatementKind::FailThreadStart,
            None => StatementKind::FailAlloc,
        })
    }

    /// The stage of that name, if every release asked for has it.
    fn stage(&mut self, name: &'file Name) -> Option<Stage> {
        let profiles = self.program.profiles.clone();
        let lacks = |profile: &Profile| {
            let mut stages = profile.stages_by_name();
            !stages.any(|(_, known)| known == &*name.text)
        };
        let lacking: Vec<Profile> = profiles.iter().copied().filter(lacks).collect();
        let (Some(first), Some(last)) = (lacking.first(), lacking.last()) else {
            return Stage::named(&name.text);
        };
        let message = if first == last {
            format!("no stage of {first} is named `{}`", name.text)
        } else {
            format!("no stage of {first} to {last} is named `{}`", name.text)
        };
        let known: Vec<&str> = first.stages_by_name().map(|(_, known)| known).collect();
        let mut diagnostic = Diagnostic::error(Code::S113, message, name.at.0, "");
        if let Some(similar) = names::similar(&name.text, known.iter().copied()) {
            let advice = format!("did you mean `{similar}`?");
            diagnostic = diagnostic.patch(advice, name.at.0, similar);
        }
        self.push(diagnostic.note(format!("the stages of {first} are {}", known.join(", "))));
        None
    }
}
