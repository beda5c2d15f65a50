//! Whether the model has a run that looks like the one observed.
//!
//! # How
//!
//! Before an event a thread waits until the observed run's next event is its own; then the two must be equal. Where a
//! run of the model does something else, it is over. The position in the observed run is a cell of the world: it is
//! undone and merged like the rest of the state. Where it is known of a thread that it was parked for good before an event, it must be so in the
//! model's run by then.
//!
//! # Ends
//!
//! | observed | the model's run, with all events behind it |
//! | --- | --- |
//! | exit, assertion, fatal | its process ended so, with the same threads hung and exited |
//! | crash | it met a crash |
//! | stuck | nobody goes on: no thread stands before an event, and those that move only go round in a timed wait |
//! | cut by a bound on its length | it can go on for ever as it did; else anything |
//! | cut | anything |

use crate::runtime::{Over, Profile, Runtime};
use crate::sim::driver::{Machine, Site};
use crate::sim::events::{End, Event, Events, Observed, Rest, Witness};
use crate::sim::explorer::{Limits, Look, Program as Explored, Run, Settings, explore_with};
use crate::sim::judge::{Judge, Notes};
use crate::sim::liveness::lassos;
use crate::sim::noted::Noted;
use crate::sim::scenario::program::Program;
use crate::sim::verdict::Outcome;
use crate::sim::world::{Standing, Tuning, World};
use crate::sync::{Plain, ThreadIndex, wait_until};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether the model has the observed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It has.
    Agrees,
    /// It has, and can then go on for ever, as the run did that was cut.
    Endless,
    /// It has as far as this event, counted from 0; there it meets what C leaves undefined.
    Undefined {
        /// The first event that nothing is said of.
        at: usize,
    },
    /// It has not.
    Differs(Difference),
    /// A bound on states was reached before an answer.
    Undecided,
}

/// Where an observed run leaves the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first event that no run of the model shows, counted from 0; the number of events if it is the end.
    pub at: usize,
    /// What the model does there instead, one line each, in order; empty if its thread cannot get there.
    pub model: Vec<String>,
}

/// What all runs together showed.
#[derive(Debug, Default)]
struct Seen {
    /// Events behind the run that came farthest.
    farthest: usize,
    /// What runs did there instead of the observed event.
    instead: BTreeSet<String>,
    matched: bool,
    /// A run did all that was seen of one that was cut for its length.
    ran_as_long: bool,
    undefined: Option<usize>,
}

impl Seen {
    fn reach(&mut self, at: usize) {
        if at > self.farthest {
            self.farthest = at;
            self.instead.clear();
        }
    }

    fn instead(&mut self, at: usize, what: String) {
        self.reach(at);
        if at == self.farthest {
            self.instead.insert(what);
        }
    }
}

/// Holds events back until it is their turn.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) observed: Arc<Observed>,
    /// Threads that were parked for good, each with how many events there were by then.
    hung: Arc<[(u8, u32)]>,
    /// Events that happened.
    at: Plain<u64>,
    /// The run did something else than was observed.
    pub(super) left: Plain<bool>,
    /// The run is over as a thread used a freed block of memory.
    pub(super) freed_block: Plain<bool>,
    /// Which threads stand before an event. Rule: the thread's own.
    standing: Vec<Plain<bool>>,
    seen: Arc<Noted<Seen>>,
}

impl Follower {
    fn next(&self) -> Option<&Event> {
        self.observed.events.get(self.at.peek() as usize)
    }

    /// How many events happened.
    pub(super) fn at(&self) -> usize {
        self.at.peek() as usize
    }

    fn done(&self) -> bool {
        self.at.peek() as usize == self.observed.events.len()
    }

    /// Whether those are parked by now that were observed to be.
    fn are_parked(&self, runtime: &Runtime) -> bool {
        let at = self.at.peek();
        let mut parked = self
            .hung
            .iter()
            .filter(|(_, behind)| u64::from(*behind) <= at);
        parked.all(|(thread, _)| runtime.hung(ThreadIndex::new(usize::from(*thread))))
    }

    /// Whether all was seen, and what comes is not held to anything.
    fn is_free(&self) -> bool {
        self.done() && self.observed.end.is_busy()
    }

    fn note(&self, note: impl FnOnce(&mut Seen, usize)) {
        let at = self.at.peek() as usize;
        self.seen.with(|seen| note(seen, at));
    }
}

/// A listener's share of a follower.
#[derive(Debug)]
struct Gate(Arc<Follower>);

