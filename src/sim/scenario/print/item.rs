//! Items and claims.

use super::super::syntax::{
    Body, BodyKind, BoundBlock, Claim, ClaimBlock, ClaimKind, Declaration, File, Item, ItemKind,
    NativeKind, Parameter,
};
use super::Printer;

/// Claims are written in a column behind their words, which have up to this many letters.
const CLAIM_WORD_WIDTH: usize = 7;

impl Printer {
    pub(super) fn file(&mut self, file: &File) {
        for item in &file.items {
            self.line(&item.trivia, |printer| printer.item(item));
        }
        self.comments(&file.closing);
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Language(version) => self.pair("capi ", &version.text),
            ItemKind::Scenario(text) => self.pair("scenario ", &text.raw),
            ItemKind::Python(ranges) => {
                self.text.push_str("python ");
                self.ranges(ranges);
            }
            ItemKind::Faults(names) => {
                self.text.push_str("faults ");
                self.words(names.iter().map(|name| &name.text), ", ");
            }
            ItemKind::Bound(block) => self.bound(block),
            ItemKind::Native {
                kind,
                name,
                initial,
            } => {
                let word = match kind {
                    NativeKind::Mutex => "native mutex ",
                    NativeKind::Semaphore => "native semaphore ",
                    NativeKind::Flag => "native flag ",
                };
                self.pair(word, &name.text);
                if let Some(initial) = initial {
                    self.text.push_str(" = ");
                    self.expression(initial);
                }
            }
            ItemKind::Object {
                name,
                cyclic,
                finalizer,
            } => {
                self.pair("object ", &name.text);
                self.text.push_str(if *cyclic { " cyclic" } else { "" });
                if let Some(finalizer) = finalizer {
                    self.pair(" finalizer ", &finalizer.text);
                }
            }
            ItemKind::Declare(declaration) => self.declaration(declaration),
            ItemKind::Body(body) => self.body(body),
            ItemKind::Expect(block) => {
                self.text.push_str("expect ");
                self.claims(block);
            }
        }
    }

    fn pair(&mut self, word: &str, text: &str) {
        self.text.push_str(word);
        self.text.push_str(text);
    }

    pub(super) fn declaration(&mut self, declaration: &Declaration) {
        self.typed(&declaration.type_name.text, declaration.pointers);
        self.text.push_str(&declaration.name.text);
        if let Some(value) = &declaration.value {
            self.text.push_str(" = ");
            self.step(value);
        }
    }

    fn typed(&mut self, type_name: &str, pointers: u8) {
        self.text.push_str(type_name);
        self.text.push(' ');
        for _ in 0..pointers {
            self.text.push('*');
        }
    }

    fn bound(&mut self, block: &BoundBlock) {
        self.text.push_str("bound ");
        let entry = |entry: &super::super::syntax::BoundEntry| {
            format!("{} {}", entry.name.text, entry.value.text)
        };
        let plain = block.opening.is_empty()
            && block.closing.is_empty()
            && block.entries.iter().all(|entry| {
                entry.trivia.leading.is_empty()
                    && entry.trivia.trailing.is_empty()
                    && !entry.trivia.blank_before
            });
        if plain {
            self.text.push_str("{ ");
            self.words(block.entries.iter().map(entry), "; ");
            self.text
                .push_str(if block.entries.is_empty() { "}" } else { " }" });
            return;
        }
        self.braces(&block.opening, &block.closing, |printer| {
            for bound in &block.entries {
                printer.line(&bound.trivia, |printer| {
                    printer.text.push_str(&entry(bound))
                });
            }
        });
    }

    fn body(&mut self, body: &Body) {
        let word = match body.kind {
            BodyKind::Main => "thread ",
            BodyKind::Foreign => "foreign thread ",
            BodyKind::Python => "python thread ",
            BodyKind::Daemon => "daemon thread ",
            BodyKind::Callback => "callback ",
        };
        self.pair(word, &body.name.text);
        if let Some(parameters) = &body.parameters {
            self.text.push('(');
            for (place, parameter) in parameters.iter().enumerate() {
                self.text.push_str(if place > 0 { ", " } else { "" });
                self.parameter(parameter);
            }
            self.text.push(')');
        }
        if let Some(returns) = &body.returns {
            self.pair(" returns ", &returns.text);
        }
        self.text.push(' ');
        self.block_wide(&body.block);
    }

    fn parameter(&mut self, parameter: &Parameter) {
        if let Some(type_name) = &parameter.type_name {
            self.typed(&type_name.text, parameter.pointers);
        }
        self.text.push_str(&parameter.name.text);
    }

    fn claims(&mut self, block: &ClaimBlock) {
        self.braces(&block.opening, &block.closing, |printer| {
            for claim in &block.claims {
                printer.line(&claim.trivia, |printer| printer.claim(claim));
            }
        });
    }

    fn claim(&mut self, claim: &Claim) {
        match &claim.kind {
            ClaimKind::Allow(outcomes) => {
                self.claim_word("allow");
                self.outcomes(outcomes);
            }
            ClaimKind::Reach(outcomes) => {
                self.claim_word("reach");
                self.outcomes(outcomes);
            }
            ClaimKind::Never(outcomes) => {
                self.claim_word("never");
                self.outcomes(outcomes);
            }
            ClaimKind::Always(condition) => {
                self.claim_word("always");
                self.expression(condition);
            }
            ClaimKind::Finally(condition) => {
                self.claim_word("finally");
                self.expression(condition);
            }
            ClaimKind::Cover(condition) => {
                self.claim_word("cover");
                self.expression(condition);
            }
            ClaimKind::Eventually(condition) => {
                self.claim_word("eventually");
                self.expression(condition);
            }
            ClaimKind::InChild(block) => {
                self.text.push_str("in child ");
                self.claims(block);
            }
        }
        self.optional_restriction(claim.restriction.as_ref());
    }

    fn claim_word(&mut self, word: &str) {
        self.text.push_str(word);
        for _ in word.len()..CLAIM_WORD_WIDTH {
            self.text.push(' ');
        }
        self.text.push(' ');
    }
}
