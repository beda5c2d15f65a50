//! Runs one scenario on one libpython, by every schedule that is asked for, and judges each run.

use super::deviations::Deviations;
use super::guide::Order;
use super::library::{Answer, Library, Request};
use super::verdict::{Difference, Driven, Verdict};
use super::words::Words;
use crate::engine;
use crate::libpython::Identity;
use std::collections::BTreeMap;
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::conform::{self, Agreement, CallGraph, Guide, Transitions, call_graph, follow};
use tstate::sim::events::{End, Observed};
use tstate::sim::scenario::program::Program;

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
    let orders = orders(&case, runs, deviations, &graph);
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
        known: BTreeMap::new(),
        traces: Vec::new(),
    };
    let mut refused = None;
    for order in &orders {
        if let Err(reason) = judged.run(order, library) {
            refused = Some(reason);
            break;
        }
    }
    judged.driven.covered = judged.taken.count_among(&graph.transitions) as u64;
    judged.outcome(refused)
}

/// The schedules to run, without repetition: what the model knows, what known deviations name, and chance.
fn orders(case: &Case<'_>, runs: &Runs, deviations: &Deviations, graph: &CallGraph) -> Vec<Order> {
    if let Some(order) = &runs.only {
        return vec![order.clone()];
    }
    let mut orders: Vec<Order> = spread(&graph.guides, runs.schedules)
        .map(|guide| Order::Guide(guide.clone()))
        .collect();
    if orders.is_empty() {
        // There is always the run that nobody guides.
        orders.push(Order::Guide(Guide::default()));
    }
    let named = deviations.about(case.name, case.identity);
    orders.extend(named.filter_map(|(_, entry)| entry.schedule.clone()));
    orders.extend((1..=runs.seeds).map(Order::Seed));
    let mut known = std::collections::BTreeSet::new();
    orders.retain(|order| known.insert(order.clone()));
    orders
}

/// At most `count` of the guides, from all parts of the list.
fn spread(guides: &[Guide], count: u64) -> impl Iterator<Item = &Guide> {
    let (all, count) = (guides.len() as u64, count.min(guides.len() as u64));
    (0..count).filter_map(move |number| guides.get((number * all / count) as usize))
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
    /// Runs one schedule as often as it is asked for; an error if the library does not run the scenario at all.
    fn run(&mut self, order: &Order, library: &mut dyn Library) -> Result<(), String> {
        let request = Request {
            source: self.case.source,
            profile: self.case.profile,
            order,
        };
        let mut first: Option<Observed> = None;
        let mut is_unstable = false;
        for _ in 0..self.runs.repeat {
            let (observed, strayed) = match library.run(&request) {
                Answer::Ran { observed, strayed } => (observed, strayed),
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
            self.judge(order, observed);
        }
        self.driven.unstable += u64::from(is_unstable);
        Ok(())
    }

    fn judge(&mut self, order: &Order, observed: Observed) {
        let Case {
            program, profile, ..
        } = self.case;
        let is_new = !self.known.contains_key(&observed);
        let agreement = self
            .known
            .entry(observed.clone())
            .or_insert_with(|| follow(program, profile, &observed, self.runs.states))
            .clone();
        match agreement {
            Agreement::Undecided => {
                let reason = format!(
                    "the model gave no answer within {} states",
                    self.runs.states
                );
                *self.driven.open.entry(reason).or_default() += 1;
                return;
            }
            Agreement::Differs(difference) => self.differ(order, &observed, &difference),
            Agreement::Endless => self.taken.take(&observed),
            Agreement::Agrees | Agreement::Undefined { .. } => {
                let is_undefined = matches!(agreement, Agreement::Undefined { .. });
                if let End::Cut(bound) = &observed.end
                    && !(is_undefined && observed.end.ran_long())
                {
                    let reason = format!("cut by a bound: {bound}");
                    *self.driven.open.entry(reason).or_default() += 1;
                    return;
                }
                self.driven.undefined += u64::from(is_undefined);
                self.taken.take(&observed);
                if is_new {
                    self.traces.push(observed);
                }
            }
        }
        self.driven.schedules += 1;
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
            library: event.map_or_else(|| words.end(observed), |event| words.event(event)),
            model: found.model.iter().map(|text| words.model(text)).collect(),
            known: None,
        };
        let mut about = self.deviations.about(self.case.name, self.case.identity);
        difference.known = about
            .find(|(_, entry)| entry.is(&difference))
            .map(|(number, _)| number);
        self.driven.differences.push(difference);
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
