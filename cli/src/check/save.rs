//! Saved counterexamples: a file with the schedule, and what it is a schedule of.

use super::plan::Scenario;
use super::verdict::Checked;
use crate::files;
use crate::output::Replacement;
use crate::problem::{Problem, Stop};
use std::fs;
use std::path::Path;

/// Makes the folder.
pub(super) fn prepare(folder: &Path) -> Result<(), Stop> {
    let cannot = |error| {
        Problem::new(format!("cannot make the folder `{}`", files::shown(folder))).io(&error)
    };
    fs::create_dir_all(folder).map_err(|error| cannot(error).into())
}

/// Saves each counterexample in a file of its own, and notes where.
pub(super) fn save(folder: &Path, scenario: &Scenario, checked: &mut Checked) -> Result<(), Stop> {
    let stem = format!(
        "{}-{}",
        scenario.file.name.replace(['/', '\\', ' '], "-"),
        checked.verdict.profile
    );
    for (number, counterexample) in checked.counterexamples.iter_mut().enumerate() {
        let Some(found) = checked.verdict.outcomes.get(counterexample.found) else {
            continue;
        };
        let path = folder.join(format!("{stem}-{}.schedule", number + 1));
        let file = &scenario.file.path;
        let text = format!(
            "# {file} under {}: {}\n{}\n",
            checked.verdict.profile, found.text, found.schedule
        );
        Replacement::begin(&path)?.commit(text.as_bytes())?;
        counterexample.saved = Some(files::shown(&path));
    }
    Ok(())
}

/// The schedule in the text of a saved file: what is left without comments.
pub(crate) fn schedule_in(text: &str) -> String {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    lines.collect()
}
