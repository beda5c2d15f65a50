//! The verdict on one scenario under one profile, with the runs that show what is wrong.

use super::plan::Scenario;
use crate::engine::{self, CheckOptions, Progress, WalkOptions};
use crate::render::paint::{counted, regrouped};
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::{Code, Diagnostic, Severity, Span};
use tstate::sim::explorer::Limits;
use tstate::sim::report::Trace;
use tstate::sim::scenario::program::{ClaimKind, Program};
use tstate::sim::verdict::{Failure, Found, Outcome, Verdict};

/// Stop after this many states unless somebody says otherwise.
pub const STATES_MAX: u64 = 5_000_000;

/// How to find outcomes.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// Explore all runs.
    Explore(CheckOptions),
    /// Take some at random.
    Walk(WalkOptions),
}

/// What a random walk did beside finding outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// What chose the runs.
    pub seed: u64,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them were given up.
    pub given_up: u64,
}

/// A verdict and the runs that show what is wrong.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The shortest run of each outcome that shows a failure, in the order of the failures.
    pub counterexamples: Vec<Counterexample>,
    /// The walk, if it was one.
    pub walked: Option<Walked>,
}

/// A run that shows a failure.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The outcome's number in [`Verdict::outcomes`].
    pub found: usize,
    /// The run.
    pub trace: Trace,
    /// The file that its schedule was saved in.
    pub saved: Option<String>,
}

/// Explores a scenario under a profile, or walks through it; `None` if it has errors.
pub(super) fn check(
    scenario: &Scenario,
    profile: Profile,
    how: &How,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Option<Checked> {
    let program = scenario.program.as_ref()?;
    let source = &scenario.file.source;
    let (verdict, walked) = match how {
        How::Explore(options) => {
            let options = CheckOptions {
                limits: bounded(options.limits, program),
                ..*options
            };
            let verdict = engine::check(source, program, profile, &options, progress);
            (verdict, None)
        }
        How::Walk(options) => walk(source, program, profile, options),
    };
    let counterexamples = counterexamples(source, program, &verdict);
    Some(Checked {
        verdict,
        counterexamples,
        walked,
    })
}

fn walk(
    source: &str,
    program: &Arc<Program>,
    profile: Profile,
    options: &WalkOptions,
) -> (Verdict, Option<Walked>) {
    let met = engine::walk(source, program, profile, options);
    let walked = Walked {
        seed: options.seed,
        runs: options.runs,
        given_up: met.given_up,
    };
    (met.verdict, Some(walked))
}

fn counterexamples(source: &str, program: &Arc<Program>, verdict: &Verdict) -> Vec<Counterexample> {
    let mut counterexamples: Vec<Counterexample> = Vec::new();
    for number in verdict.failures.iter().filter_map(|failure| failure.found) {
        let is_new = counterexamples.iter().all(|known| known.found != number);
        if let Some(found) = verdict.outcomes.get(number).filter(|_| is_new) {
            let trace = engine::counterexample(source, program, found);
            counterexamples.push(Counterexample {
                found: number,
                trace,
                saved: None,
            });
        }
    }
    counterexamples
}

/// The limits of a search: beside those of the scenario, of which the tighter one counts, there is always one on
/// states.
#[must_use]
pub fn bounded(limits: Limits, program: &Program) -> Limits {
    let unless_bounded = program.bounds.states.is_none().then_some(STATES_MAX);
    Limits {
        states: limits.states.or(unless_bounded),
        ..limits
    }
}

/// `bound reached: 1,000,000 states`; empty if the search was complete.
#[must_use]
pub fn bounds(verdict: &Verdict) -> String {
    let bounds: Vec<String> = verdict.cut.iter().map(ToString::to_string).collect();
    if bounds.is_empty() {
        return String::new();
    }
    format!("bound reached: {}", regrouped(&bounds.join(", ")))
}

/// What is the shortest of all runs, and what only of those that were found.
#[must_use]
pub fn so_far(verdict: &Verdict) -> &'static str {
    if verdict.cut.is_empty() { "" } else { " found" }
}

/// The outcome that shows a failure.
#[must_use]
pub fn shown_by<'verdict>(
    verdict: &'verdict Verdict,
    failure: &Failure,
) -> Option<&'verdict Found> {
    verdict.outcomes.get(failure.found?)
}

/// The code of a failure.
#[must_use]
pub fn code(program: &Program, verdict: &Verdict, failure: &Failure) -> Code {
    if failure.undecided {
        return Code::V109;
    }
    let is_assertion = shown_by(verdict, failure)
        .is_some_and(|found| matches!(found.outcome, Outcome::Assertion(_)));
    code_at(program, failure.span, is_assertion)
}

/// The code of a claim or statement that does not hold; whether an assertion shows that.
#[must_use]
pub fn code_at(program: &Program, (start, end): (u32, u32), is_assertion: bool) -> Code {
    let claim = program
        .claims
        .iter()
        .find(|claim| claim.span.start <= start && end <= claim.span.end);
    match claim.map(|claim| &claim.kind) {
        Some(ClaimKind::Allow(_)) => Code::V101,
        Some(ClaimKind::Never(_)) => Code::V102,
        Some(ClaimKind::Reach(_)) => Code::V103,
        Some(ClaimKind::Always(_)) => Code::V104,
        Some(ClaimKind::Finally(_)) => Code::V105,
        Some(ClaimKind::Cover(_)) => Code::V106,
        Some(ClaimKind::Eventually(_)) => Code::V107,
        None if is_assertion => Code::V108,
        None => Code::V101,
    }
}

/// A failure as a finding about the file: it points at the claim.
#[must_use]
pub fn finding(program: &Program, verdict: &Verdict, failure: &Failure) -> Diagnostic {
    let code = code(program, verdict, failure);
    let span = Span::new(failure.span.0, failure.span.1);
    let mut finding = Diagnostic::error(code, failure.message.as_str(), span, label(code));
    if failure.undecided {
        finding.severity = Severity::Warning;
    }
    if let Some(found) = shown_by(verdict, failure) {
        let steps = counted(found.steps.into(), "step");
        finding = finding.note(format!(
            "under {}, the shortest run{} that shows it takes {steps}",
            verdict.profile,
            so_far(verdict)
        ));
    } else {
        finding = finding.note(format!("under {}", verdict.profile));
    }
    finding
}

/// What the diagnostic says at the claim.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most codes are about other things than claims"
)]
pub(crate) fn label(code: Code) -> &'static str {
    match code {
        Code::V101 => "does not allow it",
        Code::V102 => "forbids it",
        Code::V103 => "never reached",
        Code::V104 => "false in some state",
        Code::V105 => "false at some end",
        Code::V106 => "true in no state",
        Code::V107 => "stays false on some run",
        Code::V109 => "left open by a bound",
        _ => "does not hold",
    }
}
