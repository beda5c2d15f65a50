//! One scenario searched on one libpython: the outcomes that were met, each with its shortest run, and what claims say.

use super::attributed::{self, Modelled, attributed, endless};
use super::library::{Answer, Library, Order, Ran};
use super::schedule::Schedule;
use super::search::{self, Kind, Options};
use super::shrink::shrink;
use crate::engine;
use std::collections::BTreeMap;
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::CheckOptions;
use tstate::sim::events::End;
use tstate::sim::explorer::Limits;
use tstate::sim::outside::{self, Judgement};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::{self, Outcome};
use tstate_driver::Mode;

/// After so many failures in a row the driver is not asked again.
const FAILURES_MAX: u32 = 3;

/// As how many runs one counts that was cut, as it takes that long.
const CUT_RUNS: u64 = 10;

/// States that the model looks at to be compared.
const STATES_MAX: u64 = 400_000;

/// One scenario on one libpython.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The scenario's text.
    pub source: &'a str,
    /// What the text says.
    pub program: &'a Arc<Program>,
    /// The profile of exactly this library.
    pub profile: Profile,
    /// How runs are made.
    pub mode: Mode,
}

/// An outcome that was met.
#[derive(Clone, Debug)]
pub struct Met {
    /// What happened.
    pub outcome: Outcome,
    /// The same in the scenario language's words.
    pub text: String,
    /// Runs that ended so.
    pub runs: u64,
    /// The first of them, counted from 1.
    pub first: u64,
    /// Which scheduler met it first.
    pub by: Kind,
    /// What the first run did otherwise than by default, before it was made shorter.
    pub departures: u64,
    /// The shortest run that was found; `None` of runs that nobody decided.
    pub schedule: Option<Schedule>,
    /// That run.
    pub ran: Box<Ran>,
    /// The list of the first run did not end so when it was run again.
    pub unstable: bool,
    /// Which outcomes of the model runs that ended so are, as far as that is known; `None` if the model was not asked.
    pub modelled: Option<Vec<Modelled>>,
}

/// What the model says of the outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It was not asked.
    No,
    /// It has all but these, by their places.
    Lacks(Vec<usize>),
    /// It gave no answer: why.
    Open(String),
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Hunted {
    /// Runs that were made.
    pub runs: u64,
    /// Runs that were made to shorten others.
    pub shrinking: u64,
    /// The outcomes, best first.
    pub met: Vec<Met>,
    /// Runs that have no outcome, by the reason.
    pub given_up: BTreeMap<String, u64>,
    /// Up to how many switches all runs were made, if all were.
    pub complete: Option<u32>,
    /// Whether nothing was left to run.
    pub exhausted: bool,
    /// What claims say.
    pub judgement: Judgement,
    /// What the model says.
    pub model: Compared,
}

/// What came of one scenario on one libpython.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// No run could be had.
    NotDriven(String),
    /// Runs were made.
    Hunted(Box<Hunted>),
}

impl Hunted {
    /// Whether a claim is refuted, or the model lacks an outcome.
    #[must_use]
    pub fn failed(&self) -> bool {
        let lacks = matches!(&self.model, Compared::Lacks(places) if !places.is_empty());
        !self.judgement.refused.is_empty() || lacks
    }
}

/// What is learned while runs are made.
#[derive(Default)]
struct Notes {
    runs: u64,
    met: BTreeMap<Outcome, Met>,
    /// Runs of each outcome that differ in what was seen of them: the first few.
    seen: BTreeMap<Outcome, Vec<Ran>>,
    given_up: BTreeMap<String, u64>,
    /// Runs without an outcome that went on for long, each with other events: the first few.
    long: Vec<Long>,
}

/// A run that was cut because it went on for long.
#[derive(Clone, Debug)]
pub(super) struct Long {
    pub(super) ran: Box<Ran>,
    /// Runs like it.
    pub(super) runs: u64,
    /// The first of them, counted from 1.
    pub(super) first: u64,
    pub(super) by: Kind,
}

impl Notes {
    fn give_up(&mut self, reason: String) {
        *self.given_up.entry(reason).or_default() += 1;
    }

