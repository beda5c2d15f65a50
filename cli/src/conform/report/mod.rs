//! What a run on libpythons came to, in several formats. Each is a pure function of the results.

mod github;
mod human;
mod json;
mod junit;

pub use github::github;
pub use human::{Human, human};
pub use json::json;
pub use junit::junit;

use super::record::Summary;
use super::run::{self, Fallen, Plan, Results};
use super::verdict::{Difference, Pair, Status};
use crate::exit::Exit;
use crate::libpython::Survey;
use crate::render::paint::{counted, grouped};
use crate::render::shell;

/// All that there is to report.
#[derive(Clone, Copy, Debug)]
pub struct Conformance<'a> {
    /// The libpythons at hand.
    pub survey: &'a Survey,
    /// What there was to run.
    pub plan: &'a Plan,
    /// What came of it.
    pub results: &'a Results,
    /// Libpythons that drove less than they are held to.
    pub fallen: &'a [Fallen],
    /// Libpythons that the file of counts holds to nothing, if there is such a file.
    pub free: &'a [usize],
}

impl Conformance<'_> {
    /// Everything added up.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let Self { plan, results, .. } = self;
        let scenarios = &plan.scenarios;
        let is_unnamed = |scenario: &&crate::check::plan::Scenario| {
            let mut targets = plan.targets.iter();
            !scenario.is_broken() && !targets.any(|target| plan.pairs(scenario, target))
        };
        let open = |pair: &Pair| {
            let driven = pair.verdict.driven();
            driven.map_or(0, |driven| driven.open.values().sum())
        };
        let unstable = |pair: &Pair| pair.verdict.driven().map_or(0, |driven| driven.unstable);
        Summary {
            scenarios: scenarios.len() as u64,
            broken: scenarios
                .iter()
                .filter(|scenario| scenario.is_broken())
                .count() as u64,
            unnamed: scenarios.iter().filter(is_unnamed).count() as u64,
            libpythons: plan.targets.len() as u64,
            pairs: results.pairs.len() as u64,
            agree: run::tally(results, Status::Agrees),
            known_deviations: run::tally(results, Status::Known),
            differ: run::tally(results, Status::Differs),
            not_driven: run::tally(results, Status::NotDriven),
            schedules: results
                .pairs
                .iter()
                .map(|pair| pair.verdict.schedules())
                .sum(),
            open: results.pairs.iter().map(open).sum(),
            unstable: results.pairs.iter().map(unstable).sum(),
            stale: results.stale.len() as u64,
            fallen: self.fallen.len() as u64,
        }
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let summary = self.summary();
        // What is seen on the C library's own primitives depends on time.
        let unstable = if self.plan.runs.sampled {
            0
        } else {
            summary.unstable
        };
        if summary.broken > 0 {
            Exit::Bad
        } else if summary.differ + summary.stale + summary.fallen + unstable > 0 {
            Exit::Failed
        } else if summary.schedules == 0 {
            Exit::Inconclusive
        } else {
            Exit::Met
        }
    }

    /// The command that runs one schedule again.
    #[must_use]
    pub fn again(&self, pair: &Pair, difference: &Difference) -> String {
        let library = &self.plan.targets[pair.library].known.libpython.library;
        let file = &self.plan.scenarios[pair.scenario].file.path;
        format!(
            "tstate conform{} --libpython {} --guide {} {}",
            if self.plan.runs.sampled {
                " --sampled"
            } else {
                ""
            },
            shell::quote(&library.display().to_string()),
            shell::quote(&difference.order.to_string()),
            shell::quote(file)
        )
    }

    /// Which known deviation a difference is: why, and since when.
    #[must_use]
    pub fn known(&self, difference: &Difference) -> Option<String> {
        let entry = self.plan.deviations.entries.get(difference.known?)?;
        Some(format!("{} ({})", entry.reason, entry.date))
    }
}

/// `140 scenarios on 9 libpythons: 640 agree, 3 known deviations, 1 differs, 169 not driven; 12,345 schedules`.
#[must_use]
pub fn summary_line(summary: &Summary) -> String {
    let verb = |number: u64, one: &str, many: &str| {
        format!(
            "{} {}",
            grouped(number),
            if number == 1 { one } else { many }
        )
    };
    let mut parts = vec![verb(summary.agree, "agrees", "agree")];
    if summary.known_deviations > 0 {
        let known = verb(
            summary.known_deviations,
            "known deviation",
            "known deviations",
        );
        parts.push(known);
    }
    parts.push(verb(summary.differ, "differs", "differ"));
    parts.push(format!("{} not driven", grouped(summary.not_driven)));
    let mut line = format!(
        "{} on {}: {}; {}",
        counted(summary.scenarios, "scenario"),
        counted(summary.libpythons, "libpython"),
        parts.join(", "),
        counted(summary.schedules, "schedule")
    );
    let rare = [
        (summary.open, "open"),
        (summary.unstable, "unstable"),
        (summary.broken, "broken"),
        (summary.stale, "stale"),
        (summary.fallen, "fallen"),
    ];
    for (number, word) in rare.iter().filter(|(number, _)| *number > 0) {
        line += &format!(", {} {word}", grouped(*number));
    }
    line
}

/// `drove 3 scenarios and 40 schedules, fewer than the 4 and 50 of 3.13.5`.
fn fallen_line(fallen: &Fallen) -> String {
    let Fallen {
        to, drove, least, ..
    } = fallen;
    format!(
        "drove {} and {}, fewer than the {} and {} of {}",
        counted(drove.scenarios, "scenario"),
        counted(drove.schedules, "schedule"),
        grouped(least.scenarios),
        grouped(least.schedules),
        to.join(", ")
    )
}
