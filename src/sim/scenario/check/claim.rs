//! Claims, and warnings about what nothing uses.

use super::super::program::{BodyId, Claim, ClaimKind, CrashKind, Outcome, ThreadRef};
use super::super::syntax::{
    self, BodyKind, ClaimBlock, File, ItemKind, OutcomeArgument, ThreadName,
};
use super::{Checker, Symbol};
use crate::sim::diagnostic::{Code, Diagnostic};

const OUTCOMES: [&str; 13] = [
    "ok",
    "hang",
    "exit",
    "leak",
    "lost",
    "repeated",
    "livelock",
    "deadlock",
    "assertion",
    "fatal",
    "crash",
    "child",
    "inconclusive",
];

const CRASHES: [&str; 4] = [
    "use_after_free",
    "no_thread_state",
    "wrong_interpreter",
    "two_holders",
];

impl<'file> Checker<'file> {
    pub(super) fn claims(&mut self, file: &'file File) {
        for item in &file.items {
            if let ItemKind::Expect(block) = &item.kind {
                self.claim_block(block, false);
            }
        }
    }

    fn claim_block(&mut self, block: &'file ClaimBlock, in_child: bool) {
        for claim in &block.claims {
            if let syntax::ClaimKind::InChild(inner) = &claim.kind {
                if let Some(restriction) = &claim.restriction {
                    self.error(
                        Code::S306,
                        "the claims inside are restricted one by one",
                        restriction.at.0,
                    );
                }
                self.claim_block(inner, true);
                continue;
            }
            let kind = self.claim_kind(&claim.kind);
            let restricted = claim.restriction.is_some();
            let restriction = self.optional_restriction(claim.restriction.as_ref());
            // A restriction that was not understood has been reported; the claim must not bind everywhere instead.
            if let (Some(kind), true) = (kind, restriction.is_some() == restricted) {
                self.program.claims.push(Claim {
                    kind,
                    restriction,
                    in_child,
                    span: claim.at.0,
                });
            }
        }
    }

    fn claim_kind(&mut self, kind: &'file syntax::ClaimKind) -> Option<ClaimKind> {
        Some(match kind {
            syntax::ClaimKind::Allow(outcomes) => ClaimKind::Allow(self.outcomes(outcomes)),
            syntax::ClaimKind::Reach(outcomes) => ClaimKind::Reach(self.outcomes(outcomes)),
            syntax::ClaimKind::Never(outcomes) => ClaimKind::Never(self.outcomes(outcomes)),
            syntax::ClaimKind::Always(condition) => ClaimKind::Always(self.condition(condition)?),
            syntax::ClaimKind::Finally(condition) => ClaimKind::Finally(self.condition(condition)?),
            syntax::ClaimKind::Cover(condition) => ClaimKind::Cover(self.condition(condition)?),
            syntax::ClaimKind::Eventually(condition) => {
                ClaimKind::Eventually(self.condition(condition)?)
            }
            syntax::ClaimKind::InChild(_) => return None,
        })
    }

    fn outcomes(&mut self, outcomes: &'file [syntax::Outcome]) -> Vec<Outcome> {
        outcomes
            .iter()
            .filter_map(|outcome| self.outcome(outcome))
            .collect()
    }

    fn outcome(&mut self, outcome: &'file syntax::Outcome) -> Option<Outcome> {
        Some(match &*outcome.name.text {
            "ok" => self.plain(outcome, Outcome::Ok)?,
            "leak" => self.plain(outcome, Outcome::Leak)?,
            "assertion" => self.plain(outcome, Outcome::Assertion)?,
            "inconclusive" => self.plain(outcome, Outcome::Inconclusive)?,
            "hang" => Outcome::Hang(self.outcome_threads(outcome)?),
            "exit" => Outcome::Exit(self.outcome_threads(outcome)?),
            "livelock" => Outcome::Livelock(self.outcome_threads(outcome)?),
            "deadlock" => Outcome::Deadlock(self.outcome_threads(outcome)?),
            "lost" => Outcome::Lost(self.outcome_callback(outcome)?),
            "repeated" => Outcome::Repeated(self.outcome_callback(outcome)?),
            "crash" => Outcome::Crash(self.crash(outcome)?),
            "fatal" => match outcome.arguments.as_slice() {
                [] => Outcome::Fatal(None),
                [OutcomeArgument::Text(text)] => Outcome::Fatal(Some(text.value.clone())),
                _ => return self.wrong_arguments(outcome, "a text: `fatal(\"...\")`"),
            },
            "child" => match outcome.arguments.as_slice() {
                [OutcomeArgument::Outcome(inner)] => Outcome::Child(Box::new(self.outcome(inner)?)),
                _ => return self.wrong_arguments(outcome, "an outcome: `child(ok)`"),
            },
            other => {
                self.unknown_outcome(other, outcome);
                return None;
            }
        })
    }

