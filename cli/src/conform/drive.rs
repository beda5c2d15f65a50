//! Runs one scenario on one libpython, by every schedule that is asked for, and judges each run.

use super::deviations::Deviations;
use super::guide::Order;
use super::library::{Answer, Library, Request};
use super::verdict::{Difference, Driven, Verdict};
use super::words::Words;
use crate::engine;
use crate::libpython::Identity;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::conform::{
    self, Agreement, CallGraph, Guide, Transitions, Way, call_graph, follow, guide_of,
};
use tstate::sim::events::{End, Event, Observed};
use tstate::sim::explorer::Limits;
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::Outcome as ModelOutcome;
use tstate::sim::{CheckOptions, check};

/// How many steps before a difference are told.
const BEFORE: usize = 4;

/// What to run.
#[derive(Clone, Debug)]
pub struct Runs {
    /// At most this many schedules of those that the model knows.
    pub schedules: u64,
    /// This schedule only.
    pub only: Option<Order>,
    /// The seeds 1 to this one.
    pub seeds: u64,
    /// Each this many times.
    pub repeat: u64,
    /// At most this many more schedules, for transitions that were not taken.
    pub search: u64,
    /// States to look at for one answer of the model.
    pub states: u64,
    /// On the C library's own primitives: what a run shows depends on time.
    pub sampled: bool,
}

/// One scenario on one libpython.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The scenario's name.
    pub name: &'a str,
    /// Its text.
    pub source: &'a str,
    /// What the text says.
    pub program: &'a Arc<Program>,
    /// What the library is.
    pub identity: &'a Identity,
    /// The profile of exactly this library.
    pub profile: Profile,
}

/// A schedule to be run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attempt {
    order: Order,
    /// What the model has there, to be aimed at.
    aims: Vec<Event>,
    /// Threads inside calls are tried from the last to the first.
    backwards: bool,
}

impl Attempt {
    /// Exactly this one.
    fn at(order: Order) -> Self {
        Self {
            order,
            aims: Vec::new(),
            backwards: false,
        }
    }

    /// To take a transition.
    fn to(way: &Way, backwards: bool) -> Self {
        Self {
            order: Order::Guide(way.guide(), Vec::new()),
            aims: way.events.clone(),
            backwards,
        }
    }
}

/// A verdict, and the distinct runs that it is about.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The runs that the model has, in the order in which they came.
    pub traces: Vec<Observed>,
}

/// What has been learned so far.
struct Judged<'a> {
    case: Case<'a>,
    runs: &'a Runs,
    deviations: &'a Deviations,
    driven: Driven,
    taken: Transitions,
    /// The schedules that were run.
    tried: BTreeSet<Attempt>,
    /// The answers of the model: many schedules end in the same run.
    known: BTreeMap<Observed, Agreement>,
    traces: Vec<Observed>,
}

/// Runs a scenario on a libpython and judges what it did.
pub fn drive(
    case: Case<'_>,
    runs: &Runs,
    deviations: &Deviations,
    library: &mut dyn Library,
) -> Outcome {
    let unmodelled = engine::unmodelled(case.program, case.profile);
    if let Some(finding) = unmodelled.first() {
        return Outcome::not_driven(finding.message.clone());
    }
    let graph = match &runs.only {
        Some(_) => CallGraph::default(),
        None => call_graph(case.program, case.profile, runs.states),
    };
    let attempts = attempts(&case, runs, deviations, &graph);
    let mut judged = Judged {
        case,
        runs,
        deviations,
        driven: Driven {
            transitions: graph.transitions.count() as u64,
            cut: graph.cut,
            ..Driven::default()
        },
        taken: Transitions::default(),
        tried: BTreeSet::new(),
        known: BTreeMap::new(),
        traces: Vec::new(),
    };
    let mut refused = None;
    for attempt in &attempts {
        if let Err(reason) = judged.run(attempt, library) {
            refused = Some(reason);
            break;
        }
    }
    if refused.is_none() {
        refused = judged.search(&graph, library).err();
    }
    judged.driven.covered = judged.taken.count_among(&graph.transitions) as u64;
    judged.outcome(refused)
}

