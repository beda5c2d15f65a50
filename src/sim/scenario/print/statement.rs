//! Statements and blocks.

use super::super::syntax::{
    Block, Branch, Comment, Else, Expression, ForkBlock, If, Limit, Name, ResultClaim,
    ResultClaimKind, Statement, StatementKind, Step, Trivia, Verb,
};
use super::expression::operator_text;
use super::{LINE_MAX, Printer};

impl Printer {
    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Declare(declaration) => self.declaration(declaration),
            StatementKind::Bind { name, value } => {
                self.text.push_str(&name.text);
                self.text.push_str(" = ");
                self.step(value);
            }
            StatementKind::Step { step, claim } => {
                self.step(step);
                if let Some(claim) = claim {
                    self.result_claim(claim);
                }
            }
            StatementKind::AllowThreads(block) => {
                self.text.push_str("Py_BEGIN_ALLOW_THREADS");
                self.macro_block(block, "Py_END_ALLOW_THREADS");
            }
            StatementKind::BlockThreads => self.text.push_str("Py_BLOCK_THREADS"),
            StatementKind::UnblockThreads => self.text.push_str("Py_UNBLOCK_THREADS"),
            StatementKind::CriticalSection {
                macro_name,
                arguments,
                block,
            } => self.critical_section(macro_name, arguments, block),
            StatementKind::Fork(blocks) => {
                self.text.push_str("fork ");
                self.fork(blocks);
            }
            StatementKind::Repeat { limit, block } => {
                self.text.push_str("repeat ");
                self.limit(limit);
                self.text.push(' ');
                self.block(block);
            }
            StatementKind::If(branches) => self.if_statement(branches),
            StatementKind::Choose {
                opening,
                alternatives,
                closing,
            } => self.choose(opening, alternatives, closing),
            StatementKind::Join(_)
            | StatementKind::Verb { .. }
            | StatementKind::SpinUntil(_)
            | StatementKind::Sleep
            | StatementKind::Collect
            | StatementKind::Import { .. }
            | StatementKind::Signal(_)
            | StatementKind::Fail { .. }
            | StatementKind::Assert { .. }
            | StatementKind::Return(_)
            | StatementKind::Exit(_) => self.word_statement(&statement.kind),
        }
    }

    /// A statement that is one word of the language and what follows it.
    fn word_statement(&mut self, kind: &StatementKind) {
        match kind {
            StatementKind::Join(thread) => {
                self.text.push_str("join ");
                self.thread(thread);
            }
            StatementKind::Verb { verb, target } => self.word_and(verb_text(*verb), Some(target)),
            StatementKind::SpinUntil(condition) => {
                self.text.push_str("spin until ");
                self.expression(condition);
            }
            StatementKind::Sleep => self.text.push_str("sleep"),
            StatementKind::Collect => self.text.push_str("collect"),
            StatementKind::Import { module, gil } => {
                self.word_and("import", Some(module));
                if let Some(gil) = gil {
                    self.text.push(' ');
                    self.text.push_str(&gil.text);
                }
            }
            StatementKind::Signal(handler) => self.word_and("signal", handler.as_ref()),
            StatementKind::Fail { what, stage } => {
                self.word_and("fail", Some(what));
                if let Some(stage) = stage {
                    self.text.push(' ');
                    self.text.push_str(&stage.text);
                }
            }
            StatementKind::Assert {
                condition,
                restriction,
            } => {
                self.text.push_str("assert ");
                self.expression(condition);
                self.optional_restriction(restriction.as_ref());
            }
            StatementKind::Return(value) => self.word_and_value("return", value.as_ref()),
            StatementKind::Exit(value) => self.word_and_value("exit", value.as_ref()),
            StatementKind::Declare(_)
            | StatementKind::Bind { .. }
            | StatementKind::Step { .. }
            | StatementKind::AllowThreads(_)
            | StatementKind::BlockThreads
            | StatementKind::UnblockThreads
            | StatementKind::CriticalSection { .. }
            | StatementKind::Fork(_)
            | StatementKind::Repeat { .. }
            | StatementKind::If(_)
            | StatementKind::Choose { .. } => {}
        }
    }

    fn word_and(&mut self, word: &str, name: Option<&Name>) {
        self.text.push_str(word);
        if let Some(name) = name {
            self.text.push(' ');
            self.text.push_str(&name.text);
        }
    }

    fn word_and_value(&mut self, word: &str, value: Option<&Expression>) {
        self.text.push_str(word);
        if let Some(value) = value {
            self.text.push(' ');
            self.expression(value);
        }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Expression(expression) => self.expression(expression),
            Step::Start { thread, count, .. } => {
                self.word_and("start", Some(thread));
                if let Some(count) = count {
                    self.text.push_str(" * ");
                    self.text.push_str(&count.text);
                }
            }
            Step::Eval { limit, .. } => {
                self.text.push_str("eval");
                if let Some(limit) = limit {
                    self.text.push(' ');
                    self.limit(limit);
                }
            }
            Step::PythonJoin { thread, .. } => {
                self.thread(thread);
                self.text.push_str(".join()");
            }
            Step::OsFork { blocks, .. } => {
                self.text.push_str("os.fork ");
                self.fork(blocks);
            }
        }
    }

    fn result_claim(&mut self, claim: &ResultClaim) {
        match &claim.kind {
            ResultClaimKind::Compare(operator, value) => {
                self.text.push(' ');
                self.text.push_str(operator_text(*operator));
                self.text.push(' ');
                self.expression(value);
            }
            ResultClaimKind::OneOf(values) => {
                self.text.push_str(" in { ");
                self.list(values);
                self.text
                    .push_str(if values.is_empty() { "}" } else { " }" });
            }
        }
        self.optional_restriction(claim.restriction.as_ref());
    }

    fn limit(&mut self, limit: &Limit) {
        match limit {
            Limit::Times(number) => self.text.push_str(&number.text),
            Limit::Until(condition) => {
                self.text.push_str("until ");
                self.expression(condition);
            }
        }
    }

    fn critical_section(&mut self, macro_name: &Name, arguments: &[Expression], block: &Block) {
        self.text.push_str(&macro_name.text);
        self.arguments(arguments);
        let two = macro_name.text.starts_with("Py_BEGIN_CRITICAL_SECTION2");
        self.macro_block(
            block,
            if two {
                "Py_END_CRITICAL_SECTION2()"
            } else {
                "Py_END_CRITICAL_SECTION()"
            },
        );
    }

    /// The statements between two macros stand deeper than the macros.
    fn macro_block(&mut self, block: &Block, end: &str) {
        self.behind(&block.opening);
        self.text.push('\n');
        self.depth += 1;
        for statement in &block.statements {
            self.line(&statement.trivia, |printer| printer.statement(statement));
        }
        self.comments(&block.closing);
        self.depth -= 1;
        self.indent();
        self.text.push_str(end);
    }

    /// A block, on the line at hand if it is short enough.
    fn block(&mut self, block: &Block) {
        if !block.opening.is_empty() || !block.closing.is_empty() {
            return self.block_wide(block);
        }
        match block.statements.as_slice() {
            [] => self.text.push_str("{ }"),
            [only] if only.trivia == Trivia::default() && is_plain(&only.kind) => {
                let mut inside = Self::default();
                inside.statement(only);
                if self.column() + inside.text.chars().count() + 4 > LINE_MAX {
                    return self.block_wide(block);
                }
                self.text.push_str("{ ");
                self.text.push_str(&inside.text);
                self.text.push_str(" }");
            }
            _ => self.block_wide(block),
        }
    }

    /// A block over several lines.
    pub(super) fn block_wide(&mut self, block: &Block) {
        self.braces(&block.opening, &block.closing, |printer| {
            for statement in &block.statements {
                printer.line(&statement.trivia, |printer| printer.statement(statement));
            }
        });
    }

    fn if_statement(&mut self, branches: &If) {
        self.text.push_str("if ");
        self.expression(&branches.condition);
        self.text.push(' ');
        let Some(otherwise) = &branches.otherwise else {
            return self.block(&branches.then);
        };
        self.block_wide(&branches.then);
        self.text.push_str(" else ");
        match otherwise.as_ref() {
            Else::Block(block) => self.block_wide(block),
            Else::If(inner) => self.if_statement(inner),
        }
    }

    fn choose(&mut self, opening: &[Comment], alternatives: &[Branch], closing: &[Comment]) {
        self.text.push_str("choose ");
        self.braces(opening, closing, |printer| {
            for (place, branch) in alternatives.iter().enumerate() {
                printer.branch(if place == 0 { "either" } else { "or" }, branch);
            }
        });
    }

    fn fork(&mut self, blocks: &ForkBlock) {
        self.braces(&blocks.opening, &blocks.closing, |printer| {
            if let Some(child) = &blocks.child {
                printer.branch("child", child);
            }
            if let Some(parent) = &blocks.parent {
                printer.branch("parent", parent);
            }
        });
    }

    fn branch(&mut self, word: &str, branch: &Branch) {
        self.line(&branch.trivia, |printer| {
            printer.text.push_str(word);
            printer.text.push(' ');
            printer.block(&branch.block);
        });
    }
}

/// Whether a statement fits on one line whatever is in it.
fn is_plain(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::Bind { value: step, .. } | StatementKind::Step { step, .. } => {
            !matches!(step, Step::OsFork { .. })
        }
        StatementKind::Declare(declaration) => {
            !matches!(declaration.value, Some(Step::OsFork { .. }))
        }
        StatementKind::AllowThreads(_)
        | StatementKind::CriticalSection { .. }
        | StatementKind::Fork(_)
        | StatementKind::Repeat { .. }
        | StatementKind::If(_)
        | StatementKind::Choose { .. } => false,
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
        | StatementKind::Exit(_) => true,
    }
}

fn verb_text(verb: Verb) -> &'static str {
    match verb {
        Verb::Lock => "lock",
        Verb::Unlock => "unlock",
        Verb::Post => "post",
        Verb::Wait => "wait",
        Verb::Set => "set",
        Verb::Clear => "clear",
        Verb::New => "new",
        Verb::Touch => "touch",
        Verb::Drop => "drop",
    }
}
