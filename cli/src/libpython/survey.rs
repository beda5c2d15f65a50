//! All libpythons that a command is about, each with what it is.

use super::discover::{Surroundings, discover};
use super::place::{Found, Libpython, Origin, Without, at};
use super::probe::{Identity, Refusal, probe};
use crate::conform::program::Driver;
use crate::problem::Problem;
use std::path::PathBuf;
use tstate::runtime::profile::Profile;

/// A libpython and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it is.
    pub libpython: Libpython,
    /// What it is, as far as it could be asked.
    pub identity: Option<Identity>,
    /// Why it is not driven; `None` if it is.
    pub refusal: Option<Refusal>,
}

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The libpythons, by release and then by path.
    pub known: Vec<Known>,
    /// Installations that have none to load.
    pub without: Vec<Without>,
}

/// What the user names, each in the order given; what stands first goes before the rest.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// By `--libpython`.
    pub flags: Vec<PathBuf>,
    /// By the variable of the environment.
    pub variable: Vec<PathBuf>,
    /// By `tstate.toml`.
    pub settings: Vec<PathBuf>,
}

impl Known {
    /// The profile that it is driven under; `None` if it is not driven.
    #[must_use]
    pub fn driven_under(&self) -> Option<Profile> {
        match &self.refusal {
            None => self.identity.as_ref()?.profile(),
            Some(_) => None,
        }
    }

    /// `3.14.10`; of what could not be asked, the name of its file.
    #[must_use]
    pub fn name(&self) -> String {
        self.identity.as_ref().map_or_else(
            || {
                let name = self.libpython.library.file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            },
            Identity::name,
        )
    }
}

impl Survey {
    /// The libpythons that are driven.
    pub fn driven(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().filter(|known| known.refusal.is_none())
    }

    /// What is wrong with what the user named.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let named = self
            .known
            .iter()
            .filter(|known| known.libpython.origin.is_named());
        named
            .filter_map(|known| {
                let refusal = known.refusal.as_ref()?;
                let library = known.libpython.library.display();
                let problem = Problem::new(format!("`{library}` cannot be driven"))
                    .at(known.libpython.origin.to_string())
                    .because(refusal.to_string());
                Some(match advice(refusal) {
                    Some(help) => problem.help(help),
                    None => problem,
                })
            })
            .collect()
    }
}

fn advice(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Broken(_) => None,
        Refusal::NoLoader => Some("make the sysroot again with scripts/libpython-sysroot"),
        Refusal::NoHome => Some("name the installation's prefix, or install its standard library"),
        Refusal::Release | Refusal::Build(_) | Refusal::Missing(_) => {
            Some("`tstate conform --list` names what is at hand")
        }
    }
}

/// Finds the libpythons that the user names, else those that are around, and asks what they are.
///
/// # Errors
///
/// Something that the user names is not there.
pub fn survey(
    wanted: &Wanted,
    surroundings: &Surroundings,
    driver: &Driver,
) -> Result<Survey, Vec<Problem>> {
    let named = [
        (&wanted.flags, Origin::Flag),
        (&wanted.variable, Origin::Variable),
        (&wanted.settings, Origin::Settings),
    ];
    let found = match named.iter().find(|(paths, _)| !paths.is_empty()) {
        Some((paths, origin)) => all_at(paths, *origin)?,
        None => discover(surroundings),
    };
    let mut known: Vec<Known> = found
        .libpythons
        .into_iter()
        .map(|libpython| {
            let (identity, refusal) = probe(&libpython, driver);
            Known {
                libpython,
                identity,
                refusal,
            }
        })
        .collect();
    known.sort_by(|one, other| key(one).cmp(&key(other)));
    let mut without = found.without;
    without.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    without.dedup_by(|one, other| one.prefix == other.prefix);
    Ok(Survey { known, without })
}

fn all_at(paths: &[PathBuf], origin: Origin) -> Result<Found, Vec<Problem>> {
    let mut found = Found::default();
    let mut problems = Vec::new();
    for path in paths {
        match at(path, origin) {
            Ok(more) => {
                for libpython in more.libpythons {
                    let is_known = |known: &Libpython| known.library == libpython.library;
                    if !found.libpythons.iter().any(is_known) {
                        found.libpythons.push(libpython);
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// Sorts by release, then build, then path; what could not be asked comes last.
fn key(known: &Known) -> impl Ord + use<'_> {
    let identity = known.identity.as_ref();
    let release = identity.map(|identity| {
        (
            identity.minor,
            identity.patch,
            identity.suffix.as_str(),
            identity.build,
        )
    });
    (
        release.is_none(),
        release,
        known.libpython.library.as_path(),
    )
}
