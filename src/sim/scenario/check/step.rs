//! Steps: what has a result, where the result goes and what is claimed of it.

use super::super::calls::Type;
use super::super::program::{
    BodyId, Expression, Limit, ResultClaim, ResultClaimKind, StatementKind, Step,
};
use super::super::syntax::{self, BodyKind, ExpressionKind, Name};
use super::expression::comparison;
use super::{Checker, Local};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// A step and the type of its result.
type TypedStep = (Step, Type);

impl<'file> Checker<'file> {
    pub(super) fn bind_step_to(
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

    pub(super) fn claimed_step(
        &mut self,
        step: &'file syntax::Step,
        claim: Option<&'file syntax::ResultClaim>,
    ) -> Option<StatementKind> {
        let resolved = self.step(step);
        let kind = resolved.as_ref().map_or(Type::Any, |(_, kind)| *kind);
        let claim = claim.map(|claim| self.result_claim(claim, kind));
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

    pub(super) fn step(&mut self, step: &'file syntax::Step) -> Option<TypedStep> {
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
                let resolved = self.thread(thread)?;
                self.require_python_thread(resolved.body, &thread.name);
                Some((Step::PythonJoin(resolved), Type::Int))
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

    /// Reports `T.join()` of a thread that `threading` did not make.
    fn require_python_thread(&mut self, body: BodyId, name: &Name) {
        let syntax = self.scope(body).syntax;
        if matches!(syntax.kind, BodyKind::Python | BodyKind::Daemon) {
            return;
        }
        let message = format!(
            "`{}` is not made by `threading`, so it has no `join()`",
            name.text
        );
        let diagnostic = Diagnostic::error(Code::S107, message, name.at.0, "");
        let diagnostic = diagnostic.label(syntax.name.at.0, "declared here");
        self.push(diagnostic.help(format!("`join {}` waits natively", name.text)));
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

    pub(super) fn limit(&mut self, limit: &'file syntax::Limit) -> Option<Limit> {
        match limit {
            syntax::Limit::Times(number) => {
                let times = self.count(number, 1, 1_000_000);
                Some(Limit::Times(u32::try_from(times).unwrap_or(1)))
            }
            syntax::Limit::Until(condition) => self.condition(condition).map(Limit::Until),
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
