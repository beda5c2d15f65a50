//! The report for machines: one object a line.

use super::super::list;
use super::super::record::{self, Record, Word};
use super::super::verdict::{Pair, Status, Verdict};
use super::Conformance;
use crate::record as texts;

/// The report for machines.
#[must_use]
pub fn json(all: &Conformance<'_>) -> String {
    let mut records = Vec::new();
    let libpythons = all.survey.known.iter().map(list::libpython);
    records.extend(libpythons.map(Record::Libpython));
    for scenario in &all.plan.scenarios {
        let file = &scenario.file;
        let found = scenario.findings.iter();
        let found = found.map(|finding| texts::finding(&file.path, &file.source, finding));
        records.extend(found.map(Record::Diagnostic));
    }
    let pairs = all.results.pairs.iter();
    records.extend(pairs.map(|pair| Record::Conformance(conformance(all, pair))));
    for number in &all.results.stale {
        let entry = &all.plan.deviations.entries[*number];
        records.push(Record::Stale(record::Stale {
            file: all.plan.deviations.path.clone(),
            line: entry.line,
            scenario: entry.scenario.clone(),
            step: entry.step.clone(),
        }));
    }
    for fallen in all.fallen {
        records.push(Record::Fallen(record::Fallen {
            libpython: all.plan.targets[fallen.target].name.clone(),
            held_to: fallen.to.clone(),
            scenarios: fallen.drove.scenarios,
            scenarios_least: fallen.least.scenarios,
            schedules: fallen.drove.schedules,
            schedules_least: fallen.least.schedules,
        }));
    }
    records.push(Record::Summary(all.summary()));
    records.into_iter().map(record::line).collect()
}

fn conformance(all: &Conformance<'_>, pair: &Pair) -> record::Conformance {
    let file = &all.plan.scenarios[pair.scenario].file;
    let status = match pair.verdict.status() {
        Status::Agrees => Word::Agrees,
        Status::Known => Word::KnownDeviation,
        Status::Differs => Word::Differs,
        Status::NotDriven => Word::NotDriven,
    };
    let (reason, driven) = match &pair.verdict {
        Verdict::NotDriven(reason) => (Some(reason.clone()), Default::default()),
        Verdict::Driven(driven) => (None, driven.clone()),
    };
    let differences = driven.differences.iter().map(|found| record::Difference {
        schedule: found.order.to_string(),
        at: found.at,
        step: found.step.clone(),
        line: found.line,
        before: found.before.clone(),
        libpython: found.library.clone(),
        model: found.model.clone(),
        known: all.known(found),
    });
    record::Conformance {
        name: file.name.clone(),
        file: file.path.clone(),
        libpython: all.plan.targets[pair.library].name.clone(),
        status,
        reason,
        schedules: driven.schedules,
        undefined: driven.undefined,
        strayed: driven.strayed,
        unstable: driven.unstable,
        open: driven.open,
        covered: driven.covered,
        transitions: driven.transitions,
        cut: driven.cut,
        differences: differences.collect(),
    }
}