/// Runs of the model that end otherwise than well, one to each outcome, as schedules.
fn counterexamples(case: &Case<'_>, runs: &Runs) -> Vec<Attempt> {
    let options = CheckOptions {
        limits: Limits {
            states: Some(runs.states),
            ..Limits::default()
        },
        ..CheckOptions::default()
    };
    let checked = check(
        case.program,
        case.source,
        case.profile,
        &options,
        &mut |_| true,
    );
    let found = checked.verdict.outcomes.iter();
    found
        .filter(|found| found.outcome != ModelOutcome::Ok)
        .map(|found| guide_of(case.program, case.profile, &found.schedule.choices))
        .map(|guide| Attempt::at(Order::Guide(guide, Vec::new())))
        .collect()
}

/// The schedules to run: what the model knows, its counterexamples, what known deviations name, and
/// chance.
fn attempts(
    case: &Case<'_>,
    runs: &Runs,
    deviations: &Deviations,
    graph: &CallGraph,
) -> Vec<Attempt> {
    if let Some(order) = &runs.only {
        return vec![Attempt::at(order.clone())];
    }
    let mut attempts: Vec<Attempt> = spread(&graph.ways, runs.schedules)
        .map(|way| Attempt::to(way, false))
        .collect();
    if attempts.is_empty() {
        // There is always the run that nobody guides.
        attempts.push(Attempt::at(Order::Guide(Guide::default(), Vec::new())));
    }
    attempts.extend(counterexamples(case, runs));
    let named = deviations.about(case.name, case.identity);
    let named = named.filter_map(|(_, entry)| entry.schedule.clone());
    attempts.extend(named.map(Attempt::at));
    attempts.extend((1..=runs.seeds).map(Order::Seed).map(Attempt::at));
    attempts
}

/// At most `count` of the ways, from all parts of the list.
fn spread(ways: &[Way], count: u64) -> impl Iterator<Item = &Way> {
    let (all, count) = (ways.len() as u64, count.min(ways.len() as u64));
    (0..count).filter_map(move |number| ways.get((number * all / count) as usize))
}

impl Outcome {
    fn not_driven(reason: String) -> Self {
        Self {
            verdict: Verdict::NotDriven(reason),
            traces: Vec::new(),
        }
    }
}

