//! The settings file `tstate.toml`: the nearest upwards from the working folder, or the one that `--config` names.

use crate::files;
use crate::problem::Stop;
use crate::render::findings;
use serde::Deserialize;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use toml::Spanned;
use tstate::runtime::profile::{ParseProfileError, Profile};
use tstate::sim::diagnostic::{Code, Diagnostic, Span};

/// The name of the file.
const NAME: &str = "tstate.toml";

/// What `tstate.toml` says. Flags and variables of the environment go before it, defaults come after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What to check if the command line names nothing, seen from the working folder.
    pub paths: Option<Vec<PathBuf>>,
    /// Check only under these profiles.
    pub python: Vec<Profile>,
    /// The bound on states.
    pub max_states: Option<u64>,
    /// The bound on preemptions.
    pub preemptions: Option<u32>,
    /// The bound on time-outs.
    pub timeouts: Option<u32>,
    /// How many scenarios to check at once.
    pub jobs: Option<NonZeroUsize>,
    /// Whether a search that was cut short counts as good.
    pub allow_incomplete: bool,
    /// The libpythons to run scenarios on, seen from the working folder.
    pub libpythons: Vec<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    check: Check,
    #[serde(default)]
    conform: Conform,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Conform {
    libpythons: Vec<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Check {
    paths: Option<Spanned<Vec<PathBuf>>>,
    python: Vec<Spanned<String>>,
    max_states: Option<NonZeroU64>,
    preemptions: Option<u32>,
    timeouts: Option<u32>,
    jobs: Option<NonZeroUsize>,
    allow_incomplete: bool,
}

/// Reads the settings that hold in the working folder.
///
/// # Errors
///
/// The file cannot be read, or says something that is no setting.
pub fn load(named: Option<&Path>) -> Result<Settings, Stop> {
    let path = match named {
        Some(path) => path.to_path_buf(),
        None => match nearest() {
            Some(path) => path,
            None => return Ok(Settings::default()),
        },
    };
    let source = files::read(&path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&source, folder)
        .map_err(|found| Stop::Rendered(findings::render(&files::shown(&path), &source, &found)))
}

/// Reads the text of a settings file that lies in `folder`.
///
/// # Errors
///
/// The mistakes in it: the first one of its form, or all in what it says.
pub fn parse(source: &str, folder: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let Document { check, conform } = document(source)?;
    let mut found = Vec::new();
    if let Some(paths) = check
        .paths
        .as_ref()
        .filter(|paths| paths.get_ref().is_empty())
    {
        let empty = finding("`paths` is empty", paths.span(), "nothing would be checked");
        found.push(empty.help("name a folder or a file, or leave `paths` out"));
    }
    let mut python = Vec::new();
    for text in &check.python {
        match text.get_ref().parse::<Profile>() {
            Ok(profile) => python.push(profile),
            Err(error) => found.push(no_profile(text, &error)),
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let seen_from_here = |paths: Spanned<Vec<PathBuf>>| {
        let paths = paths.into_inner();
        paths.iter().map(|path| folder.join(path)).collect()
    };
    Ok(Settings {
        paths: check.paths.map(seen_from_here),
        python,
        max_states: check.max_states.map(NonZeroU64::get),
        preemptions: check.preemptions,
        timeouts: check.timeouts,
        jobs: check.jobs,
        allow_incomplete: check.allow_incomplete,
        libpythons: conform
            .libpythons
            .iter()
            .map(|path| folder.join(path))
            .collect(),
    })
}

fn document(source: &str) -> Result<Document, Vec<Diagnostic>> {
    toml::from_str(source).map_err(|error| {
        // The words of TOML, not those of Rust.
        let message = error.message().lines().next().unwrap_or("no TOML");
        let message = message.replace("a nonzero u64", "a number from 1");
        let message = message.replace("a nonzero usize", "a number from 1");
        let message = message.replace("u32", "a number from 0");
        let message = message.replace("a sequence", "a list");
        vec![finding(&message, error.span().unwrap_or_default(), "here")]
    })
}

fn no_profile(text: &Spanned<String>, error: &ParseProfileError) -> Diagnostic {
    let message = format!("`{}` is no profile", text.get_ref());
    finding(&message, text.span(), "not a profile").help(error.to_string())
}

fn finding(message: &str, span: std::ops::Range<usize>, label: &str) -> Diagnostic {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span::new(offset(span.start), offset(span.end));
    Diagnostic::error(Code::T001, message, span, label)
}

/// The nearest settings file, seen from the working folder: `tstate.toml`, `../tstate.toml`, and so on.
fn nearest() -> Option<PathBuf> {
    let depth = std::env::current_dir().ok()?.ancestors().count();
    let mut folder = PathBuf::new();
    for _ in 0..depth {
        let path = folder.join(NAME);
        if path.is_file() {
            return Some(path);
        }
        folder.push("..");
    }
    None
}