    /// Keeps a run that went on for long, if there are few and none like it.
    fn keep_long(&mut self, ran: Box<Ran>, by: Kind) {
        let mut known = self.long.iter_mut();
        if let Some(known) = known.find(|known| known.ran.sight == ran.sight) {
            known.runs += 1;
        } else if self.long.len() < attributed::LONG_MAX && by != Kind::Stress {
            self.long.push(Long {
                ran,
                runs: 1,
                first: self.runs,
                by,
            });
        }
    }

    /// Runs that have an outcome after all.
    fn take_back(&mut self, met: &Met) {
        let reason = met.ran.sight.observed.end.to_string();
        if let Some(runs) = self.given_up.get_mut(&reason) {
            *runs = runs.saturating_sub(met.runs);
        }
        self.given_up.retain(|_, runs| *runs > 0);
    }

    /// Notes how a run ended; whether it has an outcome.
    fn meet(&mut self, case: &Case<'_>, ran: Box<Ran>, by: Kind) -> bool {
        let outcome = ran.sight.outcome(case.profile);
        if *outcome.process().0 == Outcome::Inconclusive {
            self.give_up(ran.sight.observed.end.to_string());
            if ran.sight.observed.end.ran_long() {
                self.keep_long(ran, by);
            }
            return false;
        }
        self.keep(&outcome, &ran);
        if let Some(known) = self.met.get_mut(&outcome) {
            known.runs += 1;
            return true;
        }
        let met = Met {
            text: outside::text(case.program, &outcome),
            runs: 1,
            first: self.runs,
            by,
            departures: ran.planned.departures.0.len() as u64,
            schedule: (by != Kind::Stress).then(|| case.schedule(&ran)),
            unstable: false,
            modelled: None,
            ran,
            outcome: outcome.clone(),
        };
        self.met.insert(outcome, met);
        true
    }

    /// Keeps the run for the model, if there are few of the outcome and none like it.
    fn keep(&mut self, outcome: &Outcome, ran: &Ran) {
        let kept = self.seen.entry(outcome.clone()).or_default();
        if kept.len() < attributed::RUNS_MAX && kept.iter().all(|other| other.sight != ran.sight) {
            kept.push(ran.clone());
        }
    }
}

impl Case<'_> {
    /// The run as a short string.
    pub(super) fn schedule(&self, ran: &Ran) -> Schedule {
        Schedule {
            profile: self.profile,
            scenario: engine::digest_of(self.source),
            inline: self.mode.inline,
            departures: ran.planned.departures.clone(),
        }
    }
}

/// Searches one scenario on one libpython; whether the model is asked too.
pub fn hunt(
    case: Case<'_>,
    options: &Options,
    asks_model: bool,
    library: &mut dyn Library,
) -> Verdict {
    let asked_ahead = (options.kind == Kind::Aimed).then(|| explored(&case));
    let ahead = asked_ahead.as_ref().and_then(|model| model.as_ref().ok());
    let mut scheduler = search::scheduler(case, options, ahead);
    let mut notes = Notes::default();
    let (mut spent, mut failures, mut exhausted) = (0, 0, false);
    while spent < options.runs && failures < FAILURES_MAX {
        let Some((order, by)) = scheduler.next() else {
            exhausted = true;
            break;
        };
        let ran = match library.run(&order) {
            Answer::Ran(ran) => ran,
            Answer::Refused(reason) => return Verdict::NotDriven(reason),
            Answer::Failed(reason) => {
                failures += 1;
                scheduler.gave_up();
                notes.give_up(reason);
                continue;
            }
        };
        failures = 0;
        notes.runs += 1;
        let is_cut = matches!(ran.sight.observed.end, End::Cut(_));
        spent += if is_cut { CUT_RUNS } else { 1 };
        let is_known = *ran.sight.outcome(case.profile).process().0 != Outcome::Inconclusive;
        if is_known {
            scheduler.learn(&ran);
        } else {
            scheduler.gave_up();
        }
        notes.meet(&case, ran, by);
    }
    if notes.runs == 0 {
        let reason = notes.given_up.into_keys().next();
        return Verdict::NotDriven(reason.unwrap_or_else(|| "no run was made".to_owned()));
    }
    let shrinking = shorten(&case, &mut notes, library);
    let mut met: Vec<Met> = std::mem::take(&mut notes.met).into_values().collect();
    let shows_leaks = met.iter().all(|met| met.ran.sight.left.is_some());
    let model = asks_model.then(|| asked_ahead.unwrap_or_else(|| explored(&case)));
    if let Some(Ok(model)) = &model {
        tell_apart(&case, &mut notes, &mut met, model, library);
    }
    let outcomes: Vec<Outcome> = met.iter().map(|met| met.outcome.clone()).collect();
    Verdict::Hunted(Box::new(Hunted {
        runs: notes.runs,
        shrinking,
        judgement: outside::judge(case.program, case.profile, &outcomes, shows_leaks),
        model: match model {
            Some(Ok(model)) => compare(&case, &outcomes, &model, shows_leaks),
            Some(Err(reason)) => Compared::Open(reason),
            None => Compared::No,
        },
        met,
        given_up: notes.given_up,
        complete: scheduler.complete(),
        exhausted,
    }))
}

