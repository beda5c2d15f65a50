//! The report for machines: one object a line.

use super::{Event, Reporter};
use crate::check::plan::{Plan, Scenario};
use crate::check::verdict::{self, Checked, Counterexample, Walked};
use crate::record::{self, Failure, Outcome, Record, Run, Summary, Word};
use tstate::sim::diagnostic::{LineIndex, Span};
use tstate::sim::schedule::ENGINE_VERSION;
use tstate::sim::verdict::{Status, Verdict};

/// The report for machines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Reporter for Json {
    fn begin(&mut self, plan: &Plan) -> String {
        record::line(Record::Run(Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE_VERSION,
            scenarios: plan.scenarios.len() as u64,
            verdicts: plan.verdicts() as u64,
        }))
    }

    fn event(&mut self, event: &Event<'_>) -> String {
        match event {
            Event::Findings(scenario) => findings(scenario),
            Event::Skipped(scenario) => {
                record::line(Record::Scenario(unchecked(scenario, Word::Skipped)))
            }
            Event::Verdict(scenario, checked) => checked_lines(scenario, checked),
        }
    }

    fn end(&mut self, summary: &Summary) -> String {
        record::line(Record::Summary(*summary))
    }
}

fn findings(scenario: &Scenario) -> String {
    let (path, source) = (&scenario.file.path, &scenario.file.source);
    let each = scenario
        .findings
        .iter()
        .map(|finding| Record::Diagnostic(record::finding(path, source, finding)));
    let broken = scenario
        .is_broken()
        .then(|| Record::Scenario(unchecked(scenario, Word::Broken)));
    each.chain(broken).map(record::line).collect()
}

fn unchecked(scenario: &Scenario, status: Word) -> record::Scenario {
    record::Scenario {
        name: scenario.file.name.clone(),
        file: scenario.file.path.clone(),
        title: scenario.title().map(str::to_owned),
        profile: None,
        status,
        states: 0,
        transitions: 0,
        bounds: Vec::new(),
        outcomes: Vec::new(),
        failures: Vec::new(),
    }
}

fn checked_lines(scenario: &Scenario, checked: &Checked) -> String {
    let verdict = &checked.verdict;
    let status = match verdict.status() {
        Status::Met => Word::Ok,
        Status::Inconclusive => Word::Inconclusive,
        Status::Failed => Word::Failed,
    };
    let first = match &checked.walked {
        None => Record::Scenario(record::Scenario {
            profile: Some(verdict.profile.to_string()),
            states: verdict.states,
            transitions: verdict.transitions,
            bounds: verdict.cut.iter().map(ToString::to_string).collect(),
            outcomes: outcomes(verdict),
            failures: failures(scenario, verdict),
            ..unchecked(scenario, status)
        }),
        Some(walked) => Record::Walk(walk(scenario, verdict, walked, status)),
    };
    let runs = checked
        .counterexamples
        .iter()
        .filter_map(|run| counterexample(scenario, verdict, run));
    std::iter::once(first)
        .chain(runs)
        .map(record::line)
        .collect()
}

fn walk(scenario: &Scenario, verdict: &Verdict, walked: &Walked, status: Word) -> record::Walk {
    record::Walk {
        name: scenario.file.name.clone(),
        file: scenario.file.path.clone(),
        title: scenario.title().map(str::to_owned),
        profile: verdict.profile.to_string(),
        status,
        seed: walked.seed,
        runs: walked.runs,
        given_up: walked.given_up,
        steps: verdict.steps,
        outcomes: outcomes(verdict),
        failures: failures(scenario, verdict),
    }
}

fn outcomes(verdict: &Verdict) -> Vec<Outcome> {
    let each = verdict.outcomes.iter().map(|found| Outcome {
        outcome: found.text.clone(),
        steps: found.steps,
        switches: found.switches,
        ends: found.ends,
        schedule: found.schedule.to_string(),
    });
    each.collect()
}

fn failures(scenario: &Scenario, verdict: &Verdict) -> Vec<Failure> {
    let Some(program) = &scenario.program else {
        return Vec::new();
    };
    let lines = LineIndex::new(&scenario.file.source);
    let each = verdict.failures.iter().map(|failure| Failure {
        code: verdict::code(program, verdict, failure).to_string(),
        message: failure.message.clone(),
        place: record::place(
            &scenario.file.source,
            &lines,
            Span::new(failure.span.0, failure.span.1),
        ),
        undecided: failure.undecided,
        outcome: verdict::shown_by(verdict, failure).map(|found| found.text.clone()),
    });
    each.collect()
}

fn counterexample(scenario: &Scenario, verdict: &Verdict, run: &Counterexample) -> Option<Record> {
    let found = verdict.outcomes.get(run.found)?;
    Some(record::counterexample(&scenario.file, found, &run.trace))
}