impl Witness<Runtime> for Gate {
    fn stands_before(&self, thread: ThreadIndex) {
        let next = || self.0.next().is_some_and(|event| event.thread == thread);
        let turn = || next() || self.0.is_free();
        let standing = &self.0.standing[thread.index()];
        // A signal may interrupt a thread that stands before an event.
        let stood = standing.read();
        standing.write(true);
        wait_until(&turn);
        standing.write(stood);
    }

    fn happens(&self, machine: &Machine, event: Event) {
        let follower = &self.0;
        if follower.is_free() {
            return;
        }
        if follower.next() == Some(&event) && follower.are_parked(&machine.runtime) {
            follower.at.write(follower.at.peek() + 1);
            follower.note(Seen::reach);
        } else {
            follower.note(|seen, at| seen.instead(at, event.to_string()));
            follower.left.write(true);
        }
    }

    fn uses_freed_block(&self) {
        self.0.freed_block.write(true);
    }
}

/// The scenario, held to an observed run.
pub(super) struct Case<'a> {
    pub(super) program: &'a Arc<Program>,
    profile: Profile,
    observed: Arc<Observed>,
    hung: Arc<[(u8, u32)]>,
    seen: Arc<Noted<Seen>>,
    pub(super) notes: Notes,
}

/// One run of it.
pub(super) struct Following<'a> {
    pub(super) judge: Judge<'a>,
    pub(super) follower: Arc<Follower>,
}

/// The `always` claim that a run of it failed first.
pub(super) struct Violated(
    /// Its number, from 1; 0 if none has failed.
    Plain<u64>,
);

impl Violated {
    /// None; made in the run's world.
    pub(super) fn new() -> Self {
        Self(Plain::new("observed.violated", 0))
    }

    /// Whether one has failed.
    pub(super) fn is_some(&self) -> bool {
        self.0.peek() > 0
    }

    /// Looks at the run as it is now, and at the claims if it goes on.
    pub(super) fn look(&self, following: &Following<'_>) -> Look {
        let look = following.looked();
        if !look.over
            && !self.is_some()
            && let Some(index) = following.judge.violated()
        {
            self.0.write(index as u64 + 1);
        }
        look
    }

    /// The run's outcome, by this name if it failed no claim before.
    pub(super) fn named(&self, following: &Following<'_>, outcome: Outcome) -> Outcome {
        match self.0.peek().checked_sub(1) {
            Some(index) => {
                let generation = following.judge.machine().generation();
                Outcome::Assertion(Site::Claim(index as u16)).in_child(generation)
            }
            None => outcome,
        }
    }
}

/// The outcome of a run that shows what was observed; any other is not.
pub(super) const MATCHES: u16 = 0;
const OTHER: u16 = 1;

impl<'a> Case<'a> {
    pub(super) fn new(program: &'a Arc<Program>, profile: Profile, observed: &Observed) -> Self {
        Self {
            program,
            profile,
            observed: Arc::new(observed.clone()),
            hung: Arc::default(),
            seen: Arc::default(),
            notes: Notes::default(),
        }
    }

    /// The same, of which it is known when threads were parked for good.
    pub(super) fn hanging(self, hung: &[(u8, u32)]) -> Self {
        Self {
            hung: hung.into(),
            ..self
        }
    }

    /// A run of it, from its beginning.
    pub(super) fn following(&self) -> Following<'_> {
        let follower = Arc::new(Follower {
            observed: Arc::clone(&self.observed),
            hung: Arc::clone(&self.hung),
            at: Plain::new("observed.at", 0),
            left: Plain::new("observed.left", false),
            freed_block: Plain::new("observed.freed_block", false),
            standing: (0..self.program.threads.len())
                .map(|thread| Plain::new(("observed.standing", thread), false))
                .collect(),
            seen: Arc::clone(&self.seen),
        });
        let listener = Arc::new(Events(Gate(Arc::clone(&follower))));
        let machine = Machine::new(self.program, self.profile, Some(listener));
        Following {
            judge: Judge::new(machine, self.profile, &self.notes),
            follower,
        }
    }
}

impl Explored for Case<'_> {
    fn threads(&self) -> usize {
        self.program.threads.len()
    }

    fn forks(&self) -> bool {
        self.program.forks()
    }

    fn sends_signals(&self) -> bool {
        self.program.sends_signals()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        Box::new(self.following())
    }
}

/// How a run of the model ends, in the words of an observed one.
pub(super) trait Ending {
    /// Where the thread is.
    fn rest(&self, world: &World, thread: ThreadIndex) -> Rest;
    /// Where all threads are.
    fn rests(&self, world: &World) -> Vec<Rest> {
        let threads = (0..world.threads()).map(ThreadIndex::new);
        threads.map(|thread| self.rest(world, thread)).collect()
    }
    /// How the run ended, if its process did.
    fn end(&self) -> Option<End>;
}

