//! Patch levels of a release between which the runtime makes no difference.
//!
//! # Why
//!
//! Who shows a run on a real CPython asks for which patch levels the model has it. One of each range answers for all of it.

use super::profile::Profile;
use std::fmt;

/// Where releases changed at a patch level: the minor number and the first patch level of the new way.
///
/// `tests/tidy.rs` sees that these are the ones that differences ask for.
pub const CHANGES: [(u8, u8); 12] = [
    (10, 8),
    (10, 13),
    (11, 6),
    (11, 7),
    (12, 1),
    (12, 3),
    (12, 6),
    (13, 1),
    (13, 6),
    (13, 8),
    (13, 14),
    (14, 5),
];

/// A range of patch levels of one minor release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Of which.
    minor: Profile,
    /// The first of them.
    pub first: u8,
    /// The last of them; `None` if they go up to the newest.
    pub last: Option<u8>,
}

impl Levels {
    /// The release of the first of them.
    #[must_use]
    pub fn release(self) -> Profile {
        self.minor.at_patch(self.first)
    }

    /// Whether a profile is one of them.
    #[must_use]
    pub fn contains(self, profile: Profile) -> bool {
        let patch = profile.patch().unwrap_or(u8::MAX);
        let last = self.last.unwrap_or(u8::MAX);
        profile.minor() == self.minor.minor() && (self.first..=last).contains(&patch)
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, .. } = self;
        let minor = self.minor.minor();
        match last {
            Some(last) if last == first => write!(formatter, "3.{minor}.{first}"),
            Some(last) => write!(formatter, "3.{minor}.{first} to 3.{minor}.{last}"),
            None if *first == 0 => write!(formatter, "3.{minor}"),
            None => write!(formatter, "3.{minor}.{first} and newer"),
        }
    }
}

/// All patch levels of a profile's minor release, in ranges within which the runtime does the same; oldest first.
#[must_use]
pub fn levels_of(profile: Profile) -> Vec<Levels> {
    let minor = profile.minor();
    let changes = CHANGES.iter().filter(|(of, _)| *of == minor);
    let firsts: Vec<u8> = [0]
        .into_iter()
        .chain(changes.map(|(_, patch)| *patch))
        .collect();
    let lasts = firsts.iter().skip(1).map(|next| Some(next - 1));
    let ranges = firsts.iter().zip(lasts.chain([None]));
    ranges
        .map(|(first, last)| Levels {
            minor: profile,
            first: *first,
            last,
        })
        .collect()
}

/// The same patch levels in as few ranges as there can be; they come in order.
#[must_use]
pub fn joined(levels: &[Levels]) -> Vec<Levels> {
    let mut joined: Vec<Levels> = Vec::new();
    for next in levels {
        match joined.last_mut() {
            Some(before) if before.last.is_some_and(|last| last + 1 == next.first) => {
                before.last = next.last;
            }
            _ => joined.push(*next),
        }
    }
    joined
}

/// Whether these are all patch levels of their release.
#[must_use]
pub fn are_all(levels: &[Levels]) -> bool {
    let whole = |levels: &Levels| levels.first == 0 && levels.last.is_none();
    joined(levels).iter().any(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_patch_level_is_in_one_range() {
        for release in Profile::releases() {
            let levels = levels_of(release);
            for patch in 0..=u8::MAX {
                let of_it = release.at_patch(patch);
                let found = levels.iter().filter(|levels| levels.contains(of_it));
                assert_eq!(found.count(), 1, "{of_it}");
            }
            assert!(levels.last().is_some_and(|last| last.contains(release)));
        }
    }

    #[test]
    fn ranges_read_as_releases() {
        let of = |minor| levels_of(Profile::release(minor).expect("a release"));
        let texts: Vec<String> = of(12).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "3.12.0",
                "3.12.1 to 3.12.2",
                "3.12.3 to 3.12.5",
                "3.12.6 and newer"
            ]
        );
        assert_eq!(of(9)[0].to_string(), "3.9");
        assert!(are_all(&of(12)) && !are_all(&of(12)[..3]) && !are_all(&of(12)[1..]));
        assert_eq!(joined(&of(12)[..2])[0].to_string(), "3.12.0 to 3.12.2");
        assert_eq!(joined(&[of(12)[0], of(12)[2]]).len(), 2);
    }
}
