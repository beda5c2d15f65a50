//! The report for a GitHub workflow: an annotation for each thing that is wrong, then the sum.

use super::{Event, Reporter, summary_line};
use crate::check::plan::{Plan, Scenario};
use crate::check::verdict::{self, Checked};
use crate::record::{self, Summary};
use crate::render::github::{self, Level};
use crate::render::trace::{self, Style};
use tstate::sim::verdict::Status;

/// The report for a GitHub workflow.
#[derive(Clone, Copy, Debug, Default)]
pub struct GitHub {
    style: Style,
}

impl GitHub {
    /// A report whose tables are drawn in this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style }
    }

    fn verdict(self, scenario: &Scenario, checked: &Checked) -> String {
        let Some(program) = &scenario.program else {
            return String::new();
        };
        let (path, source) = (&scenario.file.path, &scenario.file.source);
        let verdict = &checked.verdict;
        let mut text = String::new();
        for failure in &verdict.failures {
            let mut finding =
                record::finding(path, source, &verdict::finding(program, verdict, failure));
            finding.message = format!("under {}: {}", verdict.profile, finding.message);
            let run = checked
                .counterexamples
                .iter()
                .find(|run| Some(run.found) == failure.found);
            if let (Some(trace), Some(found)) = (
                run.map(|run| &run.trace),
                verdict::shown_by(verdict, failure),
            ) {
                let table =
                    anstream::adapter::strip_str(&trace::render(trace, self.style)).to_string();
                finding.message += &format!(
                    "\n\n{table}\nReplay: tstate replay {path} {}",
                    found.schedule
                );
            }
            text += &github::finding(&finding);
        }
        if verdict.failures.is_empty() && verdict.status() == Status::Inconclusive {
            text += &cut(scenario, checked);
        }
        text
    }
}

impl Reporter for GitHub {
    fn begin(&mut self, _plan: &Plan) -> String {
        String::new()
    }

    fn event(&mut self, event: &Event<'_>) -> String {
        match event {
            Event::Findings(scenario) => {
                let (path, source) = (&scenario.file.path, &scenario.file.source);
                let each = scenario
                    .findings
                    .iter()
                    .map(|finding| record::finding(path, source, finding));
                each.map(|finding| github::finding(&finding)).collect()
            }
            Event::Skipped(_) => String::new(),
            Event::Verdict(scenario, checked) => self.verdict(scenario, checked),
        }
    }

    fn end(&mut self, summary: &Summary) -> String {
        summary_line(summary) + "\n"
    }
}

/// A search that was cut short is about no line of the file: the first one has it.
fn cut(scenario: &Scenario, checked: &Checked) -> String {
    let place = record::Place {
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 1,
    };
    let bounds = verdict::bounds(&checked.verdict);
    let message = format!("under {}: {bounds}", checked.verdict.profile);
    github::annotation(
        Level::Warning,
        &scenario.file.path,
        place,
        "inconclusive",
        &message,
    )
}
