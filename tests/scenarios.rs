//! Every scenario file under every profile that it names: the verdict is met, every outcome's schedule replays, and
//! what was found is as in the snapshot.
//!
//! One trial for each file (`finalize/late-attacher`), and `claims/…` for what holds of all of them. A snapshot has one
//! part for each group of profiles that behave alike: the outcomes with the length of the shortest run, the
//! counts of states and transitions, the runtime at the ends of runs, the shortest run of every outcome that is not
//! `ok`, and the folded state graph. What is too long to be read is there as its length and digest.

#[cfg(not(loom))]
mod corpus;
#[cfg(not(loom))]
mod snapshot;

#[cfg(loom)]
fn main() {}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    trials::run()
}

#[cfg(not(loom))]
mod trials {
    use super::corpus::{ScenarioFile, files_below, root, scenario_files};
    use super::snapshot::snapshot;
    use libtest_mimic::{Arguments, Failed, Trial};
    use std::process::ExitCode;
    use std::sync::Arc;
    use tstate::runtime::Profile;
    use tstate::sim::explorer::Limits;
    use tstate::sim::scenario::program::{Claim, ClaimKind, Outcome as Claimed, Program};
    use tstate::sim::schedule::Schedule;
    use tstate::sim::verdict::{Found, Outcome, Status, Verdict};
    use tstate::sim::{CheckOptions, check, counterexample, replay};

    /// No scenario of the corpus needs as many: a search that goes on is a defect, and must not fill the memory.
    pub(super) const STATES_MAX: u64 = 1_000_000;

    pub(super) fn options() -> CheckOptions {
        CheckOptions {
            limits: Limits {
                states: Some(STATES_MAX),
                ..Limits::default()
            },
            ..CheckOptions::default()
        }
    }

    pub(super) fn run() -> ExitCode {
        let files = scenario_files();
        let mut trials = Vec::new();
        for file in &files {
            match file.program() {
                Ok(program) => {
                    let file = file.clone();
                    let title = file.title();
                    trials.push(Trial::test(title, move || meets(&file, &program)));
                }
                Err(errors) => {
                    let title = format!("{}/{}", file.subject, file.name);
                    trials.push(Trial::test(title, move || Err(Failed::from(errors))));
                }
            }
        }
        let (count, made) = (files.len(), trials.len());
        trials.push(Trial::test("claims/every-file-is-a-trial", move || {
            every_file_is_a_trial(count, made)
        }));
        trials.push(Trial::test("claims/wrong-claims-fail", move || {
            wrong_claims_fail(&files)
        }));
        libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
    }

    /// One file under each of its profiles.
    fn meets(file: &ScenarioFile, program: &Arc<Program>) -> Result<(), Failed> {
        let mut groups: Vec<(String, String)> = Vec::new();
        for &profile in &program.profiles {
            let verdict = verdict(file, program, profile);
            if verdict.status() != Status::Met {
                return Err(Failed::from(unmet(file, program, &verdict)));
            }
            for found in &verdict.outcomes {
                replays(file, program, found)?;
            }
            let text = snapshot(file, program, &verdict);
            match groups.iter_mut().find(|(_, known)| *known == text) {
                Some((profiles, _)) => *profiles += &format!(", {profile}"),
                None => groups.push((profile.to_string(), text)),
            }
        }
        let mut text = format!("{}\n", program.scenario.as_deref().unwrap_or(&file.name));
        for (profiles, group) in &groups {
            text += &format!("\n===== {profiles}\n{group}");
        }
        settings(file).bind(|| insta::assert_snapshot!(file.name.as_str(), text));
        Ok(())
    }

    fn verdict(file: &ScenarioFile, program: &Arc<Program>, profile: Profile) -> Verdict {
        check(program, &file.source, profile, &options(), &mut |_| true).verdict
    }

