//! The file of counts that may not fall: how much each libpython drove when somebody looked.
//!
//! ```toml
//! ["3.11.2"]
//! scenarios = 120
//! schedules = 4321
//! ```
//!
//! A libpython whose release is not in the file is held to the least of its minor release: a system's update changes the
//! patch level, and must not make the gate look away. One of a minor release that is not in the file is held to nothing,
//! and the report says so.

use crate::files;
use crate::libpython::Identity;
use crate::output::Replacement;
use crate::problem::Stop;
use crate::render::findings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use tstate::sim::diagnostic::{Code, Diagnostic, Span};

/// What one libpython drove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Scenarios of which at least one schedule was run and judged.
    pub scenarios: u64,
    /// Schedules that were run and judged.
    pub schedules: u64,
}

/// What each libpython drove, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<String, Count>);

/// What a libpython is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The names of the entries, one if its own is there.
    pub to: Vec<String>,
    /// The least that it must drive.
    pub least: Count,
}

impl Counts {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or says something that is no count.
    pub fn read(path: &Path) -> Result<Self, Stop> {
        let source = files::read(path)?;
        toml::from_str(&source).map(Self).map_err(|error| {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let span = error.span().unwrap_or_default();
            let span = Span::new(offset(span.start), offset(span.end));
            let message = error.message().lines().next().unwrap_or("no TOML");
            let found = Diagnostic::error(Code::T001, message, span, "here");
            Stop::Rendered(findings::render(&files::shown(path), &source, &[found]))
        })
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Stop> {
        Replacement::begin(path)?.commit(self.text().as_bytes())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(name, _)| order(name));
        let mut text = String::from(
            "# What each libpython drove: `tstate conform --at-least` fails if one drives less.\n\
             # Written by `tstate conform --update-counts`.\n",
        );
        for (name, count) in entries {
            text += &format!(
                "\n[\"{name}\"]\nscenarios = {}\nschedules = {}\n",
                count.scenarios, count.schedules
            );
        }
        text
    }

    /// What a libpython is held to; `None` if its minor release is not in the file.
    #[must_use]
    pub fn held(&self, identity: &Identity) -> Option<Held> {
        let name = identity.name();
        if let Some(count) = self.0.get(&name) {
            return Some(Held {
                to: vec![name],
                least: *count,
            });
        }
        let build = |name: &str| {
            name.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic())
                .to_owned()
        };
        let is_alike = |other: &str| {
            order(other).0 == u64::from(identity.minor) && build(other) == build(&name)
        };
        let alike: Vec<_> = self.0.iter().filter(|(other, _)| is_alike(other)).collect();
        let least = Count {
            scenarios: alike.iter().map(|(_, count)| count.scenarios).min()?,
            schedules: alike.iter().map(|(_, count)| count.schedules).min()?,
        };
        Some(Held {
            to: alike.into_iter().map(|(other, _)| other.clone()).collect(),
            least,
        })
    }
}

impl Count {
    /// Whether it is less than `least` in anything.
    #[must_use]
    pub fn is_below(self, least: Self) -> bool {
        self.scenarios < least.scenarios || self.schedules < least.schedules
    }
}

/// Sorts `3.9.18` before `3.13.0`.
fn order(name: &str) -> (u64, u64, String) {
    let mut numbers = name.split('.').skip(1).map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    });
    let (minor, patch) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (minor, patch, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Count, Counts};
    use crate::libpython::{Build, Identity};

    fn identity(minor: u8, patch: u8) -> Identity {
        Identity {
            minor,
            patch,
            suffix: String::new(),
            build: Build::default(),
            version: String::new(),
            missing: Vec::new(),
        }
    }

    fn counts() -> Counts {
        let count = |scenarios, schedules| Count {
            scenarios,
            schedules,
        };
        let names = ["3.13.5", "3.13.18", "3.9.18", "3.13.5t"].map(str::to_owned);
        let all = [count(5, 50), count(4, 60), count(3, 30), count(1, 1)];
        Counts(names.into_iter().zip(all).collect())
    }

    #[test]
    fn the_text_of_counts_reads_back_and_is_sorted_by_release() {
        let text = counts().text();
        let read = toml::from_str(&text).map(Counts).expect("counts");
        assert_eq!(read, counts());
        let at = |name: &str| text.find(name).expect("it is there");
        assert!(at("3.9.18") < at("3.13.5\"") && at("3.13.5\"") < at("3.13.18"));
    }

    #[test]
    fn an_unknown_patch_level_is_held_to_the_least_of_its_release() {
        let counts = counts();
        let least = |minor, patch| counts.held(&identity(minor, patch)).map(|held| held.least);
        let count = |scenarios, schedules| {
            Some(Count {
                scenarios,
                schedules,
            })
        };
        assert_eq!(least(13, 5), count(5, 50));
        assert_eq!(least(13, 6), count(4, 50));
        assert_eq!(least(14, 0), None);
    }

    #[test]
    fn fewer_of_anything_is_below() {
        let least = Count {
            scenarios: 4,
            schedules: 50,
        };
        let below = |scenarios, schedules| {
            Count {
                scenarios,
                schedules,
            }
            .is_below(least)
        };
        assert!(below(3, 60) && below(5, 49) && !below(4, 50));
    }
}
