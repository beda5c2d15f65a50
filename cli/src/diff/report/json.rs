//! The report for machines: one object a line.

use super::{Reporter, Result};
use crate::diff::compare::{Compared, Pair, Reading, Scenario, Shown, Status};
use crate::diff::run::comparisons;
use crate::record::{self, Diff, DiffSummary, DiffWord, Outcome, Record, Run};
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::schedule::ENGINE_VERSION;
use tstate::sim::verdict::{Found, Verdict};

/// The report for machines.
#[derive(Clone, Copy, Debug)]
pub struct Json {
    /// The profiles that are compared.
    pub pair: Pair,
}

impl Reporter for Json {
    fn begin(&mut self, scenarios: &[Scenario]) -> String {
        record::line(Record::Run(Run {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE_VERSION,
            scenarios: scenarios.len() as u64,
            verdicts: 2 * comparisons(scenarios) as u64,
        }))
    }

    fn scenario(&mut self, scenario: &Scenario, result: Result<'_>) -> String {
        let lines = match (result, &scenario.reading) {
            (Result::Explored(compared), _) => self.explored(scenario, compared),
            (_, Reading::Lacks(release, found)) => {
                let first = Diff {
                    lacks: Some(release.to_string()),
                    ..self.diff(scenario, DiffWord::Lacking)
                };
                with_findings(scenario, first, found)
            }
            (_, Reading::Neither(found)) => {
                with_findings(scenario, self.diff(scenario, DiffWord::Neither), found)
            }
            (_, Reading::Broken(found)) => {
                with_findings(scenario, self.diff(scenario, DiffWord::Broken), found)
            }
            (Result::Unexplored, Reading::Both { .. }) => Vec::new(),
        };
        lines.into_iter().map(record::line).collect()
    }

    fn end(&mut self, summary: &DiffSummary) -> String {
        record::line(Record::DiffSummary(*summary))
    }
}

impl Json {
    fn diff(self, scenario: &Scenario, status: DiffWord) -> Diff {
        Diff {
            name: scenario.file.name.clone(),
            file: scenario.file.path.clone(),
            title: scenario.title().map(str::to_owned),
            old: self.pair.old.to_string(),
            new: self.pair.new.to_string(),
            status,
            lacks: None,
            states: 0,
            old_bounds: Vec::new(),
            new_bounds: Vec::new(),
            lost: Vec::new(),
            gained: Vec::new(),
            open: Vec::new(),
            kept: Vec::new(),
        }
    }

    fn explored(self, scenario: &Scenario, compared: &Compared) -> Vec<Record> {
        let status = match compared.status() {
            Status::Same => DiffWord::Same,
            Status::Changed => DiffWord::Changed,
            Status::Inconclusive => DiffWord::Inconclusive,
        };
        let outcomes = |group: &[Shown]| group.iter().map(|shown| outcome(&shown.found)).collect();
        let bounds = |verdict: &Verdict| verdict.cut.iter().map(ToString::to_string).collect();
        let first = Record::Diff(Diff {
            states: compared.states(),
            old_bounds: bounds(&compared.old),
            new_bounds: bounds(&compared.new),
            lost: outcomes(&compared.lost),
            gained: outcomes(&compared.gained),
            open: outcomes(&compared.open),
            kept: kept(compared),
            ..self.diff(scenario, status)
        });
        let shown = compared.lost.iter().chain(&compared.gained);
        let runs = shown
            .chain(&compared.open)
            .map(|shown| record::counterexample(&scenario.file, &shown.found, &shown.trace));
        std::iter::once(first).chain(runs).collect()
    }
}

fn with_findings(scenario: &Scenario, first: Diff, found: &[Diagnostic]) -> Vec<Record> {
    let (path, source) = (&scenario.file.path, &scenario.file.source);
    let findings = found
        .iter()
        .map(|finding| Record::Diagnostic(record::finding(path, source, finding)));
    findings.chain([Record::Diff(first)]).collect()
}

fn outcome(found: &Found) -> Outcome {
    Outcome {
        outcome: found.text.clone(),
        steps: found.steps,
        switches: found.switches,
        ends: found.ends,
        schedule: found.schedule.to_string(),
    }
}

/// The outcomes that both profiles have, best first.
fn kept(compared: &Compared) -> Vec<String> {
    let new = &compared.new.outcomes;
    let both = compared.old.outcomes.iter();
    let both = both.filter(|found| new.iter().any(|known| known.outcome == found.outcome));
    both.map(|found| found.text.clone()).collect()
}
