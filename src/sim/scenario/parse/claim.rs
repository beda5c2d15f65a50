//! Claims and restrictions.

use super::super::names;
use super::super::syntax::{
    At, Claim, ClaimBlock, ClaimKind, Outcome, OutcomeArgument, Restriction, RestrictionKind,
};
use super::super::token::TokenKind;
use super::{Failed, Parse, Parser};
use crate::sim::diagnostic::{Code, Diagnostic};

const CLAIM_WORDS: [&str; 8] = [
    "allow",
    "reach",
    "never",
    "always",
    "finally",
    "cover",
    "eventually",
    "in",
];

impl Parser<'_> {
    /// `{ … }` behind `expect` or `in child`.
    pub(super) fn claims(&mut self) -> Parse<ClaimBlock> {
        self.deeper(|parser| {
            let open = parser.open_brace(" with claims")?;
            let opening = parser.opening();
            let mut claims = Vec::new();
            while !parser.block_ends() {
                match parser.claim() {
                    Ok(claim) => claims.push(claim),
                    Err(Failed) => parser.recover_in_block(),
                }
            }
            let closing = parser.closing();
            parser.close_brace(open)?;
            Ok(ClaimBlock {
                opening,
                claims,
                closing,
            })
        })
    }

    fn claim(&mut self) -> Parse<Claim> {
        let mut trivia = self.leading();
        let start = self.peek().span;
        let kind = self.claim_kind()?;
        let restriction = self.restriction()?;
        let at = self.since(start);
        self.end_of_statement()?;
        self.trailing(&mut trivia);
        Ok(Claim {
            trivia,
            at,
            kind,
            restriction,
        })
    }

    fn claim_kind(&mut self) -> Parse<ClaimKind> {
        let Some(word) = self.word() else {
            return self.unexpected("a claim such as `allow ok`");
        };
        let span = self.advance().span;
        match word {
            "allow" => self.outcomes().map(ClaimKind::Allow),
            "reach" => self.outcomes().map(ClaimKind::Reach),
            "never" => self.outcomes().map(ClaimKind::Never),
            "always" => self.expression().map(ClaimKind::Always),
            "finally" => self.expression().map(ClaimKind::Finally),
            "cover" => self.expression().map(ClaimKind::Cover),
            "eventually" => self.expression().map(ClaimKind::Eventually),
            "in" => {
                if self.eat_word("child").is_none() {
                    return self.unexpected("`child { ... }`");
                }
                self.claims().map(ClaimKind::InChild)
            }
            _ => {
                let message = format!("`{word}` begins no claim");
                let mut diagnostic = Diagnostic::error(Code::S003, message, span, "");
                if let Some(similar) = names::similar(word, CLAIM_WORDS.iter().copied()) {
                    let advice = format!("did you mean `{similar}`?");
                    diagnostic = diagnostic.patch(advice, span, similar);
                }
                self.fail(diagnostic)
            }
        }
    }

    fn outcomes(&mut self) -> Parse<Vec<Outcome>> {
        let mut outcomes = vec![self.outcome()?];
        while self.eat(TokenKind::Comma).is_some() {
            self.skip_line_ends();
            outcomes.push(self.outcome()?);
        }
        Ok(outcomes)
    }

    fn outcome(&mut self) -> Parse<Outcome> {
        let start = self.peek().span;
        let name = self.name("an outcome")?;
        let mut arguments = Vec::new();
        if self.eat(TokenKind::ParenOpen).is_some() {
            self.skip_line_ends();
            while self.kind() != TokenKind::ParenClose {
                arguments.push(self.deeper(|parser| parser.outcome_argument(&name.text))?);
                self.skip_line_ends();
                if self.eat(TokenKind::Comma).is_none() {
                    break;
                }
                self.skip_line_ends();
            }
            self.expect(TokenKind::ParenClose, " or `,`")?;
        }
        Ok(Outcome {
            name,
            arguments,
            at: self.since(start),
        })
    }

    fn outcome_argument(&mut self, outcome: &str) -> Parse<OutcomeArgument> {
        if self.kind() == TokenKind::Text {
            return self.text("a text").map(OutcomeArgument::Text);
        }
        if outcome == "child" {
            let outcome = self.outcome()?;
            return Ok(OutcomeArgument::Outcome(Box::new(outcome)));
        }
        self.thread_name().map(OutcomeArgument::Name)
    }

    /// `for …`, if it stands here.
    pub(super) fn restriction(&mut self) -> Parse<Option<Restriction>> {
        if self.eat_word("for").is_none() {
            return Ok(None);
        }
        let outer = std::mem::take(&mut self.operators);
        let result = self.deeper(|parser| parser.restriction_or());
        self.operators = outer;
        result.map(Some)
    }

    fn restriction_or(&mut self) -> Parse<Restriction> {
        let mut left = self.restriction_and()?;
        while self.eat(TokenKind::Or).is_some() {
            self.count_operator()?;
            self.skip_line_ends();
            let right = self.restriction_and()?;
            left = join(left, right, RestrictionKind::Or);
        }
        Ok(left)
    }

    fn restriction_and(&mut self) -> Parse<Restriction> {
        let mut left = self.restriction_atom()?;
        while self.eat(TokenKind::And).is_some() {
            self.count_operator()?;
            self.skip_line_ends();
            let right = self.restriction_atom()?;
            left = join(left, right, RestrictionKind::And);
        }
        Ok(left)
    }

    fn restriction_atom(&mut self) -> Parse<Restriction> {
        let start = self.peek().span;
        let kind = match self.kind() {
            TokenKind::Not => {
                self.advance();
                let inner = self.deeper(Self::restriction_atom)?;
                RestrictionKind::Not(Box::new(inner))
            }
            TokenKind::ParenOpen => {
                self.advance();
                let inner = self.deeper(Self::restriction_or)?;
                self.expect(TokenKind::ParenClose, "")?;
                RestrictionKind::Group(Box::new(inner))
            }
            TokenKind::Name if self.word() == Some("python") => {
                self.advance();
                self.python_restriction()?
            }
            _ => RestrictionKind::Word(self.profile()?),
        };
        Ok(Restriction {
            kind,
            at: self.since(start),
        })
    }

    fn python_restriction(&mut self) -> Parse<RestrictionKind> {
        if self.eat_word("in").is_some() {
            return self.profile_ranges().map(RestrictionKind::PythonIn);
        }
        let Some(comparison) = self.comparison() else {
            return self.unexpected("a comparison: `python >= 3.12`, `python in 3.9 .. 3.11`");
        };
        self.advance();
        Ok(RestrictionKind::Python(comparison, self.profile()?))
    }
}

fn join(
    left: Restriction,
    right: Restriction,
    kind: fn(Box<Restriction>, Box<Restriction>) -> RestrictionKind,
) -> Restriction {
    Restriction {
        at: At(left.at.0.to(right.at.0)),
        kind: kind(Box::new(left), Box::new(right)),
    }
}
