//! Claims and restrictions of a resolved program.

use super::{BodyId, Comparison, Expression, FaultId, ThreadRef};
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::Span;

/// One line of an `expect` block.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What it claims.
    pub kind: ClaimKind,
    /// Where it binds; `None` is everywhere.
    pub restriction: Option<Restriction>,
    /// Whether it is about the forked process.
    pub in_child: bool,
    /// Where it stands.
    pub span: Span,
}

impl Claim {
    /// Whether the claim binds under this profile with this fault switched on.
    #[must_use]
    pub fn binds(&self, profile: Profile, fault: Option<FaultId>) -> bool {
        self.restriction
            .as_ref()
            .is_none_or(|restriction| restriction.admits(profile, fault))
    }
}

/// The kinds of claims.
#[derive(Clone, Debug)]
pub enum ClaimKind {
    /// The outcomes that may be.
    Allow(Vec<Outcome>),
    /// For each, some interleaving must end so.
    Reach(Vec<Outcome>),
    /// Refused even if another line allows it.
    Never(Vec<Outcome>),
    /// Holds in every state.
    Always(Expression),
    /// Holds whenever the process has ended.
    Finally(Expression),
    /// Holds in some state.
    Cover(Expression),
    /// Holds at some time of every fair run.
    Eventually(Expression),
}

/// An outcome that a claim names. Threads in it must be among the outcome's; none match any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `ok`
    Ok,
    /// `hang(T…)`
    Hang(Vec<ThreadRef>),
    /// `exit(T…)`
    Exit(Vec<ThreadRef>),
    /// `leak`
    Leak,
    /// `lost(f)`; `None` is any callback.
    Lost(Option<BodyId>),
    /// `repeated(f)`
    Repeated(Option<BodyId>),
    /// `livelock(T…)`
    Livelock(Vec<ThreadRef>),
    /// `deadlock(T…)`
    Deadlock(Vec<ThreadRef>),
    /// `assertion`
    Assertion,
    /// `fatal("…")`: the text is part of the message; `None` is any.
    Fatal(Option<Box<str>>),
    /// `crash(KIND)`; `None` is any.
    Crash(Option<CrashKind>),
    /// `child(OUTCOME)`
    Child(Box<Outcome>),
    /// `inconclusive`
    Inconclusive,
}

/// What C leaves undefined, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashKind {
    /// `crash(use_after_free)`
    UseAfterFree,
    /// `crash(no_thread_state)`
    NoThreadState,
    /// `crash(wrong_interpreter)`
    WrongInterpreter,
    /// `crash(two_holders)`
    TwoHolders,
}

/// A release in a restriction; without patch level it stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// The minor number.
    pub minor: u8,
    /// The patch level.
    pub patch: Option<u8>,
}

impl Release {
    /// Whether `profile OP self`: builds do not matter, `sound` is the newest.
    #[must_use]
    pub fn compare(self, comparison: Comparison, profile: Profile) -> bool {
        let newest = u16::from(u8::MAX) + 1;
        let ordering = profile
            .minor()
            .cmp(&self.minor)
            .then_with(|| match self.patch {
                None => std::cmp::Ordering::Equal,
                Some(patch) => profile
                    .patch()
                    .map_or(newest, u16::from)
                    .cmp(&u16::from(patch)),
            });
        comparison.admits(ordering)
    }
}

/// Where a claim binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// `python >= 3.14`, and `3.14` alone.
    Python(Comparison, Release),
    /// `free_threaded`; `3.14t` alone is this and the release.
    FreeThreaded,
    /// `sound`
    Sound,
    /// A fault is switched on.
    Fault(FaultId),
    /// `!a`
    Not(Box<Restriction>),
    /// `a && b`
    And(Box<Restriction>, Box<Restriction>),
    /// `a || b`
    Or(Box<Restriction>, Box<Restriction>),
}

impl Restriction {
    /// Whether a claim so restricted binds under this profile with this fault switched on.
    #[must_use]
    pub fn admits(&self, profile: Profile, fault: Option<FaultId>) -> bool {
        match self {
            Self::Python(comparison, release) => release.compare(*comparison, profile),
            Self::FreeThreaded => profile.is_free_threaded(),
            Self::Sound => profile.is_sound(),
            Self::Fault(name) => fault == Some(*name),
            Self::Not(inner) => !inner.admits(profile, fault),
            Self::And(left, right) => left.admits(profile, fault) && right.admits(profile, fault),
            Self::Or(left, right) => left.admits(profile, fault) || right.admits(profile, fault),
        }
    }
}
