//! Which outcomes of the model the runs of an outcome are, where several of the model's look the same from outside.

use super::hunt::{Case, Long, Met};
use super::library::{Library, Ran};
use super::schedule::Schedule;
use super::search::Kind;
use super::shrink::shrink_to;
use tstate::runtime::Crash;
use tstate::sim::conform::attribute;
use tstate::sim::outside;
use tstate::sim::verdict::{Outcome, Verdict};

/// Runs of one outcome, with different events, that the model is asked for.
pub(super) const RUNS_MAX: usize = 24;

/// Runs without an outcome that went on for long, with different events, that the model is asked for.
pub(super) const LONG_MAX: usize = 8;

/// States that the model looks at for one run, with few scheduling points and with all.
const STATES_MAX: u64 = 200_000;

/// An outcome of the model that a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modelled {
    /// In the scenario language's words.
    pub text: String,
    /// How many outcomes of the model look like what was met, this one among them.
    pub among: usize,
    /// The run that no other outcome of the model is.
    pub schedule: Option<Schedule>,
}

/// Whether a run with this outcome says itself what it is. A fatal error that the model does not have comes of what C leaves undefined.
fn speaks_for_itself(case: &Case<'_>, outcome: &Outcome, model: &Verdict) -> bool {
    match outcome.process().0 {
        Outcome::Fatal(_) => {
            let mut known = model.outcomes.iter();
            known.any(|known| outside::is_like(case.program, outcome, &known.outcome, false))
        }
        Outcome::Crash(crash) => *crash == Crash::UseAfterFree.name(),
        Outcome::Ok
        | Outcome::Hang(_)
        | Outcome::Exit(_)
        | Outcome::Leak
        | Outcome::Lost(_)
        | Outcome::Repeated(_)
        | Outcome::Livelock(_)
        | Outcome::Deadlock(_)
        | Outcome::Assertion(_)
        | Outcome::Inconclusive
        | Outcome::Child(_) => false,
    }
}

/// The words of the model's outcomes that look like this one from outside, each once.
fn alike(case: &Case<'_>, met: &Met, model: &Verdict) -> Vec<String> {
    let shows_leaks = met.ran.sight.left.is_some();
    let mut texts = Vec::new();
    for found in &model.outcomes {
        let known = &found.outcome;
        let text = outside::text(case.program, known);
        let looks_so = outside::is_among(
            case.program,
            &met.outcome,
            std::slice::from_ref(known),
            shows_leaks,
        );
        if looks_so && !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Which outcomes of the model runs of this outcome are; `others` are runs that ended so with other events.
pub(super) fn attributed(
    case: &Case<'_>,
    met: &Met,
    others: &[Ran],
    model: &Verdict,
    library: &mut dyn Library,
) -> Vec<Modelled> {
    if met.by == Kind::Stress || speaks_for_itself(case, &met.outcome, model) {
        return Vec::new();
    }
    let alike = alike(case, met, model);
    let modelled = |text: String, schedule| Modelled {
        text,
        among: alike.len(),
        schedule,
    };
    if alike == [met.text.as_str()] && model.cut.is_empty() {
        return vec![modelled(met.text.clone(), met.schedule.clone())];
    }
    let mut found: Vec<Modelled> = Vec::new();
    let others = others.iter().map(|ran| (ran, None));
    let shortest = (&*met.ran, met.schedule.clone());
    for (ran, schedule) in std::iter::once(shortest).chain(others) {
        if found.len() >= alike.len() {
            break;
        }
        let attribution = attribute(
            case.program,
            case.profile,
            &ran.sight,
            case.mode.fenced,
            STATES_MAX,
        );
        let Some(outcome) = attribution.outcome() else {
            continue;
        };
        let text = outside::text(case.program, outcome);
        // A leak that the run would have shown, and did not, is none.
        let looks_so = alike.contains(&text);
        if !looks_so || found.iter().any(|known| known.text == text) {
            continue;
        }
        let schedule = schedule.or_else(|| again(case, ran, library));
        if schedule.is_some() {
            found.push(modelled(text, schedule));
        }
    }
    found
}

/// Runs that were cut because they went on for long, and with whose events the model can come to one livelock only: each such outcome
/// once.
pub(super) fn endless(
    case: &Case<'_>,
    long: &[Long],
    model: &Verdict,
    library: &mut dyn Library,
) -> Vec<Met> {
    let mut met: Vec<Met> = Vec::new();
    for long in long {
        let sight = &long.ran.sight;
        let attribution = attribute(
            case.program,
            case.profile,
            sight,
            case.mode.fenced,
            STATES_MAX,
        );
        let Some(outcome) = attribution.outcome() else {
            continue;
        };
        if let Some(known) = met.iter_mut().find(|known| known.outcome == *outcome) {
            known.runs += long.runs;
            continue;
        }
        if model.outcomes.iter().all(|found| found.outcome != *outcome) {
            continue;
        }
        let schedule = again(case, &long.ran, library);
        let modelled = Modelled {
            text: outside::text(case.program, outcome),
            among: model.outcomes.len(),
            schedule: schedule.clone(),
        };
        met.push(Met {
            outcome: outcome.clone(),
            text: sight.observed.end.to_string(),
            runs: long.runs,
            first: long.first,
            by: long.by,
            departures: long.ran.planned.departures.0.len() as u64,
            unstable: schedule.is_none(),
            schedule,
            ran: long.ran.clone(),
            modelled: Some(vec![modelled]),
        });
    }
    met
}

/// A short list that makes a run with the same events and the same end; `None` if not even its own does.
fn again(case: &Case<'_>, ran: &Ran, library: &mut dyn Library) -> Option<Schedule> {
    let list = &ran.planned.departures;
    let is_same = |other: &Ran| other.sight == ran.sight;
    let shrunk = shrink_to(library, list, &is_same);
    shrunk.ran.map(|ran| case.schedule(&ran))
}
