//! The runs of a page: one for each outcome of each release, but those only once that are the same in several.

use super::markup::kind;
use crate::engine::{Inspected, Shown, StateGraph};
use tstate::runtime::profile::Profile;
use tstate::sim::verdict::Found;

/// What was found under one release.
pub type Release = Inspected;

/// A run, and the releases that have it.
#[derive(Clone, Debug)]
pub(super) struct Run<'a> {
    /// Numbered from 1.
    pub(super) number: usize,
    /// In order.
    pub(super) profiles: Vec<Profile>,
    /// The outcome, under the first of them.
    pub(super) found: &'a Found,
    /// The run.
    pub(super) shown: &'a Shown,
    /// The graph that it goes through.
    pub(super) graph: &'a StateGraph,
    /// Whether that is the whole graph.
    pub(super) whole: bool,
    /// Whether a claim refuses the outcome under one of them.
    pub(super) refused: bool,
    /// Whether a bound cut the search under one of them.
    pub(super) cut: bool,
}

/// The runs, and for each outcome of each release the number of its run.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs<'a> {
    pub(super) all: Vec<Run<'a>>,
    pub(super) numbers: Vec<Vec<usize>>,
}

impl<'a> Runs<'a> {
    pub(super) fn of(releases: &'a [Release]) -> Self {
        let mut runs = Self::default();
        for release in releases {
            let outcomes = release.verdict.outcomes.iter().zip(&release.shown);
            let numbers = outcomes.enumerate();
            let numbers = numbers.map(|(at, (found, shown))| runs.add(release, at, found, shown));
            let numbers = numbers.collect();
            runs.numbers.push(numbers);
        }
        runs
    }

    fn add(
        &mut self,
        release: &'a Release,
        at: usize,
        found: &'a Found,
        shown: &'a Shown,
    ) -> usize {
        let profile = release.verdict.profile;
        let failures = &release.verdict.failures;
        let refused = failures.iter().any(|failure| failure.found == Some(at));
        let cut = !release.verdict.cut.is_empty();
        let same = self.all.iter_mut().find(|run| {
            run.found.text == found.text
                && run.found.schedule.choices == found.schedule.choices
                && run.shown == shown
                && *run.graph == release.graph
                && run.whole == release.whole
        });
        if let Some(run) = same {
            if !run.profiles.contains(&profile) {
                run.profiles.push(profile);
            }
            run.refused |= refused;
            run.cut |= cut;
            return run.number;
        }
        let number = self.all.len() + 1;
        self.all.push(Run {
            number,
            profiles: vec![profile],
            found,
            shown,
            graph: &release.graph,
            whole: release.whole,
            refused,
            cut,
        });
        number
    }

    /// The run to begin with: one that a claim refuses, else one to a bad outcome; of these the newest release's, and the
    /// worst.
    pub(super) fn first(&self) -> usize {
        let order = |run: &&Run<'_>| {
            let newest = run.profiles.iter().max().copied();
            let is_bad = kind(&run.found.text) == "bad";
            (run.refused, is_bad, newest, run.found.outcome.clone())
        };
        let first = self.all.iter().max_by_key(order);
        first.map_or(1, |run| run.number)
    }
}

/// `3.8 to 3.11, 3.13`: ranges of releases that follow each other on the page.
#[must_use]
pub(super) fn ranges(some: &[Profile], all: &[Profile]) -> String {
    let mut parts: Vec<(Profile, Profile, usize)> = Vec::new();
    for (place, profile) in all.iter().enumerate() {
        if !some.contains(profile) {
            continue;
        }
        match parts.last_mut() {
            Some((_, last, at)) if *at + 1 == place => (*last, *at) = (*profile, place),
            _ => parts.push((*profile, *profile, place)),
        }
    }
    let texts = parts.iter().map(|(first, last, _)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}