/// Asks the model which of its outcomes the runs are, and which of those that were given up have one.
fn tell_apart(
    case: &Case<'_>,
    notes: &mut Notes,
    all: &mut Vec<Met>,
    model: &verdict::Verdict,
    library: &mut dyn Library,
) {
    for met in all.iter_mut() {
        let others = notes.seen.remove(&met.outcome).unwrap_or_default();
        met.modelled = Some(attributed(case, met, &others, model, library));
    }
    for long in endless(case, &notes.long, model, library) {
        if all.iter().all(|known| known.outcome != long.outcome) {
            notes.take_back(&long);
            all.push(long);
        }
    }
    all.sort_by(|one, other| one.outcome.cmp(&other.outcome));
}

/// Runs the list of each outcome again, and makes it shorter; how many runs that took.
fn shorten(case: &Case<'_>, notes: &mut Notes, library: &mut dyn Library) -> u64 {
    let mut runs = 0;
    for met in notes.met.values_mut() {
        let list = &met.ran.planned.departures;
        if met.schedule.is_none() || list.0.is_empty() {
            continue;
        }
        let shrunk = shrink(library, case.profile, list, &met.outcome);
        runs += u64::from(shrunk.runs);
        match shrunk.ran {
            Some(ran) => {
                met.schedule = Some(case.schedule(&ran));
                met.ran = ran;
            }
            None => met.unstable = true,
        }
    }
    runs
}

/// What the model of exactly this release has; else why there is no answer.
fn explored(case: &Case<'_>) -> Result<verdict::Verdict, String> {
    if let Some(finding) = engine::unmodelled(case.program, case.profile).first() {
        return Err(finding.message.clone());
    }
    let options = CheckOptions {
        limits: Limits {
            states: Some(STATES_MAX),
            ..Limits::default()
        },
        ..CheckOptions::default()
    };
    Ok(engine::check(
        case.source,
        case.program,
        case.profile,
        &options,
        &mut |_| true,
    ))
}

/// Which of the outcomes the model does not have.
fn compare(
    case: &Case<'_>,
    outcomes: &[Outcome],
    model: &verdict::Verdict,
    shows_leaks: bool,
) -> Compared {
    let known = model.outcomes.iter().map(|found| found.outcome.clone());
    let known: Vec<Outcome> = known.collect();
    let lacks =
        |place: &usize| !outside::is_among(case.program, &outcomes[*place], &known, shows_leaks);
    let lacking: Vec<usize> = (0..outcomes.len()).filter(lacks).collect();
    if !lacking.is_empty() && !model.cut.is_empty() {
        let bounds: Vec<String> = model.cut.iter().map(ToString::to_string).collect();
        return Compared::Open(format!("bound reached: {}", bounds.join(", ")));
    }
    Compared::Lacks(lacking)
}

/// The run of a schedule.
///
/// # Errors
///
/// There is none: why.
pub fn again(schedule: &Schedule, library: &mut dyn Library) -> Result<Box<Ran>, String> {
    let plan = tstate_driver::Plan {
        departures: schedule.departures.clone(),
        ..tstate_driver::Plan::default()
    };
    match library.run(&Order::Plan(plan)) {
        Answer::Ran(ran) => Ok(ran),
        Answer::Refused(reason) | Answer::Failed(reason) => Err(reason),
    }
}
