//! Asks the driver what a libpython is, and says why it cannot be driven if that is so.

use super::elf;
use super::place::Libpython;
use crate::child::{self, Silent};
use crate::conform::program::Driver;
use std::fmt;
use std::time::Duration;
use tstate::runtime::profile::{MINOR_MAX, MINOR_MIN, Profile};
use tstate_driver::Probed;

/// How long the driver may take to open a library and read its version.
const LIMIT: Duration = Duration::from_secs(30);

/// What every run needs of a library; without these nothing can be driven.
const NEEDED: [&str; 6] = [
    "Py_InitializeEx",
    "Py_FinalizeEx",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyGILState_Ensure",
    "PyGILState_Release",
];

/// What a libpython is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The minor release: 14 of 3.14.2.
    pub minor: u8,
    /// The patch level: 2 of 3.14.2.
    pub patch: u8,
    /// What follows the patch level: `rc1`, `+`; usually nothing.
    pub suffix: String,
    /// How it was built.
    pub build: Build,
    /// The library's own words about its version.
    pub version: String,
    /// Functions of its release that it does not export.
    pub missing: Vec<String>,
}

/// How a libpython was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    /// Whether it has no GIL unless asked.
    pub free_threaded: bool,
    /// Whether it checks its own assertions.
    pub debug: bool,
}

/// Why a libpython is not driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The library cannot be loaded at all.
    Broken(String),
    /// The dynamic loader of the system that it belongs to is not there.
    NoLoader,
    /// There is no standard library around it.
    NoHome,
    /// Its release is not one that is modelled.
    Release,
    /// A kind of build that is not driven yet.
    Build(Build),
    /// It lacks functions that every run needs.
    Missing(Vec<String>),
}

impl Identity {
    /// The profile of exactly this release and build; `None` outside the known releases.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        let free_threaded = if self.build.free_threaded { "t" } else { "" };
        format!("3.{}.{}{free_threaded}", self.minor, self.patch)
            .parse()
            .ok()
    }

    /// `3.14.10`, `3.15.0rc1`.
    #[must_use]
    pub fn release(&self) -> String {
        format!("3.{}.{}{}", self.minor, self.patch, self.suffix)
    }

    /// `3.14.10`, `3.13.18t`, `3.13.18td`: what counts and records know the library by.
    #[must_use]
    pub fn name(&self) -> String {
        let free_threaded = if self.build.free_threaded { "t" } else { "" };
        let debug = if self.build.debug { "d" } else { "" };
        format!("{}{free_threaded}{debug}", self.release())
    }
}

impl fmt::Display for Build {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.free_threaded, self.debug) {
            (false, false) => "default",
            (false, true) => "debug",
            (true, false) => "free-threaded",
            (true, true) => "free-threaded debug",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(cause) => write!(formatter, "cannot be loaded: {cause}"),
            Self::NoLoader => formatter.write_str("its sysroot has no dynamic loader"),
            Self::NoHome => formatter.write_str("no standard library around it"),
            Self::Release => write!(
                formatter,
                "a release outside 3.{MINOR_MIN} to 3.{MINOR_MAX}"
            ),
            Self::Build(build) => write!(formatter, "{build} builds are not driven yet"),
            Self::Missing(names) => write!(formatter, "lacks {}", names.join(", ")),
        }
    }
}

/// What a libpython is, as far as that can be learned, and why it is not driven, if it is not.
#[must_use]
pub fn probe(libpython: &Libpython, driver: &Driver) -> (Option<Identity>, Option<Refusal>) {
    if let Some(cause) = elf::fault(&libpython.library) {
        return (None, Some(Refusal::Broken(cause)));
    }
    if matches!(&libpython.sysroot, Some(sysroot) if sysroot.loader.is_none()) {
        return (None, Some(Refusal::NoLoader));
    }
    match ask(libpython, driver) {
        Err(cause) => (None, Some(Refusal::Broken(cause))),
        Ok(identity) => {
            let refusal = refusal(libpython, &identity);
            (Some(identity), refusal)
        }
    }
}

fn refusal(libpython: &Libpython, identity: &Identity) -> Option<Refusal> {
    let needed = |name: &&String| NEEDED.contains(&name.as_str());
    let needed: Vec<String> = identity.missing.iter().filter(needed).cloned().collect();
    if identity.profile().is_none() {
        Some(Refusal::Release)
    } else if identity.build != Build::default() {
        Some(Refusal::Build(identity.build))
    } else if !needed.is_empty() {
        Some(Refusal::Missing(needed))
    } else if libpython.home.is_none() {
        Some(Refusal::NoHome)
    } else {
        None
    }
}

fn ask(libpython: &Libpython, driver: &Driver) -> Result<Identity, String> {
    let mut command = driver.command(libpython, "probe");
    let printed = child::run(&mut command, LIMIT).map_err(|silent| match silent {
        Silent::Unstarted(error) => format!("the driver does not start: {error}").to_lowercase(),
        Silent::Late(limit) => format!("no answer within {} s", limit.as_secs()),
    })?;
    if !printed.status.success() {
        return Err(last_words(&printed.remarks, &printed.status.to_string()));
    }
    let probed: Probed = serde_json::from_str(printed.output.trim())
        .map_err(|error| format!("the driver's answer is not understood: {error}"))?;
    Ok(identity(probed))
}

/// The first thing that somebody said before it failed.
fn last_words(remarks: &str, status: &str) -> String {
    let line = remarks.lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(
        || format!("the driver ended with {status}"),
        |line| line.trim_start_matches("tstate-driver: ").to_owned(),
    )
}

fn identity(probed: Probed) -> Identity {
    // `3.15.0rc1 (main, …)`: what follows the number of the release.
    let number = format!("3.{}.{}", probed.minor, probed.patch);
    let word = probed.version.split_whitespace().next().unwrap_or_default();
    let suffix = word.strip_prefix(&number).unwrap_or_default().to_owned();
    let mut missing = probed.missing;
    missing.sort();
    missing.dedup();
    Identity {
        minor: probed.minor,
        patch: probed.patch,
        suffix,
        build: Build {
            free_threaded: probed.free_threaded,
            debug: probed.debug,
        },
        version: probed.version,
        missing,
    }
}
