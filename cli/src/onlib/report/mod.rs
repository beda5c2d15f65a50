//! What searches came to, for people and for machines. Each is a pure function of the results.

mod human;
mod json;

pub use human::{Human, human, run};
pub use json::json;

use super::hunt::{Compared, Hunted, Met, Verdict};
use super::record::Summary;
use super::run::{Pair, Plan};
use crate::check::verdict::{code_at, label};
use crate::exit::Exit;
use tstate::sim::diagnostic::{Code, Diagnostic, Severity, Span};
use tstate::sim::scenario::program::Program;
use tstate::sim::verdict::{Failure, Outcome};
use tstate_driver::Inline;

/// What no search sees.
const LIMITS: &str = "\
A search switches threads only where the library calls locks, condition variables, semaphores and threads, and before
statements: what it does inline between two such calls (atomic operations, loops that spin on them) is one step.
What a search does not meet may still be there: it never says that all is well.";
/// What one with points at inline atomic operations does not see.
const LIMITS_WITH_ATOMICS: &str = "\
A search switches threads only where the library calls locks, condition variables, semaphores and threads, before its
inline atomic operations that are one for all processors (locked instructions, exchanges, fences), and before
statements: what it only reads or writes between two such places is one step.
What a search does not meet may still be there: it never says that all is well.";

/// What one with points at plain accesses does not see.
const LIMITS_WITH_ACCESSES: &str = "\
A search switches threads only where the library calls locks, condition variables, semaphores and threads, before its
inline atomic operations that are one for all processors, before what reads or writes memory soon after either, and
before statements: what comes later between two such places is one step, and memory is that of one processor.
What a search does not meet may still be there: it never says that all is well.";

/// All that there is to report.
#[derive(Clone, Copy, Debug)]
pub struct Searched<'a> {
    /// What there was to search.
    pub plan: &'a Plan,
    /// What came of it.
    pub pairs: &'a [Pair],
}

impl Searched<'_> {
    /// Everything added up.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let broken = self.plan.scenarios.iter();
        let mut summary = Summary {
            scenarios: self.plan.scenarios.len() as u64,
            broken: broken.filter(|scenario| scenario.is_broken()).count() as u64,
            libpythons: self.plan.targets.len() as u64,
            pairs: self.pairs.len() as u64,
            limits: self.limits().replace('\n', " "),
            ..Summary::default()
        };
        for pair in self.pairs {
            match &pair.verdict {
                Verdict::NotDriven(_) => summary.not_driven += 1,
                Verdict::Hunted(hunted) => {
                    summary.runs += hunted.runs;
                    summary.failed += u64::from(hunted.failed());
                    summary.inconclusive += u64::from(!hunted.failed());
                }
            }
        }
        summary
    }

    /// What these searches do not see.
    #[must_use]
    pub fn limits(&self) -> &'static str {
        match self.plan.mode.inline {
            None => LIMITS,
            Some(Inline::Atomics) => LIMITS_WITH_ATOMICS,
            Some(Inline::Accesses) => LIMITS_WITH_ACCESSES,
        }
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let summary = self.summary();
        if summary.broken > 0 {
            Exit::Bad
        } else if summary.failed > 0 {
            Exit::Failed
        } else {
            Exit::Inconclusive
        }
    }
}

impl Hunted {
    /// Whether the model lacks the outcome at this place, if it was asked.
    #[must_use]
    pub fn lacks(&self, place: usize) -> Option<bool> {
        match &self.model {
            Compared::No | Compared::Open(_) => None,
            Compared::Lacks(places) => Some(places.contains(&place)),
        }
    }

    /// The outcomes that something is wrong with, each once, in the order of the failures.
    #[must_use]
    pub fn wrong(&self) -> Vec<&Met> {
        let refused = self
            .judgement
            .refused
            .iter()
            .filter_map(|failure| failure.found);
        let lacking = (0..self.met.len()).filter(|place| self.lacks(*place) == Some(true));
        let mut wrong = Vec::new();
        for place in refused.chain(lacking) {
            if !wrong.contains(&place) {
                wrong.push(place);
            }
        }
        wrong
            .iter()
            .filter_map(|place| self.met.get(*place))
            .collect()
    }

    /// The code of a failure.
    #[must_use]
    pub fn code(&self, program: &Program, failure: &Failure) -> Code {
        if failure.undecided {
            return Code::V109;
        }
        let met = failure.found.and_then(|place| self.met.get(place));
        let is_assertion =
            met.is_some_and(|met| matches!(met.outcome.process().0, Outcome::Assertion(_)));
        code_at(program, failure.span, is_assertion)
    }

    /// A failure as a finding about the file: it points at the claim.
    #[must_use]
    pub fn finding(&self, program: &Program, failure: &Failure, libpython: &str) -> Diagnostic {
        let code = self.code(program, failure);
        let span = Span::new(failure.span.0, failure.span.1);
        let label = if failure.undecided {
            "may not hold"
        } else {
            label(code)
        };
        let mut finding = Diagnostic::error(code, failure.message.as_str(), span, label);
        if failure.undecided {
            finding.severity = Severity::Warning;
        }
        let met = failure.found.and_then(|place| self.met.get(place));
        match met {
            Some(met) => finding.note(format!(
                "on {libpython}, first in run {} ({})",
                met.first,
                met.by.word()
            )),
            None => finding.note(format!("on {libpython}")),
        }
    }
}
