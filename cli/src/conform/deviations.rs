//! The file of known deviations: where a libpython does something that the model does not allow, and we know why.
//!
//! ```toml
//! [[deviation]]
//! scenario = "finalize/ensure-late"
//! libpythons = "3.14.0 .. 3.14.10"        # a release with its patch level, or a range of them
//! step = "worker: g = PyGILState_Ensure()"  # where it leaves the model, as the report says it
//! date = "2026-11-21"
//! reason = "A thread without a state attaches in the late phase."
//! ```
//!
//! An entry may also name a `build` (default: `default`) and a `schedule`, which is then run beside the others. An entry
//! that was looked for and is not met any more is stale, and fails the run: the file says what is true, or it is
//! changed.

use super::guide::Order;
use super::verdict::Difference;
use crate::files;
use crate::libpython::{Build, Identity};
use crate::problem::Stop;
use crate::render::findings;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;
use tstate::sim::diagnostic::{Code, Diagnostic, Span};

/// A minor release and its patch level.
type Release = (u8, u8);

/// The known deviations of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    /// How the file is reached; empty if there is none.
    pub path: String,
    /// The entries, in the order of the file.
    pub entries: Vec<Deviation>,
}

/// A known deviation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The scenario's name.
    pub scenario: String,
    /// The first and the last release that shows it.
    pub releases: (Release, Release),
    /// How those libpythons are built.
    pub build: Build,
    /// The only schedule that shows it, if it is not any.
    pub schedule: Option<Order>,
    /// The step at which it leaves the model.
    pub step: String,
    /// When it was seen last.
    pub date: String,
    /// Why it is so.
    pub reason: String,
    /// The line of the entry.
    pub line: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    deviation: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    scenario: Spanned<String>,
    libpythons: Spanned<String>,
    build: Option<Spanned<String>>,
    schedule: Option<Spanned<String>>,
    step: Spanned<String>,
    date: Spanned<String>,
    reason: Spanned<String>,
}

impl Deviations {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or says something that is no deviation.
    pub fn read(path: &Path) -> Result<Self, Stop> {
        let source = files::read(path)?;
        let shown = files::shown(path);
        let entries = parse(&source)
            .map_err(|found| Stop::Rendered(findings::render(&shown, &source, &found)))?;
        Ok(Self {
            path: shown,
            entries,
        })
    }

    /// The entries about a scenario on a libpython, with their numbers.
    pub fn about<'a>(
        &'a self,
        scenario: &'a str,
        identity: &'a Identity,
    ) -> impl Iterator<Item = (usize, &'a Deviation)> {
        let entries = self.entries.iter().enumerate();
        entries.filter(move |(_, entry)| entry.is_about(scenario, identity))
    }
}

impl Deviation {
    /// Whether it is about this scenario on this libpython.
    #[must_use]
    pub fn is_about(&self, scenario: &str, identity: &Identity) -> bool {
        let release = (identity.minor, identity.patch);
        let (first, last) = self.releases;
        let is_named = scenario == self.scenario
            || scenario
                .strip_suffix(&self.scenario)
                .is_some_and(|rest| rest.ends_with('/'));
        is_named && (first..=last).contains(&release) && identity.build == self.build
    }

    /// Whether it is this difference, of a scenario on a libpython that it is about.
    #[must_use]
    pub fn is(&self, difference: &Difference) -> bool {
        let same_order = self
            .schedule
            .as_ref()
            .is_none_or(|order| *order == difference.order);
        same_order && self.step == difference.step
    }
}

/// Reads the text of a file of deviations.
///
/// # Errors
///
/// The mistakes in it.
pub fn parse(source: &str) -> Result<Vec<Deviation>, Vec<Diagnostic>> {
    let document: Document = toml::from_str(source).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("no TOML");
        vec![finding(message, &error.span().unwrap_or_default(), "here")]
    })?;
    let mut found = Vec::new();
    let mut entries = Vec::new();
    for entry in document.deviation {
        let line = source[..entry.span().start].matches('\n').count() + 1;
        match deviation(entry.into_inner(), line) {
            Ok(deviation) => entries.push(deviation),
            Err(diagnostic) => found.push(*diagnostic),
        }
    }
    if found.is_empty() {
        Ok(entries)
    } else {
        Err(found)
    }
}

