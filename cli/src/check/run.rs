//! Runs a plan: explores on several threads, reports in order, adds up.

use super::plan::{Plan, Task};
use super::report::{Event, Reporter};
use super::save;
use super::verdict::{self, Checked, How};
use super::watch::Watch;
use crate::exit::Exit;
use crate::output::{self, Output};
use crate::pool;
use crate::problem::{Problem, Stop};
use crate::record::Summary;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tstate::runtime::profile::Profile;
use tstate::sim::verdict::Status;

/// How to run a plan.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// How to find outcomes; what is not limited here, the scenario limits.
    pub how: How,
    /// How many scenarios at once.
    pub jobs: NonZeroUsize,
    /// Whether a search that was cut short counts as good.
    pub allow_incomplete: bool,
    /// Where to save schedules.
    pub save: Option<&'a Path>,
    /// Say how long it took.
    pub verbose: bool,
    /// Show no progress.
    pub quiet: bool,
}

/// Runs a plan and writes the report.
///
/// # Errors
///
/// The report or a schedule cannot be written.
pub fn run(
    plan: &Plan,
    order: &Order<'_>,
    reporter: &mut dyn Reporter,
    output: &mut Output,
) -> Result<Exit, Stop> {
    if let Some(folder) = order.save {
        save::prepare(folder)?;
    }
    output.write(&reporter.begin(plan))?;
    let watch = Watch::begin(plan.verdicts(), order.verbose, order.quiet);
    let stop = AtomicBool::new(false);
    let mut summary = Summary {
        scenarios: plan.scenarios.len() as u64,
        ..Summary::default()
    };
    let work = |number: usize| explore(plan, number, order, &watch, &stop);
    let result = pool::in_order(
        plan.tasks.len(),
        order.jobs,
        &stop,
        work,
        |number, mut checked| {
            if let (Some(folder), Task::Check(scenario, _), Some(checked)) =
                (order.save, plan.tasks[number], &mut checked)
            {
                save::save(folder, &plan.scenarios[scenario], checked)?;
            }
            let event = event(plan, plan.tasks[number], checked.as_ref());
            count(&mut summary, &event);
            let text = reporter.event(&event);
            watch.aside(|| output.write(&text))
        },
    );
    watch.end();
    result?;
    output.write(&reporter.end(&summary))?;
    Ok(exit(&summary, order.allow_incomplete))
}

fn explore(
    plan: &Plan,
    number: usize,
    order: &Order<'_>,
    watch: &Watch,
    stop: &AtomicBool,
) -> Option<Checked> {
    let Task::Check(scenario, profile) = plan.tasks[number] else {
        return None;
    };
    let scenario = &plan.scenarios[scenario];
    let mut progress = |progress| {
        watch.advance(number, &scenario.file.name, progress);
        !stop.load(Ordering::Relaxed)
    };
    let check = || verdict::check(scenario, profile, &order.how, &mut progress);
    let checked = guarded(&scenario.file.path, profile, watch, stop, check)?;
    watch.finish(number, checked.verdict.states, checked.verdict.steps);
    Some(checked)
}

/// Explores. A defect of the program ends it, but not before it was said which file shows it.
pub(crate) fn guarded<R>(
    path: &str,
    profile: Profile,
    watch: &Watch,
    stop: &AtomicBool,
    explore: impl FnOnce() -> R,
) -> R {
    panic::catch_unwind(AssertUnwindSafe(explore)).unwrap_or_else(|defect| {
        // The panic has told what; the user still needs to know which file shows it.
        stop.store(true, Ordering::Relaxed);
        let what = format!("this is a defect in tstate itself, shown by `{path}` under {profile}");
        let problem = Problem::new(what).help("please report it with the file");
        watch.aside(|| output::remark(&problem.render()));
        panic::resume_unwind(defect)
    })
}

fn event<'a>(plan: &'a Plan, task: Task, checked: Option<&'a Checked>) -> Event<'a> {
    match (task, checked) {
        (Task::Skip(scenario), _) => Event::Skipped(&plan.scenarios[scenario]),
        (Task::Check(scenario, _), Some(checked)) => {
            Event::Verdict(&plan.scenarios[scenario], checked)
        }
        (Task::Tell(scenario) | Task::Check(scenario, _), _) => {
            Event::Findings(&plan.scenarios[scenario])
        }
    }
}

fn count(summary: &mut Summary, event: &Event<'_>) {
    match event {
        Event::Findings(scenario) => summary.broken += u64::from(scenario.is_broken()),
        Event::Skipped(_) => summary.skipped += 1,
        Event::Verdict(_, checked) => {
            summary.verdicts += 1;
            summary.states += checked.verdict.states;
            if let Some(walked) = &checked.walked {
                summary.runs = Some(summary.runs.unwrap_or(0) + walked.runs);
            }
            match checked.verdict.status() {
                Status::Met => summary.ok += 1,
                Status::Inconclusive => summary.inconclusive += 1,
                Status::Failed => summary.failed += 1,
            }
        }
    }
}

fn exit(summary: &Summary, allow_incomplete: bool) -> Exit {
    if summary.broken > 0 {
        Exit::Bad
    } else if summary.failed > 0 {
        Exit::Failed
    } else if summary.inconclusive > 0 && !allow_incomplete {
        Exit::Inconclusive
    } else {
        Exit::Met
    }
}
