//! Runs by the legs of the model's shortest run to each outcome.
//!
//! Chance seldom comes to an outcome that needs three switches at certain places of a thousand. The model knows in which
//! order threads go on; what it does not know is where inside a call of a real library a switch of its own lies. So the
//! legs of the model's run are kept, and the places inside calls are by chance ([`tstate_driver::Chance::Legs`]).
//!
//! What places of the library a call comes by is learned from runs, and tried as such places ([`Leg::places`]): those where
//! the runtime's life is as far as in the model, if any are.
//!
//! Outcomes are taken in turns, those that were met no more until all were.

use super::{Kind, Scheduler};
use crate::onlib::hunt::Case;
use crate::onlib::library::{Order, Ran};
use std::collections::BTreeMap;
use tstate::sim::conform::legs_of;
use tstate::sim::outside;
use tstate::sim::verdict::{Outcome, Verdict};
use tstate_driver::{Chance, Leg, Phase, Plan, Visits};

/// The search.
#[derive(Debug)]
pub struct Aimed<'a> {
    case: Case<'a>,
    targets: Vec<Target>,
    /// Whose turn it is.
    turn: usize,
    seed: u64,
    /// The most decisions that a run had so far; before the first run 0.
    decisions: u32,
    /// The places that threads came by after so many events of theirs, and how often at most.
    places: BTreeMap<(u8, u32), BTreeMap<(Phase, u32), u32>>,
}

/// An outcome of the model.
#[derive(Clone, Debug)]
struct Target {
    outcome: Outcome,
    /// With how far the runtime's life is at the end of each.
    legs: Vec<(Leg, Phase)>,
    is_met: bool,
}

impl<'a> Aimed<'a> {
    /// At all outcomes that the model has; chance begins with the seed.
    #[must_use]
    pub fn new(case: Case<'a>, model: Option<&Verdict>, seed: u64) -> Self {
        let found = model.into_iter().flat_map(|model| &model.outcomes);
        let targets = found.map(|found| {
            let legs = legs_of(case.program, case.profile, &found.schedule.choices);
            Target {
                outcome: found.outcome.clone(),
                legs: legs
                    .into_iter()
                    .map(|leg| (leg.into(), leg.phase.into()))
                    .collect(),
                is_met: false,
            }
        });
        let targets = targets.collect();
        Self {
            case,
            targets,
            turn: 0,
            seed,
            decisions: 0,
            places: BTreeMap::new(),
        }
    }

    /// The leg with the places that are known of its last call.
    fn placed(&self, leg: &Leg, phase: Phase) -> Leg {
        let known = self.places.get(&(leg.thread, leg.events));
        let all = known.into_iter().flatten().map(|(at, times)| Visits {
            phase: at.0,
            place: at.1,
            times: *times,
        });
        let all: Vec<Visits> = if leg.inside > 0 {
            all.collect()
        } else {
            Vec::new()
        };
        let alike = all.iter().copied().filter(|at| at.phase == phase);
        let alike: Vec<Visits> = alike.collect();
        Leg {
            places: if alike.is_empty() { all } else { alike },
            ..leg.clone()
        }
    }
}

impl Scheduler for Aimed<'_> {
    fn next(&mut self) -> Option<(Order, Kind)> {
        if self.decisions == 0 {
            // The default run, to learn how long runs are.
            let plan = Plan {
                tell: true,
                ..Plan::default()
            };
            return Some((Order::Plan(plan), Kind::Aimed));
        }
        let count = self.targets.len();
        let turns = (0..count).map(|after| (self.turn + after) % count);
        let open = turns.clone().find(|at| !self.targets[*at].is_met);
        let at = open.or_else(|| turns.clone().next())?;
        self.turn = at + 1;
        let seed = self.seed;
        self.seed = seed.wrapping_add(1);
        let legs = self.targets[at].legs.iter();
        let chance = Chance::Legs {
            seed,
            legs: legs.map(|(leg, phase)| self.placed(leg, *phase)).collect(),
            decisions: self.decisions,
        };
        let plan = Plan {
            chance: Some(chance),
            tell: true,
            ..Plan::default()
        };
        Some((Order::Plan(plan), Kind::Aimed))
    }

    fn learn(&mut self, ran: &Ran) {
        self.decisions = self.decisions.max(ran.planned.decisions_total).max(1);
        let mut here: BTreeMap<(u8, u32, Phase, u32), u32> = BTreeMap::new();
        for decision in &ran.planned.decisions {
            let Some(lane) = decision.lane else { continue };
            let at = (lane, decision.events, decision.phase, decision.place);
            *here.entry(at).or_default() += 1;
        }
        for ((lane, events, phase, place), times) in here {
            let places = self.places.entry((lane, events)).or_default();
            let most = places.entry((phase, place)).or_default();
            *most = times.max(*most);
        }
        let met = ran.sight.outcome(self.case.profile);
        let shows_leaks = ran.sight.left.is_some();
        for target in &mut self.targets {
            let known = &target.outcome;
            target.is_met |= outside::is_like(self.case.program, &met, known, shows_leaks);
        }
    }

    fn gave_up(&mut self) {
        self.decisions = self.decisions.max(1);
    }
}
