//! How many threads can exist: each `start` counted through the blocks around it.
//!
//! A callback counts once for each place that registers it, since only the exploration knows how often it runs.

use std::collections::BTreeMap;

use super::super::program::{BodyId, Thread, ThreadId};
use super::super::syntax::{
    Block, BodyKind, Else, Expression, ExpressionKind, If, Limit, Name, Statement, StatementKind,
    Step,
};
use super::{Checker, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// How many OS threads a scenario may have.
pub(super) const THREADS_MAX: u8 = 16;

/// More than any scenario may have: what cannot be counted, or has been reported.
const MANY: u32 = 1 << 16;

/// How often a block starts a thread or registers a callback, and where it does so first.
type Counts = BTreeMap<BodyId, (u32, Span)>;

impl<'file> Checker<'file> {
    pub(super) fn count_threads(&mut self) {
        let mut edges: Vec<Counts> = Vec::new();
        for body in self.body_ids() {
            let syntax = self.scope(body).syntax;
            let counts = self.count_block(&syntax.block);
            edges.push(counts);
        }
        for object in self.program.objects.clone() {
            if let (Some(finalizer), Some(main)) =
                (object.finalizer, edges.get_mut(self.program.main.index()))
            {
                add(main, finalizer, 1, object.declared.span);
            }
        }
        let relevant = self.starting_bodies(&edges);
        let mut instances = BTreeMap::new();
        for body in self.body_ids() {
            self.instances(body, &edges, &relevant, &mut instances);
        }
        self.assign_threads(&edges, &instances);
    }

    fn count_block(&mut self, block: &'file Block) -> Counts {
        let mut counts = Counts::new();
        for statement in &block.statements {
            let inner = self.count_statement(statement);
            merge(&mut counts, inner, |left, right| left.saturating_add(right));
        }
        counts
    }

    fn count_statement(&mut self, statement: &'file Statement) -> Counts {
        match &statement.kind {
            StatementKind::Declare(declaration) => declaration
                .value
                .as_ref()
                .map_or_else(Counts::new, |step| self.count_step(step)),
            StatementKind::Bind { value: step, .. } | StatementKind::Step { step, .. } => {
                self.count_step(step)
            }
            StatementKind::AllowThreads(block) | StatementKind::CriticalSection { block, .. } => {
                self.count_block(block)
            }
            StatementKind::Repeat { limit, block } => self.count_repeat(limit, block),
            StatementKind::Fork(blocks) => {
                let mut counts = Counts::new();
                for branch in blocks.child.iter().chain(&blocks.parent) {
                    let inner = self.count_block(&branch.block);
                    merge(&mut counts, inner, u32::max);
                }
                counts
            }
            StatementKind::If(branches) => self.count_if(branches),
            StatementKind::Choose { alternatives, .. } => {
                let mut counts = Counts::new();
                for branch in alternatives {
                    let inner = self.count_block(&branch.block);
                    merge(&mut counts, inner, u32::max);
                }
                counts
            }
            StatementKind::Signal(Some(handler)) => {
                let mut counts = Counts::new();
                self.count_name(handler, &mut counts);
                counts
            }
            StatementKind::Signal(None)
            | StatementKind::BlockThreads
            | StatementKind::UnblockThreads
            | StatementKind::Join(_)
            | StatementKind::Verb { .. }
            | StatementKind::SpinUntil(_)
            | StatementKind::Sleep
            | StatementKind::Collect
            | StatementKind::Import { .. }
            | StatementKind::Fail { .. }
            | StatementKind::Assert { .. }
            | StatementKind::Return(_)
            | StatementKind::Exit(_) => Counts::new(),
        }
    }

    fn count_repeat(&mut self, limit: &'file Limit, block: &'file Block) -> Counts {
        let mut counts = self.count_block(block);
        match limit {
            Limit::Times(number) => {
                let times = u32::try_from(number.value).unwrap_or(0).min(MANY);
                for (count, _) in counts.values_mut() {
                    *count = count.saturating_mul(times);
                }
            }
            Limit::Until(_) => {
                for (body, (count, span)) in &mut counts {
                    // Registering a callback again and again is the callback's matter.
                    if self.scope(*body).syntax.kind != BodyKind::Callback && *count < MANY {
                        *count = MANY;
                        let span = *span;
                        self.report_unbounded(span, "the number of threads has no bound here");
                    }
                }
            }
        }
        counts
    }

    fn count_if(&mut self, branches: &'file If) -> Counts {
        let mut counts = self.count_block(&branches.then);
        let otherwise = match branches.otherwise.as_deref() {
            Some(Else::Block(block)) => self.count_block(block),
            Some(Else::If(inner)) => self.count_if(inner),
            None => return counts,
        };
        merge(&mut counts, otherwise, u32::max);
        counts
    }

    fn count_step(&mut self, step: &'file Step) -> Counts {
        let mut counts = Counts::new();
        match step {
            Step::Expression(expression) => self.count_expression(expression, &mut counts),
            Step::Start { thread, count, .. } => {
                let times = count
                    .as_ref()
                    .map_or(1, |number| u32::try_from(number.value).unwrap_or(0));
                if let Some((Symbol::Body(body), _)) = self.symbols.get(&*thread.text)
                    && self.scope(*body).syntax.kind != BodyKind::Main
                {
                    add(&mut counts, *body, times.min(MANY), thread.at.0);
                }
            }
            Step::OsFork { blocks, .. } => {
                for branch in blocks.child.iter().chain(&blocks.parent) {
                    let inner = self.count_block(&branch.block);
                    merge(&mut counts, inner, u32::max);
                }
            }
            Step::Eval { .. } | Step::PythonJoin { .. } => {}
        }
        counts
    }

    fn count_expression(&self, expression: &'file Expression, counts: &mut Counts) {
        match &expression.kind {
            ExpressionKind::Name(name) => self.count_name(name, counts),
            ExpressionKind::Call { arguments, .. } => {
                for argument in arguments {
                    self.count_expression(argument, counts);
                }
            }
            ExpressionKind::Number(_)
            | ExpressionKind::Text(_)
            | ExpressionKind::Indexed(_)
            | ExpressionKind::Member { .. }
            | ExpressionKind::Arrow { .. }
            | ExpressionKind::Address(_)
            | ExpressionKind::Structure(_)
            | ExpressionKind::Group(_)
            | ExpressionKind::Unary(..)
            | ExpressionKind::Binary(..) => {}
        }
    }

    fn count_name(&self, name: &Name, counts: &mut Counts) {
        if let Some((Symbol::Body(body), _)) = self.symbols.get(&*name.text)
            && self.scope(*body).syntax.kind == BodyKind::Callback
        {
            add(counts, *body, 1, name.at.0);
        }
    }

    /// Threads, and callbacks that start one or register such a callback: only these matter for the numbers.
    fn starting_bodies(&self, edges: &[Counts]) -> Vec<bool> {
        let is_thread = |body: &BodyId| self.scope(*body).syntax.kind != BodyKind::Callback;
        let mut relevant: Vec<bool> = self.body_ids().map(|body| is_thread(&body)).collect();
        loop {
            let mut changed = false;
            for (body, counts) in edges.iter().enumerate() {
                if !relevant[body] && counts.keys().any(|to| relevant[to.index()]) {
                    relevant[body] = true;
                    changed = true;
                }
            }
            if !changed {
                return relevant;
            }
        }
    }

    /// How often a body can run, counted along every way from `main` to it.
    fn instances(
        &mut self,
        body: BodyId,
        edges: &[Counts],
        relevant: &[bool],
        known: &mut BTreeMap<BodyId, u32>,
    ) -> u32 {
        if let Some(count) = known.get(&body) {
            return *count;
        }
        // While its own starters are counted a body counts as started by none of them: a circle ends here.
        known.insert(body, 0);
        let mut total = u32::from(body == self.program.main);
        for starter in self.body_ids() {
            let Some((count, span)) = edges[starter.index()].get(&body).copied() else {
                continue;
            };
            if !relevant[starter.index()] {
                continue;
            }
            let circular = relevant[body.index()] && reaches(body, starter, edges);
            if circular && count > 0 {
                self.report_unbounded(span, "this starts a thread that leads back here");
            } else {
                let starters = self.instances(starter, edges, relevant, known);
                total = total.saturating_add(starters.saturating_mul(count));
            }
        }
        let total = total.min(MANY);
        known.insert(body, total);
        total
    }

    fn report_unbounded(&mut self, span: Span, label: &str) {
        let message = "this may start threads without bound";
        if self
            .diagnostics
            .iter()
            .all(|known| known.primary.span != span)
        {
            let diagnostic = Diagnostic::error(Code::S301, message, span, label);
            self.push(
                diagnostic
                    .help("start a known number of threads: `start T * 2`, `repeat N { start T }`"),
            );
        }
    }

    /// Numbers the threads and gives each starting body its range of them.
    fn assign_threads(&mut self, edges: &[Counts], instances: &BTreeMap<BodyId, u32>) {
        let unbounded = self
            .diagnostics
            .iter()
            .any(|known| known.code == Code::S301);
        let mut total = 0_u32;
        for body in self.body_ids() {
            let scope = &mut self.scopes[body.index()];
            let count = instances.get(&body).copied().unwrap_or(0);
            if scope.syntax.kind == BodyKind::Callback {
                scope.instances = 1;
                continue;
            }
            scope.instances = u8::try_from(count).unwrap_or(THREADS_MAX).min(THREADS_MAX);
            total = total.saturating_add(count);
            if total > u32::from(THREADS_MAX) && !unbounded {
                let span = self.scope(body).syntax.name.at.0;
                let message = format!("this scenario can have more than {THREADS_MAX} threads");
                self.push(Diagnostic::error(
                    Code::S302,
                    message,
                    span,
                    format!("{count} of these"),
                ));
                return;
            }
        }
        for body in self.body_ids() {
            let mut first = 0_u32;
            for starter in self.body_ids() {
                if let Some((count, _)) = edges[starter.index()].get(&body) {
                    let base = u8::try_from(first).unwrap_or(THREADS_MAX);
                    self.starts.insert((starter, body), base);
                    let starters = instances.get(&starter).copied().unwrap_or(0);
                    first = first.saturating_add(starters.saturating_mul(*count));
                }
            }
        }
        self.list_threads();
    }

    fn list_threads(&mut self) {
        let main = self.program.main;
        let others = self.body_ids().filter(|body| *body != main);
        let order: Vec<BodyId> = std::iter::once(main).chain(others).collect();
        for body in order {
            let Some(scope) = self.scopes.get(body.index()) else {
                continue;
            };
            if scope.syntax.kind == BodyKind::Callback {
                continue;
            }
            let name = &scope.syntax.name.text;
            for instance in 0..scope.instances {
                let name = if scope.instances == 1 {
                    name.clone()
                } else {
                    format!("{name}[{instance}]").into()
                };
                self.program.threads.push(Thread {
                    body,
                    instance,
                    name,
                });
            }
        }
    }

    /// The first thread of a body.
    pub(super) fn first_thread(&self, body: BodyId) -> Option<ThreadId> {
        if self.scope(body).syntax.kind == BodyKind::Callback {
            return None;
        }
        let threads = &self.program.threads;
        let place = threads.iter().position(|thread| thread.body == body);
        Some(ThreadId(
            u8::try_from(place.unwrap_or(threads.len())).unwrap_or(0),
        ))
    }
}

fn reaches(from: BodyId, to: BodyId, edges: &[Counts]) -> bool {
    let mut seen = vec![false; edges.len()];
    let mut open = vec![from];
    while let Some(body) = open.pop() {
        if body == to {
            return true;
        }
        if !std::mem::replace(&mut seen[body.index()], true) {
            open.extend(edges[body.index()].keys());
        }
    }
    false
}

fn add(counts: &mut Counts, body: BodyId, times: u32, span: Span) {
    let entry = counts.entry(body).or_insert((0, span));
    entry.0 = entry.0.saturating_add(times);
}

fn merge(into: &mut Counts, from: Counts, join: impl Fn(u32, u32) -> u32) {
    for (body, (count, span)) in from {
        let entry = into.entry(body).or_insert((0, span));
        entry.0 = join(entry.0, count);
    }
}
