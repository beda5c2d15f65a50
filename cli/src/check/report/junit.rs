//! The report as JUnit XML: a test case for each scenario and profile. It has no times, so that it is the same twice.

use super::{Event, Reporter};
use crate::check::plan::{Plan, Scenario};
use crate::check::verdict::{self, Checked};
use crate::record::Summary;
use crate::render::findings;
use crate::render::trace::{self, Style};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use tstate::sim::verdict::Status;

/// The report as JUnit XML.
#[derive(Clone, Debug)]
pub struct JUnit {
    style: Style,
    allow_incomplete: bool,
    suite: TestSuite,
}

impl JUnit {
    /// A report whose tables are drawn in this style. A search that was cut short is skipped if `allow_incomplete`,
    /// else failed.
    #[must_use]
    pub fn new(style: Style, allow_incomplete: bool) -> Self {
        Self {
            style,
            allow_incomplete,
            suite: TestSuite::new("tstate"),
        }
    }

    fn status(&self, scenario: &Scenario, checked: &Checked) -> TestCaseStatus {
        let verdict = &checked.verdict;
        let cut = verdict::bounds(verdict);
        let mut status = match verdict.status() {
            Status::Met => return TestCaseStatus::success(),
            Status::Inconclusive if self.allow_incomplete => return skipped(&cut),
            Status::Inconclusive | Status::Failed => {
                TestCaseStatus::non_success(NonSuccessKind::Failure)
            }
        };
        let messages: Vec<&str> = verdict
            .failures
            .iter()
            .map(|failure| failure.message.as_str())
            .collect();
        let inconclusive = verdict.status() == Status::Inconclusive;
        status.set_type(if inconclusive {
            "inconclusive"
        } else {
            "failed"
        });
        status.set_message(if messages.is_empty() {
            cut
        } else {
            messages.join("; ")
        });
        status.set_description(self.description(scenario, checked));
        status
    }

    fn description(&self, scenario: &Scenario, checked: &Checked) -> String {
        let (path, source) = (&scenario.file.path, &scenario.file.source);
        let mut text = String::new();
        if let Some(program) = &scenario.program {
            let failures = checked.verdict.failures.iter();
            let all: Vec<_> = failures
                .map(|failure| verdict::finding(program, &checked.verdict, failure))
                .collect();
            text += &findings::render(path, source, &all);
        }
        for run in &checked.counterexamples {
            if let Some(found) = checked.verdict.outcomes.get(run.found) {
                let table = trace::render(&run.trace, self.style);
                text += &format!(
                    "{}\n\n{table}\nReplay: tstate replay {path} {}\n\n",
                    found.text, found.schedule
                );
            }
        }
        plain(&text)
    }
}

impl Reporter for JUnit {
    fn begin(&mut self, _plan: &Plan) -> String {
        String::new()
    }

    fn event(&mut self, event: &Event<'_>) -> String {
        let case = match event {
            Event::Findings(scenario) if !scenario.is_broken() => return String::new(),
            Event::Findings(scenario) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("broken");
                status.set_message(findings::tally(&scenario.findings));
                let text = findings::render(
                    &scenario.file.path,
                    &scenario.file.source,
                    &scenario.findings,
                );
                status.set_description(plain(&text));
                TestCase::new(scenario.file.name.as_str(), status)
            }
            Event::Skipped(scenario) => TestCase::new(
                scenario.file.name.as_str(),
                skipped("not about this version"),
            ),
            Event::Verdict(scenario, checked) => {
                let name = format!("{}@{}", scenario.file.name, checked.verdict.profile);
                TestCase::new(name, self.status(scenario, checked))
            }
        };
        self.suite.add_test_case(case);
        String::new()
    }

    fn end(&mut self, _summary: &Summary) -> String {
        let mut report = Report::new("tstate");
        report.add_test_suite(self.suite.clone());
        // It fails only for times that XML cannot hold, and there are none.
        report.to_string().unwrap_or_default()
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
