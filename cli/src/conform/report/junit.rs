//! The report as JUnit XML: a test case for each scenario and libpython. It has no times, so that it is the same twice.

use super::super::verdict::{Pair, Verdict};
use super::{Conformance, fallen_line};
use crate::render::findings;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// The report as JUnit XML. What is not driven is skipped, with the reason.
#[must_use]
pub fn junit(all: &Conformance<'_>) -> String {
    let mut suite = TestSuite::new("tstate conform");
    for scenario in all
        .plan
        .scenarios
        .iter()
        .filter(|scenario| scenario.is_broken())
    {
        let tally = findings::tally(&scenario.findings);
        suite.add_test_case(case(
            &scenario.file.name,
            failed(NonSuccessKind::Error, "broken", &tally),
        ));
    }
    for pair in &all.results.pairs {
        let scenario = &all.plan.scenarios[pair.scenario].file.name;
        let libpython = &all.plan.targets[pair.library].name;
        suite.add_test_case(case(&format!("{scenario}@{libpython}"), status(all, pair)));
    }
    for number in &all.results.stale {
        let entry = &all.plan.deviations.entries[*number];
        let place = format!("{}:{}", all.plan.deviations.path, entry.line);
        let message = "this known deviation was looked for and not met";
        suite.add_test_case(case(
            &place,
            failed(NonSuccessKind::Failure, "stale", message),
        ));
    }
    for fallen in all.fallen {
        let name = format!("counts@{}", all.plan.targets[fallen.target].name);
        let message = fallen_line(fallen);
        suite.add_test_case(case(
            &name,
            failed(NonSuccessKind::Failure, "fallen", &message),
        ));
    }
    let mut report = Report::new("tstate conform");
    report.add_test_suite(suite);
    // It fails only for times that XML cannot hold, and there are none.
    report.to_string().unwrap_or_default()
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    TestCase::new(name, status)
}

fn failed(kind: NonSuccessKind, word: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word);
    status.set_message(message);
    status
}

fn status(all: &Conformance<'_>, pair: &Pair) -> TestCaseStatus {
    let driven = match &pair.verdict {
        Verdict::Driven(driven) => driven,
        Verdict::NotDriven(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("not driven: {reason}"));
            return status;
        }
    };
    let Some(first) = driven.unknown().next() else {
        return TestCaseStatus::success();
    };
    let message = format!("differs at {}", first.step);
    let mut status = failed(NonSuccessKind::Failure, "differs", &message);
    let mut text = String::new();
    for difference in driven.unknown() {
        text += &format!("libpython: {}\n", difference.library);
        for model in &difference.model {
            text += &format!("model:     {model}\n");
        }
        text += &format!("Replay: {}\n\n", all.again(pair, difference));
    }
    status.set_description(text);
    status
}
