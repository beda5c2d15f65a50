//! Schedulers: what to run next, knowing what the runs before did. One file each.

mod aimed;
mod chance;
mod exhaustive;
mod mix;

pub use aimed::Aimed;
pub use chance::{Pct, Random, Stress};
pub use exhaustive::Exhaustive;
pub use mix::Mix;

use super::hunt::Case;
use super::library::{Order, Ran};
use clap::ValueEnum;
use tstate::sim::verdict::Verdict;

/// Which schedulers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// `exhaustive`, `pct` and `random` in turns
    Mix,
    /// Every thread that can go on is as likely
    Random,
    /// Priorities by chance, which change a few times
    Pct,
    /// All runs with few switches away from a thread that could go on, fewest first
    Exhaustive,
    /// By the legs of the model's shortest run to each outcome not met so far, and chance inside calls
    Aimed,
    /// No scheduler at all: threads run as the system lets them; for comparison, and nothing replays
    Stress,
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// By which schedulers.
    pub kind: Kind,
    /// At most so many runs.
    pub runs: u64,
    /// Where chance begins.
    pub seed: u64,
    /// Of `pct`: how many orders of operations a run is to get right.
    pub depth: u32,
    /// Of `exhaustive`: at most so many switches in a run.
    pub preemptions: Option<u32>,
}

/// Chooses runs.
pub trait Scheduler {
    /// What to run next, and by which scheduler; `None` if nothing is left.
    fn next(&mut self) -> Option<(Order, Kind)>;

    /// What came of it.
    fn learn(&mut self, ran: &Ran) {
        let _ = ran;
    }

    /// The run was given up or failed, so that what could follow it is not known.
    fn gave_up(&mut self) {}

    /// Up to how many switches all runs were made, if all were.
    fn complete(&self) -> Option<u32> {
        None
    }
}

impl Kind {
    /// The word of the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Random => "random",
            Self::Pct => "pct",
            Self::Exhaustive => "exhaustive",
            Self::Aimed => "aimed",
            Self::Stress => "stress",
        }
    }
}

/// The scheduler of these options for a scenario, of which the model has these outcomes, if it was asked and answered.
#[must_use]
pub fn scheduler<'a>(
    case: Case<'a>,
    options: &Options,
    model: Option<&Verdict>,
) -> Box<dyn Scheduler + 'a> {
    match options.kind {
        Kind::Mix => Box::new(Mix::new(options)),
        Kind::Random => Box::new(Random::new(options.seed)),
        Kind::Pct => Box::new(Pct::new(options.seed, options.depth)),
        Kind::Exhaustive => Box::new(Exhaustive::new(options.seed, options.preemptions)),
        Kind::Aimed => Box::new(Aimed::new(case, model, options.seed)),
        Kind::Stress => Box::new(Stress),
    }
}
