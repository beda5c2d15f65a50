//! What an exploration means for a scenario: outcomes, and claims judged.
//!
//! Data only, with plain text for every part: rendering is the program's business. Everything here is ordered and
//! holds no address, time or hash, so that equal inputs give equal bytes.

use super::driver::Site;
use super::explorer::Cut;
use super::scenario::program::BodyId;
use super::schedule::Schedule;
use crate::runtime::profile::Profile;
use std::fmt;

/// Threads by index, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threads(pub u16);

impl Threads {
    /// The indexes in order.
    pub fn indexes(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |index| self.0 & (1 << index) != 0)
    }
}

/// How one run ended: the worst that applies. The order is from best to worst; a forked process's outcome ranks as what it
/// is of, just behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The process ended and nothing below happened.
    Ok,
    /// The threads were parked for good by finalization.
    Hang(Threads),
    /// The threads were ended by finalization.
    Exit(Threads),
    /// Thread states or interpreters were left that no thread refers to.
    Leak,
    /// A pending call to this callback was accepted and never ran.
    Lost(BodyId),
    /// This callback ran more often than it was accepted.
    Repeated(BodyId),
    /// The threads can go on for ever under a fair schedule.
    Livelock(Threads),
    /// The threads wait in a cycle, or all that have not ended are blocked.
    Deadlock(Threads),
    /// An assertion failed.
    Assertion(Site),
    /// CPython's fatal error.
    Fatal(&'static str),
    /// What C leaves undefined.
    Crash(&'static str),
    /// A bound was reached.
    Inconclusive,
    /// So ended the forked process, as which the run went on.
    Child(Box<Self>),
}

impl Outcome {
    /// The same of a process that lies this many forks away from the first.
    #[must_use]
    pub fn in_child(self, generation: u8) -> Self {
        (0..generation).fold(self, |outcome, _| Self::Child(Box::new(outcome)))
    }

    /// The outcome without regard to which process it is of, and how many forks away that is.
    #[must_use]
    pub fn process(&self) -> (&Self, u8) {
        let Self::Child(inner) = self else {
            return (self, 0);
        };
        let (outcome, generation) = inner.process();
        (outcome, generation + 1)
    }

    /// The place among the outcomes, and what tells equal ones apart.
    fn rank(&self) -> (u8, u64, &'static str, Option<Site>) {
        match self {
            Self::Ok => (0, 0, "", None),
            Self::Hang(threads) => (1, threads.0.into(), "", None),
            Self::Exit(threads) => (2, threads.0.into(), "", None),
            Self::Leak => (3, 0, "", None),
            Self::Lost(body) => (4, body.0.into(), "", None),
            Self::Repeated(body) => (5, body.0.into(), "", None),
            Self::Livelock(threads) => (6, threads.0.into(), "", None),
            Self::Deadlock(threads) => (7, threads.0.into(), "", None),
            Self::Assertion(site) => (8, 0, "", Some(*site)),
            Self::Fatal(text) => (9, 0, text, None),
            Self::Crash(kind) => (10, 0, kind, None),
            Self::Inconclusive => (11, 0, "", None),
            Self::Child(inner) => inner.rank(),
        }
    }
}

impl Ord for Outcome {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |outcome: &Self| {
            let (inner, generation) = outcome.process();
            (inner.rank(), generation)
        };
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Outcome {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// An outcome that the exploration found, with the shortest way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What happened.
    pub outcome: Outcome,
    /// The outcome in the scenario language's words, with names: `deadlock(main, worker)`.
    pub text: String,
    /// Steps of the shortest run that ends so.
    pub steps: u32,
    /// How often in that run another thread takes the turn.
    pub switches: u32,
    /// The run.
    pub schedule: Schedule,
    /// End states with this outcome.
    pub ends: u64,
}

/// Why a claim does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Byte offsets of the claim (or statement) in the scenario file.
    pub span: (u32, u32),
    /// What is wrong, such as `deadlock(main, worker) is reachable, and no claim allows it`.
    pub message: String,
    /// The outcome's number in [`Verdict::outcomes`], if one shows the failure.
    pub found: Option<usize>,
    /// Whether only a bound keeps the claim from being decided.
    pub undecided: bool,
}

/// Whether a scenario met its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Every claim holds and the search was complete.
    Met,
    /// Nothing failed, but a bound cut the search short.
    Inconclusive,
    /// A claim failed.
    Failed,
}

/// The verdict on one scenario under one profile.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Under which release.
    pub profile: Profile,
    /// All outcomes, best first.
    pub outcomes: Vec<Found>,
    /// The claims that failed or could not be decided, in file order.
    pub failures: Vec<Failure>,
    /// States of the graph.
    pub states: u64,
    /// Transitions of the graph.
    pub transitions: u64,
    /// Steps taken by the search.
    pub steps: u64,
    /// Bounds that cut the search.
    pub cut: Vec<Cut>,
    /// The probability that merging hid a state is below this.
    pub omission: f64,
}

impl Verdict {
    /// Whether the scenario met its claims.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.failures.iter().any(|failure| !failure.undecided) {
            Status::Failed
        } else if !self.cut.is_empty() || !self.failures.is_empty() {
            Status::Inconclusive
        } else {
            Status::Met
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "ok",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
        })
    }
}