impl Ending for Judge<'_> {
    fn rest(&self, world: &World, thread: ThreadIndex) -> Rest {
        if self.machine().exited(thread) {
            return Rest::Exited;
        }
        match world.standing(thread) {
            Standing::NotStarted => Rest::NotStarted,
            Standing::Gone => Rest::Gone,
            Standing::Ended => Rest::Ended,
            Standing::Hung => Rest::Hung,
            Standing::Blocked(_) => Rest::Blocked,
            Standing::Enabled => Rest::Running,
        }
    }

    fn end(&self) -> Option<End> {
        let machine = self.machine();
        Some(match machine.runtime.over() {
            Some(Over::Fatal(fatal)) => {
                End::Fatal(fatal.message(machine.runtime.profile()).to_owned())
            }
            Some(Over::Status(error)) => {
                End::Fatal(error.message(machine.runtime.profile()).to_owned())
            }
            Some(Over::Crash(_)) => End::Crash(0),
            Some(Over::Limit(limit)) => End::Cut(limit.name().to_owned()),
            Some(Over::Exit(status)) => match machine.failed() {
                Some(Site::Statement(id) | Site::Name(id)) => End::Assertion(id),
                Some(Site::Claim(_)) | None => End::Exit(status),
            },
            None if machine.process_ended() => End::Exit(0),
            None => return None,
        })
    }
}

impl Following<'_> {
    pub(super) fn runtime(&self) -> &Runtime {
        &self.judge.machine().runtime
    }

    /// Whether finalization took the same threads, and where nothing moves any more the same have ended.
    fn rests_alike(&self, world: &World, stuck: bool) -> bool {
        let taken = |rest: Rest| matches!(rest, Rest::Hung | Rest::Exited);
        let threads = self.follower.observed.threads.iter().enumerate();
        threads.into_iter().all(|(index, observed)| {
            let model = self.judge.rest(world, ThreadIndex::new(index));
            let ended = |rest| matches!(rest, Rest::Ended | Rest::NotStarted | Rest::Gone);
            (model == *observed || !(taken(model) || taken(*observed)))
                && (!stuck || ended(model) == ended(*observed))
        })
    }

    /// Whether this end, with all events behind it, is the observed one.
    fn ends_alike(&self, world: &World, end: &End) -> bool {
        let observed = &self.follower.observed.end;
        let alike = match (end, observed) {
            (End::Fatal(model), End::Fatal(text)) => fatal_texts_match(model, text),
            (model, observed) if model.is_crash() && observed.is_crash() => return true,
            (model, observed) => model == observed,
        };
        alike && self.rests_alike(world, false)
    }

    /// What becomes of a run that is over, or that goes no further.
    pub(super) fn arrives(&self, world: &World) -> u16 {
        let follower = &self.follower;
        let matches = if matches!(self.runtime().over(), Some(Over::Crash(_))) {
            let behind = follower.done() && follower.observed.end.is_crash();
            if !behind {
                follower.note(|seen, at| {
                    seen.undefined = Some(seen.undefined.map_or(at, |known| known.min(at)));
                });
            }
            behind
        } else if follower.left.peek() {
            false
        } else if follower.observed.end.ran_long() {
            // Only what does not end is looked for.
            false
        } else if follower.done() && matches!(follower.observed.end, End::Cut(_)) {
            true
        } else {
            match self.judge.end() {
                Some(end) if follower.done() && self.ends_alike(world, &end) => true,
                Some(end) => {
                    follower.note(|seen, at| seen.instead(at, self.told(world, &end)));
                    false
                }
                None if self.stands_still(world) => true,
                None => {
                    if follower.done() {
                        let text = self.told(world, &End::Stuck);
                        follower.note(|seen, at| seen.instead(at, text));
                    }
                    false
                }
            }
        };
        if matches {
            self.follower.note(|seen, _| seen.matched = true);
            MATCHES
        } else {
            OTHER
        }
    }

    /// Whether a thread of the process stands before an event.
    fn somebody_stands(&self) -> bool {
        let threads = self.follower.standing.iter().enumerate();
        threads.into_iter().any(|(index, standing)| {
            standing.peek() && !self.judge.machine().is_gone(ThreadIndex::new(index))
        })
    }

    /// Whether nobody will go on, as was observed.
    pub(super) fn stands_still(&self, world: &World) -> bool {
        let follower = &self.follower;
        follower.done()
            && follower.observed.end == End::Stuck
            && self.judge.end().is_none()
            && !self.somebody_stands()
            && self.rests_alike(world, true)
    }

    /// Whether the threads are where a run that was cut for its length had them, and may go on as they did.
    fn goes_on(&self, world: &World) -> bool {
        let follower = &self.follower;
        let is_silent = follower.observed.end.is_busy() || !self.somebody_stands();
        follower.done()
            && follower.observed.end.ran_long()
            && self.judge.end().is_none()
            && is_silent
            && self.rests_alike(world, false)
    }

    /// Whether the run is over, whatever others came to.
    pub(super) fn looked(&self) -> Look {
        let machine = self.judge.machine();
        let end = &self.follower.observed.end;
        let cut = self.follower.done() && matches!(end, End::Cut(_)) && !end.ran_long();
        if self.follower.done() && end.ran_long() {
            self.follower.note(|seen, _| seen.ran_as_long = true);
        }
        Look {
            over: cut
                || self.follower.left.peek()
                || machine.failed().is_some()
                || self.judge.end().is_some(),
            seen: 0,
            generation: machine.generation(),
        }
    }

    /// An end in one line.
    fn told(&self, world: &World, end: &End) -> String {
        end.told(&self.judge.rests(world))
    }
}

