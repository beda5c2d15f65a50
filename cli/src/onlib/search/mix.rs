//! Several schedulers in turns; one that has nothing left drops out.

use super::{Exhaustive, Kind, Options, Pct, Random, Scheduler};
use crate::onlib::library::{Order, Ran};

/// `exhaustive`, `pct`, `random`.
#[derive(Debug)]
pub struct Mix {
    exhaustive: Exhaustive,
    pct: Pct,
    random: Random,
    /// Runs so far.
    runs: u64,
    /// Who chose the run under way.
    by: Kind,
}

impl Mix {
    /// With these options.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            exhaustive: Exhaustive::new(options.seed, options.preemptions),
            pct: Pct::new(options.seed, options.depth),
            random: Random::new(options.seed),
            runs: 0,
            by: Kind::Mix,
        }
    }
}

impl Scheduler for Mix {
    fn next(&mut self) -> Option<(Order, Kind)> {
        let turn = self.runs % 3;
        self.runs += 1;
        let next = match turn {
            0 => self.exhaustive.next().or_else(|| self.pct.next()),
            1 => self.pct.next(),
            _ => self.random.next(),
        };
        self.by = next.as_ref().map_or(Kind::Mix, |(_, by)| *by);
        next
    }

    fn learn(&mut self, ran: &Ran) {
        self.pct.learn(ran);
        if self.by == Kind::Exhaustive {
            self.exhaustive.learn(ran);
        }
    }

    fn gave_up(&mut self) {
        if self.by == Kind::Exhaustive {
            self.exhaustive.gave_up();
        }
    }

    fn complete(&self) -> Option<u32> {
        self.exhaustive.complete()
    }
}
