//! What there is to check: each scenario under each of its profiles, in the order of the files.

use crate::engine;
use crate::files::ScenarioFile;
use crate::render::findings;
use std::sync::Arc;
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::Diagnostic;
use tstate::sim::scenario::program::Program;

/// A scenario file that has been read.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file.
    pub file: ScenarioFile,
    /// What it says; `None` if it has errors.
    pub program: Option<Arc<Program>>,
    /// What is wrong or odd about it, in the order of the file.
    pub findings: Vec<Diagnostic>,
}

/// Something to do, about a scenario by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Say what is wrong or odd about the file.
    Tell(usize),
    /// Say that the scenario is not about any of the profiles that were asked for.
    Skip(usize),
    /// Explore it under a profile.
    Check(usize, Profile),
}

/// All there is to do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The scenarios in the order of the files.
    pub scenarios: Vec<Scenario>,
    /// What to do about them, in the same order.
    pub tasks: Vec<Task>,
}

impl Scenario {
    /// Reads a file.
    #[must_use]
    pub fn read(file: ScenarioFile) -> Self {
        match engine::load(&file.source) {
            Ok(program) => Self {
                file,
                findings: program.warnings.clone(),
                program: Some(program),
            },
            Err(findings) => Self {
                file,
                program: None,
                findings,
            },
        }
    }

    /// Whether something about it cannot be checked.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.program.is_none() || findings::are_errors(&self.findings)
    }

    /// The line that tells the story.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.program.as_ref()?.scenario.as_deref()
    }
}

impl Plan {
    /// Plans to check `files` under each profile that they name, or under those of `python` that they name, or of which they name
    /// the release at another patch level.
    #[must_use]
    pub fn new(files: Vec<ScenarioFile>, python: &[Profile]) -> Self {
        let mut plan = Self::default();
        for file in files {
            plan.add(Scenario::read(file), python);
        }
        plan
    }

    /// How many verdicts there will be.
    #[must_use]
    pub fn verdicts(&self) -> usize {
        self.tasks
            .iter()
            .filter(|task| matches!(task, Task::Check(..)))
            .count()
    }

    fn add(&mut self, mut scenario: Scenario, python: &[Profile]) {
        let number = self.scenarios.len();
        let mut checks = Vec::new();
        let mut is_asked_for = scenario.program.is_none();
        if let Some(program) = &scenario.program {
            for profile in wanted(&program.profiles, python) {
                is_asked_for = true;
                let refusals = engine::unmodelled(program, profile);
                if refusals.is_empty() {
                    checks.push(Task::Check(number, profile));
                }
                // What no profile has is refused once.
                let new = refusals
                    .into_iter()
                    .filter(|refusal| !scenario.findings.contains(refusal));
                scenario.findings.extend(new.collect::<Vec<_>>());
            }
        }
        scenario
            .findings
            .sort_by_key(|finding| finding.primary.span);
        if !is_asked_for {
            self.tasks.push(Task::Skip(number));
        } else if !scenario.findings.is_empty() {
            self.tasks.push(Task::Tell(number));
        }
        self.tasks.extend(checks);
        self.scenarios.push(scenario);
    }
}

/// The profiles that a scenario names, or those of them that are in `python`; then the patch levels in `python` of releases that
/// it names at another one only.
fn wanted(named: &[Profile], python: &[Profile]) -> Vec<Profile> {
    let is_of = |asked: Profile| {
        move |named: &Profile| {
            !named.is_sound()
                && named.minor() == asked.minor()
                && named.is_free_threaded() == asked.is_free_threaded()
        }
    };
    let asked_for = |profile: &&Profile| python.is_empty() || python.contains(profile);
    let levels = python.iter().filter(|asked| {
        asked.patch().is_some() && !named.contains(asked) && named.iter().any(is_of(**asked))
    });
    let all = named.iter().filter(asked_for).chain(levels);
    all.copied().collect()
}
