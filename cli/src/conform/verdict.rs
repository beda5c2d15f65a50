//! What came of one scenario on one libpython.

use super::guide::Order;
use std::collections::BTreeMap;
use tstate::sim::events::Observed;

/// What came of one scenario on one libpython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The scenario, by its number in the plan.
    pub scenario: usize,
    /// The libpython, by its number among those that are driven.
    pub library: usize,
    /// What came of it.
    pub verdict: Verdict,
    /// The runs that the model has, each once.
    pub traces: Vec<Observed>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No run could be had or judged.
    NotDriven(String),
    /// Runs were had and judged.
    Driven(Driven),
}

/// What the runs of one scenario on one libpython showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driven {
    /// Schedules that were run and judged.
    pub schedules: u64,
    /// Schedules of which nothing could be said, by the reason.
    pub open: BTreeMap<String, u64>,
    /// Schedules that met what C leaves undefined: the model agrees up to there.
    pub undefined: u64,
    /// Schedules that a run could not keep to, so that it took another one, which was judged.
    pub strayed: u64,
    /// Schedules that showed something else when they were run again, though nothing in them is undefined; each run was
    /// judged.
    pub unstable: u64,
    /// Transitions between calls that the runs took, of those that the model has.
    pub covered: u64,
    /// Transitions between calls that the model has.
    pub transitions: u64,
    /// Whether a bound kept the model from knowing all of them.
    pub cut: bool,
    /// Where runs left the model, in the order of the schedules.
    pub differences: Vec<Difference>,
}

/// Where a run left the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What decided who ran.
    pub order: Order,
    /// Events before it.
    pub at: usize,
    /// Which step it is: the thread and its statement as written, or `end`.
    pub step: String,
    /// The line of the statement.
    pub line: Option<u32>,
    /// The steps just before, oldest first.
    pub before: Vec<String>,
    /// What the library did.
    pub library: String,
    /// What the model could have done instead.
    pub model: Vec<String>,
    /// The known deviation that it is, by its number in the file.
    pub known: Option<usize>,
}

/// What came of it in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The model has every run.
    Agrees,
    /// It has, but for known deviations.
    Known,
    /// It lacks one.
    Differs,
    /// Nothing was driven.
    NotDriven,
}

impl Verdict {
    /// What came of it in one word.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::NotDriven(_) => Status::NotDriven,
            Self::Driven(driven) if driven.unknown().next().is_some() => Status::Differs,
            Self::Driven(driven) if !driven.differences.is_empty() => Status::Known,
            Self::Driven(_) => Status::Agrees,
        }
    }

    /// What was driven.
    #[must_use]
    pub fn driven(&self) -> Option<&Driven> {
        match self {
            Self::NotDriven(_) => None,
            Self::Driven(driven) => Some(driven),
        }
    }

    /// The schedules that were run and judged.
    #[must_use]
    pub fn schedules(&self) -> u64 {
        self.driven().map_or(0, |driven| driven.schedules)
    }
}

impl Driven {
    /// The differences that nobody knew of.
    pub fn unknown(&self) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(|difference| difference.known.is_none())
    }
}