fn deviation(entry: Entry, line: usize) -> Result<Deviation, Box<Diagnostic>> {
    let releases = range(entry.libpythons.get_ref()).ok_or_else(|| {
        refuse(
            &entry.libpythons,
            "is no range of releases",
            "a release with its patch level such as `3.14.10`, or a range: `3.14.0 .. 3.14.10`",
        )
    })?;
    let build = match &entry.build {
        None => Build::default(),
        Some(text) => build(text.get_ref()).ok_or_else(|| {
            refuse(
                text,
                "is no build",
                "one of `default`, `debug`, `free-threaded`, `free-threaded debug`",
            )
        })?,
    };
    let schedule = match &entry.schedule {
        None => None,
        Some(text) => Some(
            text.get_ref()
                .parse()
                .map_err(|_| refuse(text, "is no schedule", "as a report prints it: `0x5,1x3`"))?,
        ),
    };
    if !is_date(entry.date.get_ref()) {
        return Err(refuse(
            &entry.date,
            "is no date",
            "a date such as `2026-11-21`",
        ));
    }
    for text in [&entry.scenario, &entry.step, &entry.reason] {
        if text.get_ref().trim().is_empty() {
            return Err(refuse(
                text,
                "says nothing",
                "an entry names its scenario, step and reason",
            ));
        }
    }
    Ok(Deviation {
        scenario: entry.scenario.into_inner(),
        releases,
        build,
        schedule,
        step: entry.step.into_inner(),
        date: entry.date.into_inner(),
        reason: entry.reason.into_inner(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
    })
}

fn range(text: &str) -> Option<(Release, Release)> {
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (release(first)?, release(last)?),
        None => (release(text)?, release(text)?),
    };
    (first <= last).then_some((first, last))
}

fn release(text: &str) -> Option<Release> {
    let (minor, patch) = text.trim().strip_prefix("3.")?.split_once('.')?;
    Some((minor.parse().ok()?, patch.parse().ok()?))
}

fn build(text: &str) -> Option<Build> {
    [false, true]
        .into_iter()
        .flat_map(|free_threaded| {
            [false, true].map(|debug| Build {
                free_threaded,
                debug,
            })
        })
        .find(|build| build.to_string() == text)
}

fn is_date(text: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [4, 2, 2] && text.split('-').all(is_number)
}

fn refuse(text: &Spanned<String>, message: &str, help: &str) -> Box<Diagnostic> {
    let message = format!("`{}` {message}", text.get_ref());
    Box::new(finding(&message, &text.span(), "here").help(help))
}

fn finding(message: &str, span: &std::ops::Range<usize>, label: &str) -> Diagnostic {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let span = Span::new(offset(span.start), offset(span.end));
    Diagnostic::error(Code::T001, message, span, label)
}

#[cfg(test)]
mod tests {
    use super::parse;

    const ENTRY: &str = "[[deviation]]\nscenario = \"a/b\"\nlibpythons = \"3.14.0 .. 3.14.10\"\n\
        step = \"worker: x\"\ndate = \"2026-11-21\"\nreason = \"so it is\"\n";

    #[test]
    fn an_entry_says_where_and_why() {
        let entries = parse(&format!("# known\n{ENTRY}")).expect("an entry");
        let [entry] = entries.as_slice() else {
            panic!("one entry, not {entries:?}");
        };
        assert_eq!(entry.releases, ((14, 0), (14, 10)));
        assert_eq!((entry.line, entry.schedule.is_none()), (2, true));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for (right, wrong) in [
            ("3.14.0 .. 3.14.10", "3.14"),
            ("3.14.0 .. 3.14.10", "3.14.10 .. 3.14.0"),
            ("2026-11-21", "yesterday"),
            ("so it is", " "),
            ("date =", "day ="),
            ("reason = \"so it is\"\n", ""),
            ("reason", "schedule = \"x\"\nreason"),
            ("reason", "build = \"fast\"\nreason"),
        ] {
            let text = ENTRY.replace(right, wrong);
            assert_ne!(text, ENTRY, "{right}");
            assert!(parse(&text).is_err(), "{wrong}");
        }
    }
}
