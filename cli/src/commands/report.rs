//! `tstate report`: a scenario and all that was found of it as one HTML page.

use super::{plan, search};
use crate::arguments::{Global, Report};
use crate::check::guarded;
use crate::check::plan::Task;
use crate::check::verdict::bounded;
use crate::check::watch::Watch;
use crate::engine::{self, CheckOptions};
use crate::exit::Exit;
use crate::files::{self, ScenarioFile};
use crate::output::Output;
use crate::page::{self, Page, Release};
use crate::pool;
use crate::problem::Stop;
use crate::render::findings;
use crate::settings::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tstate::runtime::profile::Profile;
use tstate::sim::scenario::program::Program;

/// What to explore.
struct Job<'a> {
    file: &'a ScenarioFile,
    program: &'a Arc<Program>,
    options: CheckOptions,
    profiles: Vec<Profile>,
}

/// Runs the command.
pub(super) fn run(arguments: &Report, global: &Global, settings: &Settings) -> Result<Exit, Stop> {
    let python = plan::profiles(&arguments.python, settings)?;
    let path = files::shown(&arguments.file);
    let file = ScenarioFile {
        name: files::shown(&arguments.file.with_extension("")),
        source: files::read(&arguments.file)?,
        path,
    };
    let plan = plan::make(vec![file], python)?;
    let scenario = &plan.scenarios[0];
    let file = &scenario.file;
    let Some(program) = scenario.program.as_ref().filter(|_| !scenario.is_broken()) else {
        return Err(Stop::Rendered(findings::render(
            &file.path,
            &file.source,
            &scenario.findings,
        )));
    };
    let options = search::options(&arguments.search, settings);
    let checks = plan.tasks.iter().filter_map(|task| match task {
        Task::Check(_, profile) => Some(*profile),
        Task::Tell(_) | Task::Skip(_) => None,
    });
    let job = Job {
        file,
        program,
        options: CheckOptions {
            limits: bounded(options.limits, program),
            ..options
        },
        profiles: checks.collect(),
    };
    let mut output = Output::open(arguments.output.as_deref())?;
    let jobs = search::jobs(arguments.jobs.jobs, settings);
    let releases = explore(&job, jobs, global)?;
    output.write(&page::render(&Page {
        file,
        program,
        releases: &releases,
    }))?;
    output.finish()?;
    let is_cut = releases
        .iter()
        .any(|release| !release.verdict.cut.is_empty());
    let is_allowed = arguments.allow_incomplete || settings.allow_incomplete;
    Ok(if is_cut && !is_allowed {
        Exit::Inconclusive
    } else {
        Exit::Met
    })
}

/// Explores under each release.
fn explore(
    job: &Job<'_>,
    jobs: std::num::NonZeroUsize,
    global: &Global,
) -> Result<Vec<Release>, Stop> {
    let watch = Watch::begin(job.profiles.len(), global.verbose, global.quiet);
    let stop = AtomicBool::new(false);
    let work = |number: usize| {
        let (profile, source) = (job.profiles[number], &job.file.source);
        let mut progress = |progress| {
            watch.advance(
                number,
                &format!("{} under {profile}", job.file.name),
                progress,
            );
            !stop.load(Ordering::Relaxed)
        };
        let inspect = || engine::inspect(source, job.program, profile, &job.options, &mut progress);
        let release = guarded(&job.file.path, profile, &watch, &stop, inspect);
        watch.finish(number, release.verdict.states, release.verdict.steps);
        release
    };
    let mut releases = Vec::new();
    let result = pool::in_order(job.profiles.len(), jobs, &stop, work, |_, release| {
        releases.push(release);
        Ok(())
    });
    watch.end();
    result?;
    Ok(releases)
}
