//! The lines before the bodies: version, story, profiles, faults, bounds.

use super::super::program::{Declared, FaultId};
use super::super::syntax::{BoundBlock, File, ItemKind, Name, Number, ProfileRange};
use super::Checker;
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::{Code, Diagnostic, Span};

/// The version of the language that this program reads.
const LANGUAGE_VERSION: i64 = 1;

impl<'file> Checker<'file> {
    pub(super) fn headers(&mut self, file: &'file File) {
        let mut first: [Option<Span>; 5] = [None; 5];
        for item in &file.items {
            let place = match &item.kind {
                ItemKind::Language(version) => {
                    self.language(version);
                    0
                }
                ItemKind::Scenario(text) => {
                    self.program.scenario = Some(text.value.clone());
                    self.program.documentation = item.trivia.documentation();
                    1
                }
                ItemKind::Python(ranges) => {
                    self.profiles(ranges);
                    self.program.profiles_span = Some(item.at.0);
                    2
                }
                ItemKind::Faults(names) => {
                    self.faults(names);
                    3
                }
                ItemKind::Bound(block) => {
                    self.bounds(block);
                    4
                }
                ItemKind::Native { .. }
                | ItemKind::Object { .. }
                | ItemKind::Declare(_)
                | ItemKind::Body(_)
                | ItemKind::Expect(_) => continue,
            };
            if let Some(before) = first[place].replace(item.at.0) {
                let message = "this line may stand only once";
                let diagnostic = Diagnostic::error(Code::S307, message, item.at.0, "");
                self.push(diagnostic.label(before, "it stands here already"));
            }
        }
        if self.program.profiles.is_empty() {
            self.program.profiles.push(Profile::DEFAULT);
        }
    }

    fn language(&mut self, version: &Number) {
        if version.value != LANGUAGE_VERSION {
            let message = format!("version {} of the language is not known", version.value);
            let diagnostic = Diagnostic::error(Code::S012, message, version.at.0, "");
            self.push(diagnostic.help(format!("this program knows `capi {LANGUAGE_VERSION}`")));
        }
    }

    fn profiles(&mut self, ranges: &[ProfileRange]) {
        for range in ranges {
            let named = self.profile_range(range);
            self.program.profiles.extend(named);
        }
        self.program.profiles.sort();
        self.program.profiles.dedup();
    }

    /// The profiles of `3.14` or `3.9 .. 3.12`.
    pub(super) fn profile_range(&mut self, range: &ProfileRange) -> Vec<Profile> {
        let Some(first) = self.profile(&range.first) else {
            return Vec::new();
        };
        let Some(last) = &range.last else {
            return vec![first];
        };
        let Some(end) = self.profile(last) else {
            return Vec::new();
        };
        let span = range.first.at.0.to(last.at.0);
        let plain = |profile: Profile| profile.patch().is_none() && !profile.is_sound();
        if !plain(first) || !plain(end) || first.is_free_threaded() != end.is_free_threaded() {
            let message = "a range runs from one minor release to another of the same build";
            self.error(Code::S013, message, span);
            return Vec::new();
        }
        if first > end {
            let message = format!("this range is empty: {first} is newer than {end}");
            self.error(Code::S013, message, span);
        }
        let suffix = if first.is_free_threaded() { "t" } else { "" };
        (first.minor()..=end.minor())
            .filter_map(|minor| format!("3.{minor}{suffix}").parse().ok())
            .collect()
    }

    pub(super) fn profile(&mut self, name: &Name) -> Option<Profile> {
        match name.text.parse() {
            Ok(profile) => Some(profile),
            Err(error) => {
                let message = format!("`{}` is no profile", name.text);
                let diagnostic = Diagnostic::error(Code::S013, message, name.at.0, "");
                self.push(diagnostic.note(error.to_string()));
                None
            }
        }
    }

    fn faults(&mut self, names: &'file [Name]) {
        for name in names {
            let id = FaultId(u8::try_from(self.program.faults.len()).unwrap_or(u8::MAX));
            if self.faults.insert(&name.text, id).is_some() {
                let message = format!("the fault `{}` is named twice", name.text);
                self.error(Code::S105, message, name.at.0);
            }
            self.program.faults.push(Declared {
                name: name.text.clone(),
                span: name.at.0,
            });
        }
    }

    fn bounds(&mut self, block: &BoundBlock) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in &block.entries {
            let name = &*entry.name.text;
            if seen.contains(&name) {
                let message = format!("`{name}` is bounded twice");
                self.error(Code::S307, message, entry.name.at.0);
            }
            seen.push(name);
            self.bound(&entry.name, &entry.value);
        }
    }

    fn bound(&mut self, name: &Name, value: &Number) {
        let least = if matches!(&*name.text, "timeouts" | "spurious") {
            0
        } else {
            1
        };
        let large = self.count(value, least, i64::MAX);
        let small = u32::try_from(large).unwrap_or(u32::MAX);
        let bounds = &mut self.program.bounds;
        match &*name.text {
            "preemptions" => bounds.preemptions = Some(small),
            "states" => bounds.states = Some(large),
            "steps" => bounds.steps = Some(large),
            "timeouts" => bounds.timeouts = Some(small),
            "spurious" => bounds.spurious = Some(small),
            other => {
                let message = format!("nothing named `{other}` can be bounded");
                let known = ["preemptions", "states", "steps", "timeouts", "spurious"];
                self.unknown(Code::S102, message, other, name.at.0, known.into_iter());
            }
        }
    }

    /// The value of a number that has to lie between `least` and `most`.
    pub(super) fn count(&mut self, number: &Number, least: i64, most: i64) -> u64 {
        if number.value < least || number.value > most {
            let range = if most == i64::MAX {
                format!("at least {least}")
            } else {
                format!("from {least} to {most}")
            };
            let message = format!("{} is out of range", number.text);
            let diagnostic = Diagnostic::error(Code::S303, message, number.at.0, "");
            self.push(diagnostic.help(format!("it has to be {range}")));
        }
        number.value.clamp(least, most).unsigned_abs()
    }
}
