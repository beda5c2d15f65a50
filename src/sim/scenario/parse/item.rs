//! Items of a file.

use super::super::names;
use super::super::syntax::{
    At, Body, BodyKind, BoundBlock, BoundEntry, File, Item, ItemKind, Name, NativeKind, Parameter,
    ProfileRange, Text,
};
use super::super::token::TokenKind;
use super::{Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic};

const ITEM_WORDS: [&str; 12] = [
    "capi", "scenario", "python", "faults", "bound", "native", "object", "thread", "foreign",
    "daemon", "callback", "expect",
];

impl Parser<'_> {
    pub(super) fn file(&mut self) -> File {
        let mut items = Vec::new();
        loop {
            while matches!(self.kind(), TokenKind::LineEnd | TokenKind::Semicolon) {
                self.advance();
            }
            if self.kind() == TokenKind::End {
                break;
            }
            self.unclosed = false;
            match self.item() {
                Ok(item) => items.push(item),
                Err(_) => self.recover_item(),
            }
        }
        File {
            items,
            closing: self.closing(),
            end: At(self.peek().span),
        }
    }

    fn recover_item(&mut self) {
        if self.item_starts() {
            return;
        }
        self.recover();
        if self.kind() == TokenKind::BraceClose {
            self.advance();
        }
    }

    fn item(&mut self) -> Parse<Item> {
        let mut trivia = self.leading();
        let start = self.peek().span;
        let kind = self.item_kind()?;
        let at = self.since(start);
        self.end_of_statement()?;
        self.trailing(&mut trivia);
        Ok(Item { trivia, at, kind })
    }

    fn item_kind(&mut self) -> Parse<ItemKind> {
        let body = match (self.word(), self.word_ahead(1)) {
            (Some("foreign"), Some("thread")) => Some((BodyKind::Foreign, 2)),
            (Some("python"), Some("thread")) => Some((BodyKind::Python, 2)),
            (Some("daemon"), Some("thread")) => Some((BodyKind::Daemon, 2)),
            (Some("thread"), _) => Some((BodyKind::Main, 1)),
            (Some("callback"), _) => Some((BodyKind::Callback, 1)),
            _ => None,
        };
        if let Some((kind, words)) = body {
            self.position += words;
            let body = self.body(kind)?;
            return Ok(ItemKind::Body(Box::new(body)));
        }
        let Some(word) = self.word() else {
            return self.unexpected("an item such as `thread main { ... }`");
        };
        if names::c_type(word).is_some() {
            return self.declaration().map(ItemKind::Declare);
        }
        let token = self.advance();
        match word {
            "capi" => self
                .number("the version of the language: `capi 1`")
                .map(ItemKind::Language),
            "scenario" => self
                .text("the story in quotation marks")
                .map(ItemKind::Scenario),
            "python" => self.profile_ranges().map(ItemKind::Python),
            "faults" => self.list("a fault").map(ItemKind::Faults),
            "bound" => self.bound().map(ItemKind::Bound),
            "native" => self.native(),
            "object" => self.object(),
            "expect" => self.claims().map(ItemKind::Expect),
            _ => self.unknown_item(word, token.span),
        }
    }

    fn unknown_item<T>(&mut self, word: &str, span: crate::sim::diagnostic::Span) -> Parse<T> {
        let message = format!("expected an item, found `{word}`");
        let mut diagnostic = Diagnostic::error(Code::S003, message, span, "");
        if let Some(similar) = names::similar(word, ITEM_WORDS.iter().copied()) {
            diagnostic = diagnostic.patch(format!("did you mean `{similar}`?"), span, similar);
        } else {
            diagnostic = diagnostic.help("statements stand in a body: `thread main { ... }`");
        }
        self.fail(diagnostic)
    }

    pub(super) fn text(&mut self, purpose: &str) -> Parse<Text> {
        let Some(token) = self.eat(TokenKind::Text) else {
            return self.unexpected(purpose);
        };
        let raw = self.text_of(token);
        Ok(Text {
            raw: raw.into(),
            value: self.unescape(raw, token)?,
            at: At(token.span),
        })
    }

    fn unescape(&mut self, raw: &str, token: super::Token) -> Parse<Box<str>> {
        let mut value = String::new();
        let mut characters = raw[1..raw.len() - 1].chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                value.push(character);
                continue;
            }
            match characters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some('0') => value.push('\0'),
                Some(quoted @ ('"' | '\\' | '\'' | '?')) => value.push(quoted),
                Some(other) => {
                    let message = format!("`\\{}` is no escape", other.escape_debug());
                    return self.fail(Diagnostic::error(Code::S005, message, token.span, ""));
                }
                None => {}
            }
        }
        Ok(value.into())
    }

    /// Names between commas; the list may go on behind a comma on the next line.
    fn list(&mut self, purpose: &str) -> Parse<Vec<Name>> {
        let mut names = vec![self.name(purpose)?];
        while self.eat(TokenKind::Comma).is_some() {
            self.skip_line_ends();
            names.push(self.name(purpose)?);
        }
        Ok(names)
    }

    pub(super) fn profile_ranges(&mut self) -> Parse<Vec<ProfileRange>> {
        let mut ranges = vec![self.profile_range()?];
        while self.eat(TokenKind::Comma).is_some() {
            self.skip_line_ends();
            ranges.push(self.profile_range()?);
        }
        Ok(ranges)
    }

    pub(super) fn profile_range(&mut self) -> Parse<ProfileRange> {
        let first = self.profile()?;
        let last = match self.eat(TokenKind::Range) {
            Some(_) => Some(self.profile()?),
            None => None,
        };
        Ok(ProfileRange { first, last })
    }

    pub(super) fn profile(&mut self) -> Parse<Name> {
        match self.kind() {
            TokenKind::Name | TokenKind::Number => {
                let token = self.advance();
                Ok(self.name_of(token))
            }
            _ => self.unexpected("a release such as `3.14`, or `sound`"),
        }
    }

    fn bound(&mut self) -> Parse<BoundBlock> {
        let open = self.open_brace(" with bounds: `bound { preemptions 3 }`")?;
        let opening = self.opening();
        let mut entries = Vec::new();
        while !self.block_ends() {
            match self.bound_entry() {
                Ok(entry) => entries.push(entry),
                Err(_) => self.recover_in_block(),
            }
        }
        let closing = self.closing();
        self.close_brace(open)?;
        Ok(BoundBlock {
            opening,
            entries,
            closing,
        })
    }

    fn bound_entry(&mut self) -> Parse<BoundEntry> {
        let mut trivia = self.leading();
        let name = self.name("what is bounded: `preemptions`, `states`, ...")?;
        let value = self.number("a number")?;
        self.end_of_statement()?;
        self.trailing(&mut trivia);
        Ok(BoundEntry {
            trivia,
            name,
            value,
        })
    }

    fn native(&mut self) -> Parse<ItemKind> {
        let kind = match self.word() {
            Some("mutex") => NativeKind::Mutex,
            Some("semaphore") => NativeKind::Semaphore,
            Some("flag") => NativeKind::Flag,
            _ => return self.unexpected("`mutex`, `semaphore` or `flag`"),
        };
        self.advance();
        let name = self.name("a name")?;
        let initial = match self.eat(TokenKind::Assign) {
            Some(_) => Some(self.expression()?),
            None => None,
        };
        Ok(ItemKind::Native {
            kind,
            name,
            initial,
        })
    }

    fn object(&mut self) -> Parse<ItemKind> {
        let name = self.name("the name of an object")?;
        let mut cyclic = false;
        let mut finalizer = None;
        loop {
            match self.word() {
                Some("cyclic") if !cyclic => {
                    self.advance();
                    cyclic = true;
                }
                Some("finalizer") if finalizer.is_none() => {
                    self.advance();
                    finalizer = Some(self.name("the callback that finalizes it")?);
                }
                _ => break,
            }
        }
        Ok(ItemKind::Object {
            name,
            cyclic,
            finalizer,
        })
    }

    fn body(&mut self, kind: BodyKind) -> Parse<Body> {
        let name = self.name("the name of the body")?;
        let parameters = match self.eat(TokenKind::ParenOpen) {
            Some(_) if kind == BodyKind::Callback => Some(self.parameters()?),
            Some(_) => self
                .expect(TokenKind::ParenClose, ": threads have no parameters")
                .map(|_| None)?,
            None => None,
        };
        let returns = match self.word() {
            Some("returns") if kind == BodyKind::Callback => {
                self.advance();
                Some(self.number("the callback's result")?)
            }
            _ => None,
        };
        let block = self.block(" of the body")?;
        Ok(Body {
            kind,
            name,
            parameters,
            returns,
            block,
        })
    }

    fn parameters(&mut self) -> Parse<Vec<Parameter>> {
        let mut parameters = Vec::new();
        if self.word() == Some("void") && self.ahead(1).kind == TokenKind::ParenClose {
            self.advance();
        }
        while self.kind() != TokenKind::ParenClose {
            parameters.push(self.parameter()?);
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
        }
        self.expect(TokenKind::ParenClose, " behind the parameters")?;
        Ok(parameters)
    }

    fn parameter(&mut self) -> Parse<Parameter> {
        let typed = self.ahead(1).kind == TokenKind::Star || self.word_ahead(1).is_some();
        let (type_name, pointers) = if typed {
            let (name, pointers) = self.type_name()?;
            (Some(name), pointers)
        } else {
            (None, 0)
        };
        Ok(Parameter {
            type_name,
            pointers,
            name: self.name("a parameter")?,
        })
    }
}