    fn unmet(file: &ScenarioFile, program: &Arc<Program>, verdict: &Verdict) -> String {
        let mut text = format!(
            "{}: {}, {} states",
            verdict.profile,
            verdict.status(),
            verdict.states
        );
        for cut in &verdict.cut {
            text += &format!("\ncut at {cut}");
        }
        for failure in &verdict.failures {
            let upto = file.source.as_bytes()[..failure.span.0 as usize].iter();
            let line = upto.filter(|byte| **byte == b'\n').count() + 1;
            text += &format!("\nline {line}: {}", failure.message);
        }
        for found in &verdict.outcomes {
            text += &format!("\n{}: {}", found.text, found.schedule);
            if found.outcome != Outcome::Ok {
                let trace = counterexample(program, &file.source, found);
                text += &super::snapshot::table(&trace);
            }
        }
        text
    }

    /// The schedule survives its string, and replays to the outcome, with equal traces.
    fn replays(file: &ScenarioFile, program: &Arc<Program>, found: &Found) -> Result<(), Failed> {
        let text = found.schedule.to_string();
        let schedule: Schedule = text.parse().map_err(|error| format!("{text}: {error}"))?;
        if schedule != found.schedule {
            return Err(format!("{text}: another schedule after it was read again").into());
        }
        let told =
            || replay(program, &file.source, &schedule).map_err(|error| format!("{text}: {error}"));
        let (first, second) = (told()?, told()?);
        if first != second {
            return Err(format!("{text}: two replays differ\n{first:#?}\n{second:#?}").into());
        }
        if first.outcome != found.text {
            let why = format!("{text}: found {}, replayed {}", found.text, first.outcome);
            return Err(why.into());
        }
        Ok(())
    }

    fn settings(file: &ScenarioFile) -> insta::Settings {
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(root().join("snapshots").join(&file.subject));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_input_file(&file.path);
        settings
    }

    fn every_file_is_a_trial(files: usize, trials: usize) -> Result<(), Failed> {
        let on_disk = files_below(&root().join("scenarios"), "capi").len();
        if files == 0 || files != on_disk || trials < files {
            return Err(format!("{on_disk} files, {files} read, {trials} trials").into());
        }
        Ok(())
    }

    /// Claims that are wrong: what is found and not `ok` is no longer allowed; what is found is refused; what is not
    /// found is asked for. Each must turn the verdict.
    fn wrong_claims_fail(files: &[ScenarioFile]) -> Result<(), Failed> {
        let mut tried = [0_usize; 3];
        for file in files {
            let Ok(program) = file.program() else {
                continue;
            };
            let profile = program.profiles[0];
            let sound = verdict(file, &program, profile);
            for (kind, wrong) in wrong_programs(&program, &sound) {
                tried[kind] += 1;
                let status = verdict(file, &Arc::new(wrong), profile).status();
                if status != Status::Failed {
                    let title = file.title();
                    return Err(format!("{title}: wrong claim of kind {kind} is {status}").into());
                }
            }
        }
        if tried.contains(&0) {
            return Err(format!("wrong claims tried, by kind: {tried:?}").into());
        }
        Ok(())
    }

    fn wrong_programs(program: &Program, sound: &Verdict) -> Vec<(usize, Program)> {
        let mut wrong = Vec::new();
        let is_ok = |found: &Found| found.outcome == Outcome::Ok;
        let is_fine = |found: &Found| *found.outcome.process().0 == Outcome::Ok;
        if !sound.outcomes.iter().all(is_fine) {
            let mut silent = program.clone();
            silent
                .claims
                .retain(|claim| !matches!(claim.kind, ClaimKind::Allow(_) | ClaimKind::Reach(_)));
            wrong.push((0, silent));
        }
        if sound.outcomes.iter().any(is_ok) {
            wrong.push((1, with(program, ClaimKind::Never(vec![Claimed::Ok]))));
        }
        let leaks = |found: &Found| found.outcome == Outcome::Leak;
        if !sound.outcomes.iter().any(leaks) {
            wrong.push((2, with(program, ClaimKind::Reach(vec![Claimed::Leak]))));
        }
        wrong
    }

    fn with(program: &Program, kind: ClaimKind) -> Program {
        let mut more = program.clone();
        more.claims.push(Claim {
            kind,
            restriction: None,
            in_child: false,
            span: program.bodies[program.main.index()].span,
        });
        more
    }
}
