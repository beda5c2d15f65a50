//! Compares scenarios on several threads, reports in order, adds up.

use super::compare::{self, Advance, Compared, Pair, Reading, Scenario, Status};
use super::report::{Reporter, Result as Compares};
use crate::check::guarded;
use crate::check::watch::Watch;
use crate::engine::{self, CheckOptions};
use crate::exit::Exit;
use crate::output::Output;
use crate::pool;
use crate::problem::Stop;
use crate::record::DiffSummary;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The profiles.
    pub pair: Pair,
    /// How far to search; what is not limited here, the scenario limits.
    pub options: CheckOptions,
    /// How many scenarios at once.
    pub jobs: NonZeroUsize,
    /// Say how long it took.
    pub verbose: bool,
    /// Show no progress.
    pub quiet: bool,
}

/// Compares, and writes the report.
///
/// # Errors
///
/// The report cannot be written.
pub fn run(
    scenarios: &[Scenario],
    order: &Order,
    reporter: &mut dyn Reporter,
    output: &mut Output,
) -> Result<Exit, Stop> {
    output.write(&reporter.begin(scenarios))?;
    let explorations = 2 * comparisons(scenarios);
    let watch = Watch::begin(explorations, order.verbose, order.quiet);
    let stop = AtomicBool::new(false);
    let mut summary = DiffSummary {
        scenarios: scenarios.len() as u64,
        ..DiffSummary::default()
    };
    let work = |number: usize| explore(&scenarios[number], number, order, &watch, &stop);
    let result = pool::in_order(
        scenarios.len(),
        order.jobs,
        &stop,
        work,
        |number, compared| {
            let scenario = &scenarios[number];
            let result = compared
                .as_ref()
                .map_or(Compares::Unexplored, Compares::Explored);
            count(&mut summary, scenario, compared.as_ref());
            let text = reporter.scenario(scenario, result);
            watch.aside(|| output.write(&text))
        },
    );
    watch.end();
    result?;
    output.write(&reporter.end(&summary))?;
    Ok(exit(&summary))
}

/// How many scenarios are explored under both profiles.
#[must_use]
pub(super) fn comparisons(scenarios: &[Scenario]) -> usize {
    let both = |scenario: &&Scenario| matches!(scenario.reading, Reading::Both { .. });
    scenarios.iter().filter(both).count()
}

fn explore(
    scenario: &Scenario,
    number: usize,
    order: &Order,
    watch: &Watch,
    stop: &AtomicBool,
) -> Option<Compared> {
    let Reading::Both { old, new } = &scenario.reading else {
        return None;
    };
    let file = &scenario.file;
    let advance: &mut Advance<'_> = &mut |progress| {
        watch.advance(number, &file.name, progress);
        !stop.load(Ordering::Relaxed)
    };
    let compared = compare::compare(
        &file.source,
        [old, new],
        order.pair,
        &mut |program, profile| {
            let options = compare::options(order.options, program);
            let check = || engine::check(&file.source, program, profile, &options, advance);
            let verdict = guarded(&file.path, profile, watch, stop, check);
            watch.finish(number, verdict.states, verdict.steps);
            verdict
        },
    );
    Some(compared)
}

fn count(summary: &mut DiffSummary, scenario: &Scenario, compared: Option<&Compared>) {
    match &scenario.reading {
        Reading::Broken(_) => summary.broken += 1,
        Reading::Neither(_) => summary.neither += 1,
        Reading::Lacks(..) => summary.lacking += 1,
        Reading::Both { .. } => {
            let Some(compared) = compared else { return };
            summary.states += compared.states();
            match compared.status() {
                Status::Same => summary.same += 1,
                Status::Changed => summary.changed += 1,
                Status::Inconclusive => summary.inconclusive += 1,
            }
        }
    }
}

fn exit(summary: &DiffSummary) -> Exit {
    if summary.broken > 0 || summary.neither == summary.scenarios {
        Exit::Bad
    } else if summary.changed + summary.lacking > 0 {
        Exit::Failed
    } else if summary.inconclusive > 0 {
        Exit::Inconclusive
    } else {
        Exit::Met
    }
}
