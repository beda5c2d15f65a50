//! Restrictions: `for …`.

use super::super::program::{Comparison, FaultId, Release, Restriction};
use super::super::syntax::{self, Name, RestrictionKind};
use super::Checker;
use super::expression::comparison;
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::Code;

impl<'file> Checker<'file> {
    /// What stands behind a claim; `Err` has been reported.
    pub(super) fn optional_restriction(
        &mut self,
        restriction: Option<&'file syntax::Restriction>,
    ) -> Option<Restriction> {
        restriction.and_then(|restriction| self.restriction(restriction))
    }

    fn restriction(&mut self, restriction: &'file syntax::Restriction) -> Option<Restriction> {
        match &restriction.kind {
            RestrictionKind::Python(operator, name) => {
                let release = release(self.profile(name)?);
                let comparison = comparison(*operator).unwrap_or(Comparison::Equal);
                Some(Restriction::Python(comparison, release))
            }
            RestrictionKind::PythonIn(ranges) => {
                let mut parts = Vec::new();
                for range in ranges {
                    for profile in self.profile_range(range) {
                        parts.push(Restriction::Python(Comparison::Equal, release(profile)));
                    }
                }
                parts
                    .into_iter()
                    .reduce(|left, right| Restriction::Or(Box::new(left), Box::new(right)))
            }
            RestrictionKind::Word(name) => self.restriction_word(name),
            RestrictionKind::Group(inner) => self.restriction(inner),
            RestrictionKind::Not(inner) => {
                Some(Restriction::Not(Box::new(self.restriction(inner)?)))
            }
            RestrictionKind::And(left, right) => {
                let (left, right) = (self.restriction(left), self.restriction(right));
                Some(Restriction::And(Box::new(left?), Box::new(right?)))
            }
            RestrictionKind::Or(left, right) => {
                let (left, right) = (self.restriction(left), self.restriction(right));
                Some(Restriction::Or(Box::new(left?), Box::new(right?)))
            }
        }
    }

    fn restriction_word(&mut self, name: &'file Name) -> Option<Restriction> {
        if let Some(fault) = self.fault(&name.text) {
            return Some(Restriction::Fault(fault));
        }
        match &*name.text {
            "free_threaded" => return Some(Restriction::FreeThreaded),
            "sound" => return Some(Restriction::Sound),
            text if text.starts_with(|first: char| first.is_ascii_digit()) => {
                let profile = self.profile(name)?;
                let plain = Restriction::Python(Comparison::Equal, release(profile));
                return Some(if profile.is_free_threaded() {
                    Restriction::And(Box::new(plain), Box::new(Restriction::FreeThreaded))
                } else {
                    plain
                });
            }
            _ => {}
        }
        let message = format!(
            "`{}` is no profile and no fault of this scenario",
            name.text
        );
        let faults: Vec<&'file str> = self.faults.keys().copied().collect();
        let known = ["free_threaded", "sound", "python"]
            .into_iter()
            .chain(faults);
        self.unknown(Code::S110, message, &name.text, name.at.0, known);
        None
    }

    fn fault(&self, name: &str) -> Option<FaultId> {
        self.faults.get(name).copied()
    }
}

/// A literal stands for its release, whatever the build.
fn release(profile: Profile) -> Release {
    Release {
        minor: profile.minor(),
        patch: profile.patch(),
    }
}
