//! Which scenario files a command is about.

use crate::files::{self, ScenarioFile};
use crate::output;
use crate::problem::{Problem, Stop};
use crate::settings::Settings;
use std::path::PathBuf;

/// The folder that holds the scenarios of a project unless it says otherwise.
const DEFAULT: &str = "scenarios";

/// The files that the command line or the settings name.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// The files that could be read.
    pub(super) files: Vec<ScenarioFile>,
    /// Whether something could not be found or read; it has been reported.
    pub(super) incomplete: bool,
}

/// How many names a message lists.
const NAMES_MAX: usize = 5;

/// Finds and reads the files, and reports what cannot be found or read.
pub(super) fn choose(named: &[PathBuf], settings: &Settings) -> Result<Chosen, Stop> {
    let paths = match (named, &settings.paths) {
        ([], Some(paths)) => paths.clone(),
        ([], None) => vec![default()?],
        _ => named.to_vec(),
    };
    let found = files::find(&paths);
    for problem in &found.problems {
        output::remark(&problem.render());
    }
    Ok(Chosen {
        files: found.files,
        incomplete: !found.problems.is_empty(),
    })
}

fn default() -> Result<PathBuf, Stop> {
    let path = PathBuf::from(DEFAULT);
    if path.exists() {
        return Ok(path);
    }
    let problem =
        Problem::new("no scenario files were named, and there is no folder `scenarios` here");
    let help = "name files or folders, or set `paths` in the `[check]` table of tstate.toml";
    Err(problem.help(help).into())
}

/// The files whose name contains the text, if there is one. Refuses a text that no name contains.
pub(super) fn filtered(
    mut files: Vec<ScenarioFile>,
    text: Option<&str>,
) -> Result<Vec<ScenarioFile>, Problem> {
    if let Some(text) = text {
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        files.retain(|file| file.name.contains(text));
        if files.is_empty() && !names.is_empty() {
            return Err(no_match(text, &names));
        }
    }
    Ok(files)
}

fn no_match(text: &str, names: &[String]) -> Problem {
    let problem = Problem::new(format!("no scenario's name contains `{text}`"));
    let shown = names
        .iter()
        .take(NAMES_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = names.len().saturating_sub(NAMES_MAX);
    problem.help(match more {
        0 => format!("the names are: {shown}"),
        _ => format!("there are {} names, such as {shown}", names.len()),
    })
}