impl Judged<'_> {
    /// Runs one schedule as often as it is asked for, unless it was run already; an error if the library does not run the
    /// scenario at all.
    fn run(&mut self, attempt: &Attempt, library: &mut dyn Library) -> Result<(), String> {
        if !self.tried.insert(attempt.clone()) {
            return Ok(());
        }
        let request = Request {
            source: self.case.source,
            profile: self.case.profile,
            order: &attempt.order,
            aims: if self.runs.sampled {
                &[]
            } else {
                &attempt.aims
            },
            backwards: attempt.backwards,
        };
        let mut first: Option<Observed> = None;
        let (mut is_unstable, mut is_undefined) = (false, false);
        for _ in 0..self.runs.repeat {
            let (observed, strayed, pushes) = match library.run(&request) {
                Answer::Ran {
                    observed,
                    strayed,
                    pushes,
                } => (observed, strayed, pushes),
                Answer::Refused(reason) => return Err(reason),
                Answer::Failed(reason) => {
                    *self.driven.open.entry(reason).or_default() += 1;
                    continue;
                }
            };
            match &first {
                Some(first) if *first == observed => continue,
                Some(_) => is_unstable = true,
                None => {
                    self.driven.strayed += u64::from(strayed);
                    first = Some(observed.clone());
                }
            }
            let order = match &attempt.order {
                Order::Guide(guide, _) if !attempt.aims.is_empty() => {
                    &Order::Guide(guide.clone(), pushes)
                }
                order @ (Order::Guide(..) | Order::Seed(_)) => order,
            };
            is_undefined |= self.judge(order, observed);
        }
        self.driven.unstable += u64::from(is_unstable && !is_undefined);
        Ok(())
    }

    /// Once more for the transitions that were aimed at and not taken.
    fn search(&mut self, graph: &CallGraph, library: &mut dyn Library) -> Result<(), String> {
        let mut left = self.runs.search;
        for way in &graph.ways {
            for backwards in [false, true] {
                if left == 0 {
                    return Ok(());
                }
                let attempt = Attempt::to(way, backwards);
                if !way.is_among(&self.taken) && !self.tried.contains(&attempt) {
                    left -= 1;
                    self.run(&attempt, library)?;
                }
            }
        }
        Ok(())
    }

    /// Judges a run; whether it met what C leaves undefined.
    fn judge(&mut self, order: &Order, observed: Observed) -> bool {
        let Case {
            program, profile, ..
        } = self.case;
        let is_new = !self.known.contains_key(&observed);
        let agreement = self
            .known
            .entry(observed.clone())
            .or_insert_with(|| follow(program, profile, &observed, self.runs.states))
            .clone();
        let is_undefined = matches!(agreement, Agreement::Undefined { .. });
        match agreement {
            Agreement::Undecided => {
                let reason = format!(
                    "the model gave no answer within {} states",
                    self.runs.states
                );
                *self.driven.open.entry(reason).or_default() += 1;
                return false;
            }
            Agreement::Differs(difference) => self.differ(order, &observed, &difference),
            Agreement::Endless => self.taken.take(&observed),
            Agreement::Agrees | Agreement::Undefined { .. } => {
                if let End::Cut(bound) = &observed.end
                    && !(is_undefined && observed.end.ran_long())
                {
                    let reason = format!("cut by a bound: {bound}");
                    *self.driven.open.entry(reason).or_default() += 1;
                    return is_undefined;
                }
                self.driven.undefined += u64::from(is_undefined);
                self.taken.take(&observed);
                if is_new {
                    self.traces.push(observed);
                }
            }
        }
        self.driven.schedules += 1;
        is_undefined
    }

    fn differ(&mut self, order: &Order, observed: &Observed, found: &conform::Difference) {
        let words = Words::new(self.case.program, self.case.source);
        let event = observed.events.get(found.at);
        let before = &observed.events[found.at.saturating_sub(BEFORE)..found.at];
        let mut difference = Difference {
            order: order.clone(),
            at: found.at,
            step: event.map_or_else(|| "end".to_owned(), |event| words.step(event)),
            line: event.and_then(|event| words.line(event)),
            before: before.iter().map(|event| words.event(event)).collect(),
            library: event.map_or_else(
                || observed.end.told(&observed.threads),
                |event| words.event(event),
            ),
            model: found.model.iter().map(|text| words.model(text)).collect(),
            known: None,
        };
        let mut about = self.deviations.about(self.case.name, self.case.identity);
        difference.known = about
            .find(|(_, entry)| entry.is(&difference))
            .map(|(number, _)| number);
        if !self.driven.differences.contains(&difference) {
            self.driven.differences.push(difference);
        }
    }

    fn outcome(self, refused: Option<String>) -> Outcome {
        if self.driven.schedules > 0 {
            // What was run stands, whatever came after it.
            let mut driven = self.driven;
            if let Some(reason) = refused {
                *driven.open.entry(reason).or_default() += 1;
            }
            return Outcome {
                verdict: Verdict::Driven(driven),
                traces: self.traces,
            };
        }
        let open = self.driven.open.into_iter().max_by_key(|(_, count)| *count);
        let reason = refused.or_else(|| open.map(|(reason, _)| reason));
        Outcome::not_driven(reason.unwrap_or_else(|| "no run came of any schedule".to_owned()))
    }
}
