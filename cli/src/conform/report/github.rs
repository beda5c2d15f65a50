//! The report for a GitHub workflow: an annotation for each thing that is wrong, then the sum.

use super::super::verdict::{Difference, Pair, Verdict};
use super::{Conformance, fallen_line, summary_line};
use crate::record::{self, Place};
use crate::render::github::{Level, annotation, finding};

/// The report for a GitHub workflow.
#[must_use]
pub fn github(all: &Conformance<'_>) -> String {
    let mut text = String::new();
    for scenario in &all.plan.scenarios {
        let file = &scenario.file;
        for found in &scenario.findings {
            text += &finding(&record::finding(&file.path, &file.source, found));
        }
    }
    for pair in &all.results.pairs {
        if let Verdict::Driven(driven) = &pair.verdict {
            // One for each: the others of the same scenario and libpython are most often the same.
            let first = driven.unknown().next();
            text += &first.map_or_else(String::new, |difference| differs(all, pair, difference));
        }
    }
    for number in &all.results.stale {
        let entry = &all.plan.deviations.entries[*number];
        let message = format!(
            "`{}` does not deviate at {} any more",
            entry.scenario, entry.step
        );
        let path = &all.plan.deviations.path;
        text += &annotation(
            Level::Error,
            path,
            line(entry.line),
            "stale deviation",
            &message,
        );
    }
    for fallen in all.fallen {
        let name = &all.plan.targets[fallen.target].name;
        let message = format!("{name} {}", fallen_line(fallen));
        text += &format!("::error title=counts fell::{message}\n");
    }
    text + &summary_line(&all.summary()) + "\n"
}

fn differs(all: &Conformance<'_>, pair: &Pair, difference: &Difference) -> String {
    let file = &all.plan.scenarios[pair.scenario].file.path;
    let name = &all.plan.targets[pair.library].name;
    let mut message = format!(
        "{name} differs at {}\nlibpython: {}",
        difference.step, difference.library
    );
    for model in &difference.model {
        message += &format!("\nmodel: {model}");
    }
    message += &format!("\nReplay: {}", all.again(pair, difference));
    let place = line(difference.line.unwrap_or(1));
    annotation(
        Level::Error,
        file,
        place,
        "differs from the model",
        &message,
    )
}

fn line(line: u32) -> Place {
    Place {
        line,
        column: 1,
        end_line: line,
        end_column: 1,
    }
}
