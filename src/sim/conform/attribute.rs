//! Which outcome of the model an observed run is.
//!
//! From outside, runs with different outcomes can look the same: one that leaks ends as one that does not, and of a crash only
//! the signal is seen. But a run has its events, and the model, held to them as by [`follow`](super::follow), often has one
//! outcome only.
//!
//! # What counts
//!
//! All runs of the model that show the observed events, or as many of them as they live to see:
//!
//! | run of the model | what the observed run may then be |
//! | --- | --- |
//! | it ends as was observed | its outcome |
//! | it meets what C leaves undefined, behind all events or before | that crash: a real process may go on, and end anyhow |
//! | it fails an `always` claim, and then comes to one of these | `assertion`: a real library does not look, and goes on |
//!
//! The observed run is an outcome if no other is possible. Where none ends as was observed, it is the crash that all those meet
//! which show its first events, as many as the first of them lived to see: nothing of what comes later is asked of the model then. Where a
//! bound cut the exploration, it is nothing. `eventually` is a claim beside the outcome of a run, and not looked at.
//!
//! When a thread was parked for good is sometimes known beside the events ([`Sight::hung`]): the model's must be parked by then.
//!
//! Who has the GIL besides its holder is seen of some runs ([`Sight::two_holders`]): such a run is `crash(two_holders)` if the model has that
//! with its events, however it went on.
//!
//! A run that was cut because it went on for long is a livelock or nothing: see [`endless`].
//!
//! # The fence
//!
//! A run on a library whose freed memory is fenced off used no freed block of memory, unless it ended so ([`End::Freed`]). Then runs of
//! the model that do are none of it ([`Host::uses_freed_block`](crate::runtime::Host::uses_freed_block)). What
//! lies in another block, or is too small, is not behind the fence: it stays possible.

use super::endless::endless;
use super::follow::{Case, Following, MATCHES, Violated, settings};
use crate::runtime::{Crash, Over, Profile};
use crate::sim::driver::Site;
use crate::sim::events::End;
use crate::sim::explorer::{Look, Program as Explored, Run, explore_with};
use crate::sim::liveness::lassos;
use crate::sim::noted::Noted;
use crate::sim::outside::Sight;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::Outcome;
use crate::sim::world::World;
use crate::sync::ThreadIndex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an observed run may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The outcomes of the model's runs that look like it.
    pub alike: BTreeSet<Outcome>,
    /// What crashes of the model's runs a process may have gone on after that did not crash.
    pub undefined: BTreeSet<Outcome>,
    /// Whether it must have: all runs of the model with the events up to the first of these crashes meet one.
    pub inevitable: bool,
    /// Whether a bound kept runs from being looked at.
    pub cut: bool,
}

impl Attribution {
    /// The outcome that the run is, if only one is possible.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        let is_known = !self.cut && !self.is_ambiguous();
        let undefined = self.undefined.first();
        let one = match undefined {
            Some(_) => undefined.filter(|_| self.inevitable),
            None => self.alike.first(),
        };
        one.filter(|_| is_known)
    }

    /// What it is if two threads were seen to have one GIL, and that is possible.
    fn of_two_holders(&self) -> Option<Self> {
        let two = Outcome::Crash(Crash::TwoHolders.name());
        let mut all = self.alike.iter().chain(&self.undefined);
        let known = all.find(|outcome| *outcome.process().0 == two)?;
        Some(Self {
            alike: BTreeSet::from([known.clone()]),
            ..Self::default()
        })
    }

    /// Whether two outcomes that go by different words are possible.
    fn is_ambiguous(&self) -> bool {
        let mut all = self.alike.iter().chain(&self.undefined);
        let first = all.next();
        all.any(|other| first.is_some_and(|first| !has_same_words(first, other)))
    }

    /// Whether a claim on states tells runs apart: how many of them fail it depends on the points at which it is looked at.
    fn asks_claims(&self) -> bool {
        let is_claim =
            |outcome: &Outcome| matches!(outcome.process().0, Outcome::Assertion(Site::Claim(_)));
        self.alike.iter().any(is_claim)
    }
}

/// Whether two outcomes are told in the same words: of an assertion it is not told which.
fn has_same_words(one: &Outcome, other: &Outcome) -> bool {
    match (one.process(), other.process()) {
        ((Outcome::Assertion(_), one), (Outcome::Assertion(_), other)) => one == other,
        (one, other) => one == other,
    }
}

/// What is asked of the model.
struct Asked<'a> {
    case: Case<'a>,
    /// What the run is called without the model.
    seen: Outcome,
    is_fenced: bool,
    shows_leaks: bool,
    found: Noted<Found>,
}

/// What all runs of the model together showed.
#[derive(Debug, Default)]
struct Found {
    attribution: Attribution,
    /// The fewest events behind a run that met what is undefined.
    crashed: Option<usize>,
    /// The most events behind a run that came to anything else.
    went: Option<usize>,
}

/// One run of the model.
struct Held<'a> {
    asked: &'a Asked<'a>,
    following: Following<'a>,
    violated: Violated,
}

impl Explored for Asked<'_> {
    fn threads(&self) -> usize {
        self.case.threads()
    }

    fn forks(&self) -> bool {
        self.case.forks()
    }

    fn sends_signals(&self) -> bool {
        self.case.sends_signals()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(Held {
            asked: self,
            following: self.case.following(),
            violated: Violated::new(),
        })
    }
}

