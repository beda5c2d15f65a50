//! Memory in C: calls that take it while somebody looks on or it is short, and other failures that are asked for.

use super::story::Item;
use super::write::{At, Need, Writer, Written, quoted};
use tstate::runtime::Stage;
use tstate::sim::scenario::calls::Call;
use tstate::sim::scenario::program::{Argument, Expression, Statement, StatementKind, Step};

/// Since then a sub-interpreter's first thread state is in it, and no memory of its own.
const FIRST_STATE_INSIDE: u8 = 13;
/// Since then the standard streams are made without an import of `io`.
const STREAMS_WITHOUT_IMPORT: u8 = 14;

impl Writer<'_> {
    /// Finds out whether the run looks at memory, or lacks it.
    pub(super) fn look_at_memory(&mut self) {
        self.memory = self.comes_to(|kind| self.is_about_memory(kind));
        if self.memory {
            self.need(Need::Memory);
        }
    }

    fn is_about_memory(&self, kind: &StatementKind) -> bool {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the others are not about memory"
        )]
        match kind {
            StatementKind::FailAlloc => true,
            StatementKind::FailStage(stage) => self.module_of(*stage).is_none(),
            StatementKind::Step {
                step: Step::Call(call),
                ..
            } => call.call.row().modelled == Some(Call::AllocHook),
            _ => false,
        }
    }

    /// Whether the run comes to such a statement.
    fn comes_to(&self, is_such: impl Fn(&StatementKind) -> bool) -> bool {
        let begun = self.story.activations.iter().flat_map(|run| &run.items);
        begun.into_iter().any(|item| {
            let Item::Begins(id) = item else { return false };
            let found = self.statements.get(&id.0);
            found.is_some_and(|statement| is_such(&statement.kind))
        })
    }

    fn calls(&self, wanted: &[Call]) -> bool {
        let modelled = |call: Call| wanted.contains(&call);
        self.comes_to(|kind| {
            matches!(kind, StatementKind::Step { step: Step::Call(call), .. }
                if call.call.row().modelled.is_some_and(modelled))
        })
    }

    /// Something hangs on the import of `site`: a callback, or its failure.
    pub(super) fn imports_site(&self) -> bool {
        let fails = |kind: &StatementKind| matches!(kind, StatementKind::FailStage(Stage::Site));
        self.calls(&[Call::AtSite]) || self.comes_to(fails)
    }

    /// Python's own functions about interpreters are called.
    pub(super) fn enters_interpreters(&self) -> bool {
        self.calls(&[Call::InterpretersRun, Call::InterpretersDestroy])
    }

    /// The call's text, with what it makes if memory is looked at.
    pub(super) fn making(&self, function: Call, text: String) -> Written<String> {
        if !self.memory {
            return Ok(text);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others make nothing")]
        let what = match function {
            Call::ThreadStateNew | Call::GilStateEnsure | Call::ThreadStateEnsure => "STATE",
            Call::NewInterpreter | Call::NewInterpreterFromConfig | Call::InterpreterStateNew => {
                "INTERPRETER"
            }
            Call::InterpreterGuardFromCurrent
            | Call::InterpreterGuardFromView
            | Call::InterpreterViewFromCurrent
            | Call::InterpreterViewFromMain
            | Call::ThreadStateEnsureFromView
            | Call::ThreadTssAlloc => "BLOCK",
            Call::InterpretersRun | Call::InterpretersDestroy => {
                return Err(unseen("of an interpreter that is entered"));
            }
            _ => return Ok(text),
        };
        Ok(format!("MAKES({what}, {text})"))
    }

    /// Whether the memory of a thread's start can be told from other memory.
    pub(super) fn starting(&self) -> Written<()> {
        if self.memory {
            return Err(unseen("of a thread of `threading` that is started"));
        }
        Ok(())
    }

    /// The module whose import is the first thing that a stage does.
    fn module_of(&self, stage: Stage) -> Option<&'static str> {
        if stage == Stage::ImportlibExternal {
            Some("_frozen_importlib_external")
        } else if stage == Stage::Encodings {
            Some("encodings")
        } else if stage == Stage::Streams && self.profile.minor() < STREAMS_WITHOUT_IMPORT {
            Some("io")
        } else if stage == Stage::Site {
            Some("site")
        } else {
            None
        }
    }

    /// A failure that is asked for.
    pub(super) fn failing(&mut self, statement: &Statement) -> Written<String> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the other statements ask for none"
        )]
        match &statement.kind {
            StatementKind::FailThreadStart => {
                self.need(Need::FailStart);
                Ok("start_fails = 1".to_owned())
            }
            StatementKind::FailAlloc => Ok("fail(&memory_fails)".to_owned()),
            StatementKind::FailStage(stage) => self.failing_stage(*stage),
            _ => Err("this statement has no form in C yet".to_owned()),
        }
    }

    fn failing_stage(&mut self, stage: Stage) -> Written<String> {
        if let Some(module) = self.module_of(stage) {
            self.need(Need::FailImport);
            return Ok(format!("fail_import({})", quoted(module)));
        }
        if stage == Stage::MainInterpreter {
            return Ok("fail(&interpreter_fails)".to_owned());
        }
        if stage == Stage::FirstThreadState && self.profile.minor() < FIRST_STATE_INSIDE {
            return Ok("fail(&state_fails)".to_owned());
        }
        let name = stage.name().unwrap_or("of no name");
        Err(format!(
            "the stage `{name}` cannot be made to fail without changing CPython"
        ))
    }

    /// Sets the reference tracer: a callback, or what another name has of one.
    pub(super) fn tracing_references(
        &mut self,
        at: At,
        function: &Argument,
        data: &str,
    ) -> Written<String> {
        let tracer = match function {
            Argument::Value(Expression::Callback(body)) => {
                self.adapter(*body, super::write::Adapter::RefTracer)
            }
            Argument::Value(value) => self.value(at, value)?,
            Argument::Call(_) | Argument::Bind(_) => {
                return Err("which callback is passed is not known before the run".to_owned());
            }
        };
        self.need(Need::Raised);
        Ok(format!("dropped(PyRefTracer_SetTracer({tracer}, {data}))"))
    }
}

fn unseen(what: &str) -> String {
    format!("which memory is that of the thread state {what} cannot be seen")
}
