//! The report for machines: one object a line.

use super::super::attributed;
use super::super::hunt::{Compared, Hunted, Met, Verdict};
use super::super::record::{
    self, Claim, Counterexample, Failure, Modelled, Outcome, Record, Search,
};
use super::super::run::Pair;
use super::super::tell;
use super::Searched;
use crate::check::plan::Scenario;
use crate::record::{Place, Word, finding, place, steps, threads};
use tstate::sim::diagnostic::{LineIndex, Span};

/// The report for machines.
#[must_use]
pub fn json(all: &Searched<'_>) -> String {
    let mut text = String::new();
    for scenario in &all.plan.scenarios {
        let file = &scenario.file;
        for about in &scenario.findings {
            text += &record::line(Record::Diagnostic(finding(&file.path, &file.source, about)));
        }
    }
    for pair in all.pairs {
        text += &record::line(Record::Search(search(all, pair)));
        if let Verdict::Hunted(hunted) = &pair.verdict {
            for met in hunted.wrong() {
                let counterexample = counterexample(all, pair, met);
                text += &counterexample.map(record::line).unwrap_or_default();
            }
        }
    }
    text + &record::line(Record::Summary(all.summary()))
}

fn search(all: &Searched<'_>, pair: &Pair) -> Search {
    let scenario = &all.plan.scenarios[pair.scenario];
    let target = &all.plan.targets[pair.target];
    let options = &all.plan.options;
    let unsearched = Search {
        name: scenario.file.name.clone(),
        file: scenario.file.path.clone(),
        libpython: target.name.clone(),
        profile: target.profile.to_string(),
        status: Word::Skipped,
        reason: None,
        search: options.kind.word().to_owned(),
        seed: options.seed,
        runs: 0,
        shrinking: 0,
        complete_within: None,
        exhausted: false,
        given_up: std::collections::BTreeMap::new(),
        outcomes: Vec::new(),
        failures: Vec::new(),
        confirmed: Vec::new(),
        unmet: Vec::new(),
        not_looked_at: Vec::new(),
        model: None,
    };
    match &pair.verdict {
        Verdict::NotDriven(reason) => Search {
            reason: Some(reason.clone()),
            ..unsearched
        },
        Verdict::Hunted(hunted) => searched(scenario, hunted, unsearched),
    }
}

fn searched(scenario: &Scenario, hunted: &Hunted, unsearched: Search) -> Search {
    let lines = LineIndex::new(&scenario.file.source);
    let at = |span: (u32, u32)| place(&scenario.file.source, &lines, Span::new(span.0, span.1));
    let judgement = &hunted.judgement;
    let claim = |span: (u32, u32), text: &str| Claim {
        claim: text.to_owned(),
        place: at(span),
    };
    let claims = |list: &[((u32, u32), String)]| {
        list.iter().map(|(span, text)| claim(*span, text)).collect()
    };
    Search {
        status: if hunted.failed() {
            Word::Failed
        } else {
            Word::Inconclusive
        },
        runs: hunted.runs,
        shrinking: hunted.shrinking,
        complete_within: hunted.complete,
        exhausted: hunted.exhausted,
        given_up: hunted.given_up.clone(),
        outcomes: outcomes(hunted),
        failures: failures(scenario, hunted, &at),
        confirmed: claims(&judgement.confirmed),
        unmet: claims(&judgement.unmet),
        not_looked_at: judgement
            .unseen
            .iter()
            .map(|(span, word)| claim(*span, word))
            .collect(),
        model: match &hunted.model {
            Compared::No => None,
            Compared::Lacks(places) if places.is_empty() => Some("has all".to_owned()),
            Compared::Lacks(_) => Some("lacks some".to_owned()),
            Compared::Open(reason) => Some(reason.clone()),
        },
        ..unsearched
    }
}

fn outcomes(hunted: &Hunted) -> Vec<Outcome> {
    let each = hunted.met.iter().enumerate().map(|(number, met)| Outcome {
        outcome: met.text.clone(),
        runs: met.runs,
        first: met.first,
        by: met.by.word().to_owned(),
        departures_first: met.departures,
        departures: met.ran.planned.departures.0.len() as u64,
        schedule: met.schedule.as_ref().map(ToString::to_string),
        unstable: met.unstable,
        not_in_model: hunted.lacks(number),
        modelled: met
            .modelled
            .as_ref()
            .map(|all| all.iter().map(modelled).collect()),
    });
    each.collect()
}

fn modelled(known: &attributed::Modelled) -> Modelled {
    Modelled {
        outcome: known.text.clone(),
        among: known.among as u64,
        schedule: known.schedule.as_ref().map(ToString::to_string),
    }
}

fn failures(
    scenario: &Scenario,
    hunted: &Hunted,
    at: &dyn Fn((u32, u32)) -> Place,
) -> Vec<Failure> {
    let Some(program) = &scenario.program else {
        return Vec::new();
    };
    let all = hunted
        .judgement
        .refused
        .iter()
        .chain(&hunted.judgement.open);
    let each = all.map(|failure| Failure {
        code: hunted.code(program, failure).to_string(),
        message: failure.message.clone(),
        place: at(failure.span),
        undecided: failure.undecided,
        outcome: failure
            .found
            .and_then(|found| hunted.met.get(found))
            .map(|met| met.text.clone()),
    });
    each.collect()
}

fn counterexample(all: &Searched<'_>, pair: &Pair, met: &Met) -> Option<Record> {
    let scenario = &all.plan.scenarios[pair.scenario];
    let target = &all.plan.targets[pair.target];
    let program = scenario.program.as_ref()?;
    let trace = tell(program, &scenario.file.source, &met.ran, &met.text);
    Some(Record::Counterexample(Counterexample {
        name: scenario.file.name.clone(),
        file: scenario.file.path.clone(),
        libpython: target.name.clone(),
        profile: target.profile.to_string(),
        outcome: met.text.clone(),
        schedule: met.schedule.as_ref().map(ToString::to_string),
        threads: threads(&trace),
        rows: steps(&trace),
        explanation: trace.explanation.clone(),
        standing: trace.standing.clone(),
    }))
}
