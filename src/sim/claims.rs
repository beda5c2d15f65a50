//! Judges outcomes by the claims that name outcomes.
//!
//! Nothing here depends on how an outcome was found: an exploration and a random walk are judged alike. Whether a
//! claim's outcome is missing only an exploration can say.

use super::driver::Site;
use super::scenario::program::{
    Claim, ClaimKind, Outcome as Claimed, Program, StatementId, ThreadRef,
};
use super::verdict::{Failure, Found, Outcome, Threads};
use crate::runtime::profile::Profile;

/// The claims of a scenario under one profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claims<'a> {
    pub(super) program: &'a Program,
    pub(super) profile: Profile,
}

impl<'a> Claims<'a> {
    /// A failure for each outcome that is refused, in their order.
    pub(super) fn refusals(&self, outcomes: &[Found]) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (index, found) in outcomes.iter().enumerate() {
            if let Some((span, why)) = self.refused(&found.outcome) {
                failures.push(Failure {
                    span,
                    message: format!("{} is reachable{why}", found.text),
                    found: Some(index),
                    undecided: false,
                });
            }
        }
        failures
    }

    /// The claims that bind under the profile, by index, those about a forked process included.
    pub(super) fn binding(&self) -> impl Iterator<Item = (usize, &'a Claim)> {
        let claims = self.program.claims.iter().enumerate();
        let profile = self.profile;
        claims.filter(move |(_, claim)| claim.binds(profile, None))
    }

    /// Whether a `never` claim names the outcome.
    pub(super) fn forbids(&self, outcome: &Outcome) -> bool {
        self.forbidding(outcome).is_some()
    }

    /// The first `never` claim that names the outcome. One of a crash by its cause does not name a crash of which only the
    /// signal is known, if another claim allows it.
    fn forbidding(&self, outcome: &Outcome) -> Option<&'a Claim> {
        let is_other = |never: &Claimed| {
            let of_cause = matches!(never, Claimed::Crash(Some(_)));
            of_cause && is_by_signal(outcome) && self.allowed(outcome)
        };
        let mut claims = self.binding().map(|(_, claim)| claim);
        claims.find(|claim| {
            let ClaimKind::Never(never) = &claim.kind else {
                return false;
            };
            let mut never = never.iter();
            never.any(|never| self.names(claim, never, outcome) && !is_other(never))
        })
    }

    /// The claim that refuses an outcome, and why.
    pub(super) fn refused(&self, outcome: &Outcome) -> Option<((u32, u32), String)> {
        if let (Outcome::Assertion(site), _) = outcome.process()
            && !self.allowed(outcome)
        {
            return Some(self.assertion(*site));
        }
        if let Some(claim) = self.forbidding(outcome) {
            return Some((
                (claim.span.start, claim.span.end),
                ", and this claim refuses it".to_owned(),
            ));
        }
        if self.allowed(outcome) {
            return None;
        }
        let of_child = matches!(outcome, Outcome::Child(_));
        let first = self.binding().find(|(_, claim)| match &claim.kind {
            ClaimKind::Allow(named) | ClaimKind::Reach(named) => concerns(claim, named, of_child),
            ClaimKind::Never(_)
            | ClaimKind::Always(_)
            | ClaimKind::Finally(_)
            | ClaimKind::Cover(_)
            | ClaimKind::Eventually(_) => false,
        });
        match first {
            Some((_, claim)) => Some((
                (claim.span.start, claim.span.end),
                ", and no claim allows it".to_owned(),
            )),
            None => {
                let main = &self.program.bodies[self.program.main.index()];
                let span = (main.span.start, main.span.end);
                Some((
                    span,
                    ", and without a claim only `ok` is allowed".to_owned(),
                ))
            }
        }
    }

    fn assertion(&self, site: Site) -> ((u32, u32), String) {
        let statement = |id: StatementId| {
            let span = self.program.statements[id.index()].span;
            (span.start, span.end)
        };
        match site {
            Site::Statement(id) => (statement(id), ": this does not hold".to_owned()),
            Site::Name(id) => (
                statement(id),
                ": this reads a name that is not bound yet".to_owned(),
            ),
            Site::Claim(index) => {
                let span = self.program.claims[usize::from(index)].span;
                (
                    (span.start, span.end),
                    ": this claim does not hold".to_owned(),
                )
            }
        }
    }

    /// Whether an `allow` or `reach` claim names the outcome; without any about that process, `ok` is allowed.
    fn allowed(&self, outcome: &Outcome) -> bool {
        let of_child = matches!(outcome, Outcome::Child(_));
        let mut claims = 0;
        for (_, claim) in self.binding() {
            let (ClaimKind::Allow(named) | ClaimKind::Reach(named)) = &claim.kind else {
                continue;
            };
            let is_allow = matches!(claim.kind, ClaimKind::Allow(_));
            claims += usize::from(is_allow && concerns(claim, named, of_child));
        }
        let by_default = || claims == 0 && *outcome.process().0 == Outcome::Ok;
        self.allowing(outcome).is_some() || by_default()
    }

    /// The first `allow` or `reach` claim that names the outcome.
    pub(super) fn allowing(&self, outcome: &Outcome) -> Option<&'a Claim> {
        let mut claims = self.binding().map(|(_, claim)| claim);
        claims.find(|claim| {
            let (ClaimKind::Allow(named) | ClaimKind::Reach(named)) = &claim.kind else {
                return false;
            };
            named.iter().any(|named| self.names(claim, named, outcome))
        })
    }

    /// Whether a claim names the outcome by this word: in `in child` it speaks of the forked process.
    pub(super) fn names(&self, claim: &Claim, word: &Claimed, outcome: &Outcome) -> bool {
        match (claim.in_child, outcome) {
            (false, outcome) => self.matches(word, outcome),
            (true, Outcome::Child(inner)) => self.matches(word, inner),
            (true, _) => false,
        }
    }

    /// Whether a claim's word for an outcome names this one.
    fn matches(&self, claimed: &Claimed, outcome: &Outcome) -> bool {
        let among = |named: &[ThreadRef], threads: &Threads| {
            named.iter().all(|name| {
                self.program
                    .threads_of(*name)
                    .any(|thread| threads.0 & 1 << thread.0 != 0)
            })
        };
        match (claimed, outcome) {
            (Claimed::Ok, Outcome::Ok)
            | (Claimed::Leak, Outcome::Leak)
            | (Claimed::Assertion, Outcome::Assertion(_))
            | (Claimed::Inconclusive, Outcome::Inconclusive) => true,
            (Claimed::Child(claimed), Outcome::Child(inner)) => self.matches(claimed, inner),
            (Claimed::Hang(named), Outcome::Hang(threads))
            | (Claimed::Exit(named), Outcome::Exit(threads))
            | (Claimed::Livelock(named), Outcome::Livelock(threads))
            | (Claimed::Deadlock(named), Outcome::Deadlock(threads)) => among(named, threads),
            (Claimed::Lost(named), Outcome::Lost(body))
            | (Claimed::Repeated(named), Outcome::Repeated(body)) => {
                named.is_none_or(|named| named == *body)
            }
            (Claimed::Fatal(text), Outcome::Fatal(message)) => {
                text.as_ref().is_none_or(|text| message.contains(&**text))
            }
            (Claimed::Crash(kind), Outcome::Crash(name)) => {
                // Of a real process the signal is known, and not the cause.
                kind.is_none_or(|kind| super::names::crash_name(kind) == *name)
                    || super::outside::is_signal(name)
            }
            _ => false,
        }
    }
}

/// Whether it is a crash of which only the signal is known.
fn is_by_signal(outcome: &Outcome) -> bool {
    matches!(outcome.process().0, Outcome::Crash(name) if super::outside::is_signal(name))
}

/// Whether the claim says which outcomes of the forked process may be, or of the one that forks.
fn concerns(claim: &Claim, named: &[Claimed], of_child: bool) -> bool {
    let names_child = |named: &Claimed| matches!(named, Claimed::Child(_));
    if claim.in_child {
        of_child
    } else {
        named.iter().any(|named| names_child(named) == of_child)
    }
}
