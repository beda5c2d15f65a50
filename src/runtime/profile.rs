//! Releases of CPython, and every difference between them as a method.
//!
//! A verdict always names its profile: a release (with its patch level where that matters), the build (default or
//! free-threaded), or `sound`, the newest surface with every known defect put right.

use super::differences::Difference;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The oldest minor release that the language knows.
pub const MINOR_MIN: u8 = 8;

/// The newest minor release that the language knows.
pub const MINOR_MAX: u8 = 15;

/// The first minor release with a free-threaded build.
pub const MINOR_FREE_THREADED_MIN: u8 = 13;

/// One contract to explore under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    minor: u8,
    patch: Option<u8>,
    free_threaded: bool,
    sound: bool,
    /// For tests: what this profile is wrong about.
    mistaken: Option<Difference>,
}

impl Profile {
    /// The profile of a scenario without a `python` line: the newest release, default build.
    pub const DEFAULT: Self = Self {
        minor: MINOR_MAX,
        patch: None,
        free_threaded: false,
        sound: false,
        mistaken: None,
    };

    /// The newest surface with every known defect put right.
    pub const SOUND: Self = Self {
        sound: true,
        ..Self::DEFAULT
    };

    /// The newest patch level of `3.minor`, default build; `None` outside 3.8 to 3.15.
    #[must_use]
    pub const fn release(minor: u8) -> Option<Self> {
        if minor < MINOR_MIN || minor > MINOR_MAX {
            return None;
        }
        Some(Self {
            minor,
            ..Self::DEFAULT
        })
    }

    /// Every minor release, oldest first, at its newest patch level, default build.
    pub fn releases() -> impl Iterator<Item = Self> {
        (MINOR_MIN..=MINOR_MAX).map(|minor| Self {
            minor,
            ..Self::DEFAULT
        })
    }

    /// The minor number: 14 of `3.14.2`. That of `sound` is the newest.
    #[must_use]
    pub fn minor(self) -> u8 {
        self.minor
    }

    /// The patch level; `None` is the newest.
    #[must_use]
    pub fn patch(self) -> Option<u8> {
        self.patch
    }

    /// This release at that patch level.
    #[must_use]
    pub fn at_patch(self, patch: u8) -> Self {
        Self {
            patch: Some(patch),
            ..self
        }
    }

    /// Whether this is a free-threaded build.
    #[must_use]
    pub fn is_free_threaded(self) -> bool {
        self.free_threaded
    }

    /// Whether this is `sound`.
    #[must_use]
    pub fn is_sound(self) -> bool {
        self.sound
    }

    /// Whether the release is 3.`minor`.`patch` or newer. No patch level is the newest.
    #[must_use]
    pub fn since(self, minor: u8, patch: u8) -> bool {
        self.minor > minor || (self.minor == minor && self.patch.is_none_or(|level| level >= patch))
    }

    /// This profile, but wrong about one difference: for tests that something notices.
    #[must_use]
    pub fn mistaken_about(self, difference: Difference) -> Self {
        Self {
            mistaken: Some(difference),
            ..self
        }
    }

    /// The answer to the question whether `difference` is so: `holds`, unless the profile is mistaken about it.
    pub(super) fn when(self, difference: Difference, holds: bool) -> bool {
        holds != (self.mistaken == Some(difference))
    }

    /// Whether the runtime implements this profile: every release in its default build.
    #[must_use]
    pub fn is_modelled(self) -> bool {
        !self.free_threaded && !self.sound
    }

    fn rank(self) -> (bool, u8, u16, bool) {
        // No patch level means the newest, which lies above every numbered one.
        let patch = self.patch.map_or(u16::MAX, u16::from);
        (self.sound, self.minor, patch, self.free_threaded)
    }
}

impl Ord for Profile {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Profile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sound {
            return formatter.write_str("sound");
        }
        write!(formatter, "3.{}", self.minor)?;
        if let Some(patch) = self.patch {
            write!(formatter, ".{patch}")?;
        }
        formatter.write_str(if self.free_threaded { "t" } else { "" })
    }
}

/// Why a text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseProfileError {
    /// Not of the form `3.14`, `3.13.8`, `3.14t` or `sound`.
    #[error("a profile is a release such as `3.14`, `3.13.8` or `3.14t`, or `sound`")]
    Form,
    /// A release outside the range that the language knows.
    #[error("releases from 3.8 to 3.15 are known")]
    Release,
    /// A free-threaded build before the first one.
    #[error("free-threaded builds exist from 3.13 on")]
    FreeThreaded,
}

impl FromStr for Profile {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sound" {
            return Ok(Self::SOUND);
        }
        let (release, free_threaded) = match text.strip_suffix('t') {
            Some(release) => (release, true),
            None => (text, false),
        };
        let numbers = release.strip_prefix("3.").ok_or(ParseProfileError::Form)?;
        let (minor, patch) = match numbers.split_once('.') {
            Some((minor, patch)) => (parse_number(minor)?, Some(parse_number(patch)?)),
            None => (parse_number(numbers)?, None),
        };
        let profile = Self::release(minor).ok_or(ParseProfileError::Release)?;
        if free_threaded && minor < MINOR_FREE_THREADED_MIN {
            return Err(ParseProfileError::FreeThreaded);
        }
        Ok(Self {
            patch,
            free_threaded,
            ..profile
        })
    }
}

fn parse_number(text: &str) -> Result<u8, ParseProfileError> {
    // `u8::from_str` takes a sign, which no release has.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseProfileError::Form);
    }
    text.parse().map_err(|_| ParseProfileError::Release)
}
