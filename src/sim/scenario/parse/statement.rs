//! Statements and blocks.

use super::super::names;
use super::super::syntax::{At, Else, ForkBlock, If, Limit, Name, StatementKind, Verb};
use super::super::token::TokenKind;
use super::{Failed, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic};

/// The words that begin a statement.
pub(super) const STATEMENT_WORDS: [&str; 28] = [
    "start", "join", "lock", "unlock", "post", "wait", "set", "clear", "spin", "sleep", "eval",
    "new", "touch", "drop", "collect", "import", "signal", "fork", "repeat", "if", "choose",
    "fail", "assert", "return", "exit", "either", "or", "os.fork",
];

impl Parser<'_> {
    pub(super) fn statement_kind(&mut self) -> Parse<StatementKind> {
        self.refuse_c_flow()?;
        let Some(word) = self.word() else {
            return self.unexpected("a statement");
        };
        // A word of the language that is assigned to is a name after all.
        if self.ahead(1).kind == TokenKind::Assign {
            return self.step_statement();
        }
        if let Some(verb) = verb(word)
            && self.word_ahead(1).is_some()
        {
            self.advance();
            let target = self.name("a name")?;
            return Ok(StatementKind::Verb { verb, target });
        }
        match word {
            _ if closes_macro(word) => self.stray_macro(word),
            "Py_BEGIN_ALLOW_THREADS" => self.allow_threads(),
            "Py_BLOCK_THREADS" => self.bare_macro(StatementKind::BlockThreads),
            "Py_UNBLOCK_THREADS" => self.bare_macro(StatementKind::UnblockThreads),
            _ if word.starts_with("Py_BEGIN_CRITICAL_SECTION") => self.critical_section(),
            "repeat" | "if" | "choose" | "fork" => self.block_statement(word),
            _ => self.plain_statement(word),
        }
    }

    fn block_statement(&mut self, word: &str) -> Parse<StatementKind> {
        self.advance();
        match word {
            "repeat" => Ok(StatementKind::Repeat {
                limit: self.limit("how often: `repeat N` or `repeat until COND`")?,
                block: self.block(" with what to repeat")?,
            }),
            "if" => self.if_statement().map(StatementKind::If),
            "choose" => self.choose(),
            _ => self.fork_block().map(StatementKind::Fork),
        }
    }

    fn plain_statement(&mut self, word: &str) -> Parse<StatementKind> {
        let next = self.ahead(1).kind;
        match word {
            "join" if next == TokenKind::Name => {
                self.advance();
                self.thread_name().map(StatementKind::Join)
            }
            "spin" => {
                self.advance();
                if self.eat_word("until").is_none() {
                    return self.unexpected("`until` and a condition");
                }
                self.expression().map(StatementKind::SpinUntil)
            }
            "sleep" => self.bare_macro(StatementKind::Sleep),
            "collect" => self.bare_macro(StatementKind::Collect),
            "import" => self.import(),
            "signal" => {
                self.advance();
                let handler = self.eat(TokenKind::Name).map(|token| self.name_of(token));
                Ok(StatementKind::Signal(handler))
            }
            "fail" => self.fail_statement(),
            "assert" => {
                self.advance();
                Ok(StatementKind::Assert {
                    condition: self.expression()?,
                    restriction: self.restriction()?,
                })
            }
            "return" => {
                self.advance();
                self.optional_value().map(StatementKind::Return)
            }
            "exit" => {
                self.advance();
                self.optional_value().map(StatementKind::Exit)
            }
            _ => self.step_statement(),
        }
    }

    fn bare_macro(&mut self, kind: StatementKind) -> Parse<StatementKind> {
        self.bare_word()?;
        Ok(kind)
    }

    /// A word alone; C's parentheses behind it are fine.
    pub(super) fn bare_word(&mut self) -> Parse<()> {
        self.advance();
        if self.eat(TokenKind::ParenOpen).is_some() {
            self.expect(TokenKind::ParenClose, "")?;
        }
        Ok(())
    }

    fn optional_value(&mut self) -> Parse<Option<super::super::syntax::Expression>> {
        if self.end_of_statement_follows() {
            return Ok(None);
        }
        self.expression().map(Some)
    }

    pub(super) fn end_of_statement_follows(&self) -> bool {
        matches!(
            self.kind(),
            TokenKind::LineEnd | TokenKind::Semicolon | TokenKind::BraceClose | TokenKind::End
        )
    }

    fn allow_threads(&mut self) -> Parse<StatementKind> {
        let block = self.macro_block(Self::bare_word)?;
        Ok(StatementKind::AllowThreads(block))
    }

    fn critical_section(&mut self) -> Parse<StatementKind> {
        let token = self.peek();
        let macro_name = self.name_of(token);
        let mut arguments = Vec::new();
        let block = self.macro_block(|parser| {
            parser.advance();
            if parser.eat(TokenKind::ParenOpen).is_some() {
                arguments = parser.arguments()?;
            }
            Ok(())
        })?;
        Ok(StatementKind::CriticalSection {
            macro_name,
            arguments,
            block,
        })
    }

    pub(super) fn limit(&mut self, purpose: &str) -> Parse<Limit> {
        if self.eat_word("until").is_some() {
            return self.expression().map(Limit::Until);
        }
        self.number(purpose).map(Limit::Times)
    }

    fn if_statement(&mut self) -> Parse<If> {
        self.deeper(|parser| {
            let condition = parser.expression()?;
            let then = parser.block(" with what to do then")?;
            let otherwise = parser.else_branch()?;
            Ok(If {
                condition,
                then,
                otherwise,
            })
        })
    }

    fn else_branch(&mut self) -> Parse<Option<Box<Else>>> {
        let mut distance = 0;
        while self.ahead(distance).kind == TokenKind::LineEnd {
            distance += 1;
        }
        if self.word_ahead(distance) != Some("else") {
            return Ok(None);
        }
        self.skip_line_ends();
        self.advance();
        let branch = if self.eat_word("if").is_some() {
            Else::If(self.if_statement()?)
        } else {
            Else::Block(self.block(" with what to do otherwise")?)
        };
        Ok(Some(Box::new(branch)))
    }

    fn choose(&mut self) -> Parse<StatementKind> {
        self.deeper(|parser| {
            let open =
                parser.open_brace(" with alternatives: `choose { either { ... } or { ... } }`")?;
            let opening = parser.opening();
            let mut alternatives = Vec::new();
            while !parser.block_ends() {
                let words: &[&str] = if alternatives.is_empty() {
                    &["either"]
                } else {
                    &["or"]
                };
                match parser.branch(words) {
                    Ok((_, branch)) => alternatives.push(branch),
                    Err(Failed) => parser.recover_in_block(),
                }
            }
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(StatementKind::Choose {
                opening,
                alternatives,
                closing,
            })
        })
    }

    pub(super) fn fork_block(&mut self) -> Parse<ForkBlock> {
        self.deeper(|parser| {
            let open = parser.open_brace(
                " with what each process does: `fork { child { ... } parent { ... } }`",
            )?;
            let opening = parser.opening();
            let mut child = None;
            let mut parent = None;
            while !parser.block_ends() {
                let mut words = vec!["child", "parent"];
                words.retain(|word| {
                    if *word == "child" {
                        child.is_none()
                    } else {
                        parent.is_none()
                    }
                });
                if words.is_empty() {
                    let failed: Parse<()> = parser.unexpected("`}`");
                    debug_assert!(failed.is_err(), "it always fails");
                    parser.recover_in_block();
                    continue;
                }
                match parser.branch(&words) {
                    Ok((word, branch)) if &*word.text == "child" => child = Some(branch),
                    Ok((_, branch)) => parent = Some(branch),
                    Err(Failed) => parser.recover_in_block(),
                }
            }
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(ForkBlock {
                opening,
                child,
                parent,
                closing,
            })
        })
    }

    fn import(&mut self) -> Parse<StatementKind> {
        self.advance();
        let mut module = self.name("the name of a module")?;
        while self.kind() == TokenKind::Dot {
            self.advance();
            let part = self.name("the name of a module")?;
            module = Name {
                text: format!("{}.{}", module.text, part.text).into(),
                at: At(module.at.0.to(part.at.0)),
            };
        }
        let gil = self.eat(TokenKind::Name).map(|token| self.name_of(token));
        Ok(StatementKind::Import { module, gil })
    }

    fn fail_statement(&mut self) -> Parse<StatementKind> {
        self.advance();
        let what = self.name("`thread_start`, `alloc` or `stage NAME`")?;
        match &*what.text {
            "thread_start" | "alloc" => Ok(StatementKind::Fail { what, stage: None }),
            "stage" => Ok(StatementKind::Fail {
                what,
                stage: Some(self.name("the name of a stage")?),
            }),
            other => {
                let message = format!("nothing named `{other}` can be made to fail");
                let diagnostic = Diagnostic::error(Code::S003, message, what.at.0, "");
                self.fail(
                    diagnostic
                        .help("`fail thread_start`, `fail alloc` and `fail stage NAME` exist"),
                )
            }
        }
    }

    /// The words that are similar to a misspelt statement.
    pub(super) fn similar_statement(word: &str) -> Option<&'static str> {
        names::similar(word, STATEMENT_WORDS.iter().copied())
    }
}

fn verb(word: &str) -> Option<Verb> {
    Some(match word {
        "lock" => Verb::Lock,
        "unlock" => Verb::Unlock,
        "post" => Verb::Post,
        "wait" => Verb::Wait,
        "set" => Verb::Set,
        "clear" => Verb::Clear,
        "new" => Verb::New,
        "touch" => Verb::Touch,
        "drop" => Verb::Drop,
        _ => return None,
    })
}

fn closes_macro(word: &str) -> bool {
    matches!(
        word,
        "Py_END_ALLOW_THREADS" | "Py_END_CRITICAL_SECTION" | "Py_END_CRITICAL_SECTION2"
    )
}