/// Whether CPython's text is the model's, in which `%p` stands for a pointer.
pub(in crate::sim) fn fatal_texts_match(model: &str, text: &str) -> bool {
    let mut rest = text;
    for (number, part) in model.split("%p").enumerate() {
        let Some(place) = rest.find(part).filter(|place| number > 0 || *place == 0) else {
            return false;
        };
        rest = &rest[place + part.len()..];
    }
    true
}

impl Run for Following<'_> {
    fn body(&self, thread: ThreadIndex) {
        self.judge.machine().run_thread(thread);
    }

    fn interrupt(&self, signal: u8) -> bool {
        self.judge.machine().interrupt(signal)
    }

    fn look(&self, _: &World) -> Look {
        let matched = self.follower.seen.with(|seen| seen.matched);
        let look = self.looked();
        Look {
            over: matched || look.over,
            ..look
        }
    }

    fn outcome(&self, world: &World) -> u16 {
        self.arrives(world)
    }

    fn stuck(&self, world: &World) -> Option<u16> {
        let still = self.judge.is_stuck(world) && self.stands_still(world);
        Some(if still || self.goes_on(world) {
            MATCHES
        } else {
            OTHER
        })
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

/// Whether the model of `profile` has a run of `program` that looks like `observed`; at most `states` states are
/// looked at.
#[must_use]
pub fn follow(
    program: &Arc<Program>,
    profile: Profile,
    observed: &Observed,
    states: u64,
) -> Agreement {
    // Few scheduling points are a matter of speed: a difference has to show with all of them.
    match attempt(program, profile, observed, states, true) {
        Agreement::Differs(_) => attempt(program, profile, observed, states, false),
        answer @ (Agreement::Agrees
        | Agreement::Endless
        | Agreement::Undefined { .. }
        | Agreement::Undecided) => answer,
    }
}

/// How a case is explored.
pub(super) fn settings(states: u64, few_points: bool) -> Settings {
    Settings {
        tuning: Tuning {
            few_points,
            ..Tuning::default()
        },
        limits: Limits {
            states: Some(states),
            ..Limits::default()
        },
        ..Settings::default()
    }
}

fn attempt(
    program: &Arc<Program>,
    profile: Profile,
    observed: &Observed,
    states: u64,
    few_points: bool,
) -> Agreement {
    let case = Case::new(program, profile, observed);
    let settings = settings(states, few_points);
    let explored = explore_with(&case, &settings, &mut |_| true);
    let seen = case.seen.take();
    let stays = || {
        let endless = lassos(&explored.graph, &|_| true);
        endless.iter().any(|lasso| {
            let nodes = lasso.nodes.iter();
            let mut outcomes = nodes.map(|node| explored.graph.nodes()[*node as usize].outcome);
            outcomes.all(|outcome| outcome == Some(MATCHES))
        })
    };
    if observed.end.ran_long() && stays() {
        Agreement::Endless
    } else if seen.matched || stays() {
        Agreement::Agrees
    } else if let Some(at) = seen.undefined {
        Agreement::Undefined { at }
    } else if seen.ran_as_long {
        Agreement::Agrees
    } else if explored.cut.is_empty() {
        Agreement::Differs(Difference {
            at: seen.farthest,
            model: seen.instead.into_iter().collect(),
        })
    } else {
        Agreement::Undecided
    }
}
