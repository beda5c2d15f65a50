//! What a scenario asks for and the runtime does not implement yet. Nothing is guessed: the explorer refuses it.

use super::calls::Type;
use super::program::{Argument, Block, CallExpr, Program, Reads, Statement, StatementKind, Step};
use crate::runtime::profile::Profile;
use crate::runtime::{MODULES_MAX, TSS_KEYS_MAX};
use crate::sim::diagnostic::{Code, Diagnostic, Span};
use crate::sync::THREADS_MAX;

/// Each body may be the handler of a signal, which are the bits of a word; one is Python's.
const BODIES_WITH_SIGNALS_MAX: usize = 63;

/// Every call and statement of the program, and the profile itself, that cannot be explored yet.
#[must_use]
pub fn unmodelled(program: &Program, profile: Profile) -> Vec<Diagnostic> {
    let mut pass = Pass {
        program,
        reads: Reads::of(program),
        diagnostics: Vec::new(),
    };
    if !profile.is_modelled() {
        let span = program.profiles_span.unwrap_or_default();
        pass.refuse(
            Code::S403,
            format!("the profile {profile} is not modelled yet"),
            span,
        );
    }
    for fault in &program.faults {
        pass.refuse(
            Code::S402,
            format!("the fault `{}` is not modelled yet", fault.name),
            fault.span,
        );
    }
    for structure in &program.structures {
        // The call that reads a structure written in place is refused itself.
        if !structure.declared.name.is_empty()
            && !matches!(
                structure.kind,
                Type::CriticalSection
                    | Type::CriticalSection2
                    | Type::InterpreterConfig
                    | Type::Config
                    | Type::PreConfig
            )
        {
            let message = format!("`{}` is not modelled yet", structure.declared.name);
            pass.refuse(Code::S402, message, structure.declared.span);
        }
    }
    if let Some(key) = program.tss_keys.get(TSS_KEYS_MAX) {
        let message = format!("more than {TSS_KEYS_MAX} declared keys are not modelled yet");
        pass.refuse(Code::S402, message, key.span);
    }
    for body in &program.bodies {
        pass.block(&body.block);
    }
    let is_large =
        program.threads.len() >= THREADS_MAX || program.bodies.len() >= BODIES_WITH_SIGNALS_MAX;
    if pass.reads.sends && is_large {
        let span = program.profiles_span.unwrap_or_default();
        let message = format!(
            "`signal` beside {THREADS_MAX} threads or {BODIES_WITH_SIGNALS_MAX} bodies is not modelled"
        );
        pass.refuse(Code::S402, message, span);
    }
    pass.diagnostics
        .sort_by_key(|diagnostic| diagnostic.primary.span);
    pass.diagnostics
}

struct Pass<'program> {
    program: &'program Program,
    reads: Reads,
    diagnostics: Vec<Diagnostic>,
}

impl Pass<'_> {
    fn refuse(&mut self, code: Code, message: String, span: Span) {
        self.diagnostics
            .push(Diagnostic::error(code, message, span, ""));
    }

    fn refuse_statement(&mut self, what: &str, statement: &Statement) {
        let span = self.program.statements[statement.id.index()].span;
        self.refuse(Code::S402, format!("{what} is not modelled yet"), span);
    }

    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Step { step, .. } => self.step(step),
            StatementKind::AllowThreads { block, .. } => self.block(block),
            StatementKind::CriticalSection { begin, block } => {
                self.call(begin);
                self.block(block);
            }
            StatementKind::Repeat { block, .. } => self.block(block),
            StatementKind::If {
                then, otherwise, ..
            } => {
                self.block(then);
                self.block(otherwise);
            }
            StatementKind::Choose(alternatives) => {
                for alternative in alternatives {
                    self.block(alternative);
                }
            }
            StatementKind::Import { module, .. } => {
                let id = self.reads.module(&self.program.texts[module.index()]);
                if id.is_none_or(|id| id >= MODULES_MAX) {
                    let what = format!("more than {MODULES_MAX} modules, `threading` among them,");
                    self.refuse_statement(&what, statement);
                }
            }
            StatementKind::Fork { child, parent } => {
                self.block(child);
                self.block(parent);
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
            | StatementKind::Signal(_)
            | StatementKind::FailThreadStart
            | StatementKind::FailAlloc
            | StatementKind::FailStage(_)
            | StatementKind::SpinUntil(_)
            | StatementKind::Exit(_)
            | StatementKind::Touch(_)
            | StatementKind::Drop(_)
            | StatementKind::Assert { .. }
            | StatementKind::SetGlobal { .. }
            | StatementKind::Return(_) => {}
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Call(call) => self.call(call),
            Step::OsFork { child, parent } => {
                self.block(child);
                self.block(parent);
            }
            Step::Value(_) | Step::Eval(_) | Step::Start { .. } | Step::PythonJoin(_) => {}
        }
    }

    fn call(&mut self, call: &CallExpr) {
        let row = call.call.row();
        if row.modelled.is_none() {
            let message = format!("`{}` is not modelled yet", row.name);
            self.refuse(Code::S401, message, call.span);
        }
        for argument in &call.arguments {
            if let Argument::Call(inner) = argument {
                self.call(inner);
            }
        }
    }
}