    fn unknown_outcome(&mut self, name: &str, outcome: &syntax::Outcome) {
        let span = outcome.name.at.0;
        let message = format!("no outcome is named `{name}`");
        if CRASHES.contains(&name) {
            let written = format!("crash({name})");
            let diagnostic = Diagnostic::error(Code::S109, message, span, "");
            self.push(diagnostic.patch("this is a kind of crash", span, written));
        } else {
            self.unknown(Code::S109, message, name, span, OUTCOMES.into_iter());
        }
    }

    fn wrong_arguments<T>(&mut self, outcome: &syntax::Outcome, wanted: &str) -> Option<T> {
        let message = format!("`{}` takes {wanted}", outcome.name.text);
        self.error(Code::S109, message, outcome.at.0);
        None
    }

    fn plain(&mut self, outcome: &syntax::Outcome, resolved: Outcome) -> Option<Outcome> {
        if outcome.arguments.is_empty() {
            return Some(resolved);
        }
        self.wrong_arguments(outcome, "nothing in parentheses")
    }

    fn argument_names(
        &mut self,
        outcome: &'file syntax::Outcome,
        wanted: &str,
    ) -> Option<Vec<&'file ThreadName>> {
        let names = outcome.arguments.iter().map(|argument| match argument {
            OutcomeArgument::Name(name) => Some(name),
            OutcomeArgument::Text(_) | OutcomeArgument::Outcome(_) => None,
        });
        let names: Option<Vec<&'file ThreadName>> = names.collect();
        if names.is_none() {
            return self.wrong_arguments(outcome, wanted);
        }
        names
    }

    fn outcome_threads(&mut self, outcome: &'file syntax::Outcome) -> Option<Vec<ThreadRef>> {
        let names = self.argument_names(outcome, "threads")?;
        let threads = self.threads(&names);
        // A thread that was not found has been reported; without it the claim would match more.
        (threads.len() == names.len()).then_some(threads)
    }

    fn outcome_callback(&mut self, outcome: &'file syntax::Outcome) -> Option<Option<BodyId>> {
        match outcome.arguments.as_slice() {
            [] => Some(None),
            [OutcomeArgument::Name(name)] if name.instance.is_none() => {
                self.callback(&name.name).map(Some)
            }
            _ => self.wrong_arguments(outcome, "a callback"),
        }
    }

    fn crash(&mut self, outcome: &'file syntax::Outcome) -> Option<Option<CrashKind>> {
        let names = self.argument_names(outcome, "a kind of crash")?;
        let name = match names.as_slice() {
            [] => return Some(None),
            [name] => *name,
            _ => return self.wrong_arguments(outcome, "one kind of crash"),
        };
        Some(Some(match &*name.name.text {
            "use_after_free" => CrashKind::UseAfterFree,
            "no_thread_state" => CrashKind::NoThreadState,
            "wrong_interpreter" => CrashKind::WrongInterpreter,
            "two_holders" => CrashKind::TwoHolders,
            other => {
                let message = format!("no kind of crash is named `{other}`");
                self.unknown(
                    Code::S109,
                    message,
                    other,
                    name.name.at.0,
                    CRASHES.into_iter(),
                );
                return None;
            }
        }))
    }

    /// Warnings about threads that nothing starts and names that nothing uses.
    pub(super) fn warn_of_unused(&mut self) {
        let known: Vec<_> = self
            .symbols
            .iter()
            .map(|(name, entry)| (*name, *entry))
            .collect();
        for (name, (symbol, span)) in known {
            let thread = match symbol {
                Symbol::Body(body) if self.scope(body).syntax.kind == BodyKind::Main => continue,
                Symbol::Body(body) => {
                    self.scope(body).syntax.kind != BodyKind::Callback
                        && self.scope(body).instances == 0
                }
                Symbol::Flag(_)
                | Symbol::Mutex(_)
                | Symbol::Semaphore(_)
                | Symbol::Object(_)
                | Symbol::PyMutex(_)
                | Symbol::TssKey(_)
                | Symbol::Structure(_) => false,
            };
            if thread {
                let message = format!("nothing starts `{name}`");
                self.push(Diagnostic::warning(Code::S304, message, span, ""));
            } else if !self.used.contains(name) {
                let message = format!("nothing uses `{name}`");
                self.push(Diagnostic::warning(Code::S305, message, span, ""));
            }
        }
    }
}