impl Held<'_> {
    fn end(&self) -> &End {
        &self.following.follower.observed.end
    }

    /// Notes a run that meets what C leaves undefined.
    fn crashes(&self, world: &World) {
        let is_freed_block = self.following.follower.freed_block.peek();
        if is_freed_block && self.asked.is_fenced && *self.end() != End::Freed {
            return;
        }
        let outcome = self
            .violated
            .named(&self.following, self.following.judge.name(world));
        let is_alike = self.end().is_crash() || self.violated.is_some();
        let at = self.following.follower.at();
        self.asked.found.with(|found| {
            let Attribution {
                alike, undefined, ..
            } = &mut found.attribution;
            if is_alike {
                alike.insert(outcome);
            } else {
                undefined.insert(outcome);
                found.crashed = Some(found.crashed.map_or(at, |known| known.min(at)));
            }
        });
    }

    /// The outcome's number, noted as one that looks like the observed run if it can.
    fn number(&self, outcome: Outcome) -> u16 {
        self.asked
            .case
            .notes
            .number(self.violated.named(&self.following, outcome))
    }
}

impl Asked<'_> {
    fn add(&self, number: u16) {
        let outcome = self.case.notes.outcome(number);
        if may_be(&self.seen, &outcome, self.shows_leaks) {
            self.found
                .with(|found| found.attribution.alike.insert(outcome));
        }
    }
}

impl Run for Held<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.following.body(thread);
    }

    fn interrupt(&self, signal: u8) -> bool {
        self.following.interrupt(signal)
    }

    fn look(&self, _: &World) -> Look {
        self.violated.look(&self.following)
    }

    fn outcome(&self, world: &World) -> u16 {
        let number = self.number(self.following.judge.name(world));
        let follower = &self.following.follower;
        let over = self.following.runtime().over();
        if !follower.left.peek() && matches!(over, Some(Over::Crash(_))) {
            self.crashes(world);
            return number;
        }
        self.asked.found.with(|found| {
            found.went = found.went.max(Some(follower.at()));
            found.attribution.cut |= matches!(over, Some(Over::Limit(_)));
        });
        if !follower.left.peek() && self.following.arrives(world) == MATCHES {
            self.asked.add(number);
        }
        number
    }

    fn stuck(&self, world: &World) -> Option<u16> {
        let judge = &self.following.judge;
        let still = judge.is_stuck(world) && self.following.stands_still(world);
        still.then(|| {
            let deadlock = Outcome::Deadlock(judge.unfinished(world));
            self.number(deadlock.in_child(judge.machine().generation()))
        })
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

/// Whether a run that is called so without the model can be this outcome of it. Who waits for whom, what is owed, what is left, and who
/// waits for a GIL that is gone is sometimes known of a run beside its events.
fn may_be(seen: &Outcome, known: &Outcome, shows_leaks: bool) -> bool {
    let (seen, known) = (seen.process().0, known.process().0);
    match (seen, known) {
        (_, Outcome::Crash(_) | Outcome::Assertion(_)) => true,
        (Outcome::Deadlock(_), known) => matches!(known, Outcome::Deadlock(_)),
        (Outcome::Lost(_) | Outcome::Repeated(_), known) => {
            seen == known || matches!(known, Outcome::Deadlock(_))
        }
        (Outcome::Leak, known) => matches!(
            known,
            Outcome::Leak | Outcome::Lost(_) | Outcome::Repeated(_) | Outcome::Deadlock(_)
        ),
        (_, Outcome::Leak) if shows_leaks => false,
        (Outcome::Hang(seen), Outcome::Hang(known)) => seen.0 & !known.0 == 0,
        (Outcome::Hang(_), Outcome::Ok) => false,
        _ => true,
    }
}

/// Which outcome of the model of `profile` a run of `program` is. `is_fenced`: the memory that the library freed was fenced off. At
/// most `states` states are looked at, twice.
#[must_use]
pub fn attribute(
    program: &Arc<Program>,
    profile: Profile,
    sight: &Sight,
    is_fenced: bool,
    states: u64,
) -> Attribution {
    if sight.observed.end.ran_long() {
        return endless(program, profile, sight, is_fenced, states);
    }
    if matches!(sight.observed.end, End::Cut(_)) {
        return Attribution {
            cut: true,
            ..Attribution::default()
        };
    }
    let attempt = |few_points| {
        let asked = Asked {
            case: Case::new(program, profile, &sight.observed).hanging(&sight.hung),
            seen: sight.outcome(profile),
            is_fenced,
            shows_leaks: sight.left.is_some(),
            found: Noted::default(),
        };
        asked.explored(states, few_points)
    };
    // What runs with few scheduling points have is there with all of them as well: they answer if they give two outcomes.
    let few = attempt(true);
    if sight.two_holders
        && let Some(known) = few.of_two_holders()
    {
        return known;
    }
    let is_settled = few.is_ambiguous() || !few.undefined.is_empty() && !few.inevitable;
    if few.cut || is_settled && !few.asks_claims() {
        return few;
    }
    attempt(false)
}

impl Asked<'_> {
    fn explored(&self, states: u64, few_points: bool) -> Attribution {
        let explored = explore_with(self, &settings(states, few_points), &mut |_| true);
        let endless = lassos(&explored.graph, &|_| true);
        for lasso in &endless {
            let nodes = lasso.nodes.iter();
            let outcomes = nodes.map(|node| explored.graph.nodes()[*node as usize].outcome);
            let outcomes: Option<BTreeSet<u16>> = outcomes.collect();
            outcomes
                .into_iter()
                .flatten()
                .for_each(|number| self.add(number));
        }
        let Found {
            mut attribution,
            crashed,
            went,
        } = self.found.take();
        attribution.cut |= !explored.cut.is_empty();
        attribution.inevitable = crashed.is_some() && went < crashed && endless.is_empty();
        attribution
    }
}
