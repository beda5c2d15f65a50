//! `tstate conform --record`: writes what libpythons did into files, one for each scenario.
//!
//! A file is [`Recorded`]. What it says of libpythons that were not driven now stays, as long as the scenario's
//! statements are the same. Runs that the model does not have are not written: the report tells them.

use super::run::{Plan, Results};
use super::verdict::Verdict;
use crate::check::plan::Scenario;
use crate::files;
use crate::output::Replacement;
use crate::problem::{Problem, Stop};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tstate::runtime::profile::Profile;
use tstate::sim::conform::{Recorded, digest_of_statements};

/// The extension of the files.
const EXTENSION: &str = "runs";

/// Writes the runs of every scenario that was driven below `folder`.
///
/// # Errors
///
/// A file cannot be read or written, or holds something else.
pub fn record(folder: &Path, plan: &Plan, results: &Results) -> Result<(), Stop> {
    for (number, scenario) in plan.scenarios.iter().enumerate() {
        let Some(recorded) = recorded(folder, plan, results, number)? else {
            continue;
        };
        let path = place(folder, scenario);
        if let Some(folder) = path.parent() {
            let cannot = |error| {
                Problem::new(format!("cannot make the folder `{}`", files::shown(folder)))
                    .io(&error)
            };
            fs::create_dir_all(folder).map_err(cannot)?;
        }
        Replacement::begin(&path)?.commit(recorded.to_string().as_bytes())?;
    }
    Ok(())
}

fn place(folder: &Path, scenario: &Scenario) -> PathBuf {
    folder.join(format!("{}.{EXTENSION}", scenario.file.name))
}

/// What is to be written of a scenario; `None` if no libpython drove it.
fn recorded(
    folder: &Path,
    plan: &Plan,
    results: &Results,
    number: usize,
) -> Result<Option<Recorded>, Stop> {
    let scenario = &plan.scenarios[number];
    let Some(program) = &scenario.program else {
        return Ok(None);
    };
    let own = results.pairs.iter().filter(|pair| pair.scenario == number);
    let own: Vec<_> = own
        .filter(|pair| matches!(pair.verdict, Verdict::Driven(_)))
        .collect();
    if own.is_empty() {
        return Ok(None);
    }
    let digest = digest_of_statements(program, &scenario.file.source);
    let mut recorded = known(&place(folder, scenario))?;
    if recorded.program != digest {
        recorded = Recorded {
            program: digest,
            ..Recorded::default()
        };
    }
    let driven: BTreeSet<Profile> = own
        .iter()
        .map(|pair| plan.targets[pair.library].profile)
        .collect();
    recorded.forget(&driven);
    for pair in own {
        for trace in &pair.traces {
            let profiles = recorded.runs.entry(trace.clone()).or_default();
            profiles.insert(plan.targets[pair.library].profile);
        }
    }
    Ok(Some(recorded))
}

/// What a file says; nothing if there is none.
fn known(path: &Path) -> Result<Recorded, Stop> {
    if !path.exists() {
        return Ok(Recorded::default());
    }
    files::read(path)?.parse().map_err(|error| {
        let problem = Problem::new("this file holds no runs of libpythons").at(files::shown(path));
        let problem = problem.because(format!("{error}"));
        problem
            .help("take it away, or record into another folder")
            .into()
    })
}
