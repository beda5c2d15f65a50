//! Makes a list of departures shorter while the run ends the same (delta debugging; Zeller and Hildebrandt, 2002).

use super::library::{Answer, Library, Order, Ran};
use tstate::runtime::profile::Profile;
use tstate::sim::verdict::Outcome;
use tstate_driver::{Departure, Departures, Plan};

/// Runs that are spent on one list.
const RUNS_MAX: u32 = 200;

/// What came of shrinking.
#[derive(Debug)]
pub(super) struct Shrunk {
    /// The run by the shortest list; `None` if the list that was given does not make such a run again.
    pub(super) ran: Option<Box<Ran>>,
    /// Runs that it took.
    pub(super) runs: u32,
}

/// Where lists are tried.
struct Trial<'a> {
    library: &'a mut dyn Library,
    /// Whether the run is such as is wanted.
    is_wanted: &'a dyn Fn(&Ran) -> bool,
    runs: u32,
}

impl Trial<'_> {
    /// The run by this list, if it is wanted.
    fn run(&mut self, list: &[Departure]) -> Option<Box<Ran>> {
        self.runs += 1;
        let plan = Plan {
            departures: Departures(list.to_vec()),
            ..Plan::default()
        };
        match self.library.run(&Order::Plan(plan)) {
            Answer::Ran(ran) if (self.is_wanted)(&ran) => Some(ran),
            Answer::Ran(_) | Answer::Refused(_) | Answer::Failed(_) => None,
        }
    }
}

/// Shrinks a list whose run ends so.
pub(super) fn shrink(
    library: &mut dyn Library,
    profile: Profile,
    list: &Departures,
    outcome: &Outcome,
) -> Shrunk {
    shrink_to(library, list, &|ran| ran.sight.outcome(profile) == *outcome)
}

/// Shrinks a list while its run is such as is wanted.
pub(super) fn shrink_to(
    library: &mut dyn Library,
    list: &Departures,
    is_wanted: &dyn Fn(&Ran) -> bool,
) -> Shrunk {
    let mut trial = Trial {
        library,
        is_wanted,
        runs: 0,
    };
    let Some(mut best) = trial.run(&list.0) else {
        return Shrunk {
            ran: None,
            runs: trial.runs,
        };
    };
    let mut parts = 2;
    loop {
        let list = best.planned.departures.0.clone();
        if list.is_empty() || trial.runs >= RUNS_MAX {
            break;
        }
        parts = parts.min(list.len());
        match without_a_part(&mut trial, &list, parts) {
            Some(shorter) => {
                best = shorter;
                parts = (parts - 1).max(2);
            }
            None if parts >= list.len() => break,
            None => parts *= 2,
        }
    }
    Shrunk {
        ran: Some(best),
        runs: trial.runs,
    }
}

/// A run by the list without one of so many parts of it, that is wanted and departs less.
fn without_a_part(trial: &mut Trial<'_>, list: &[Departure], parts: usize) -> Option<Box<Ran>> {
    for part in 0..parts {
        if trial.runs >= RUNS_MAX {
            return None;
        }
        let (from, to) = (list.len() * part / parts, list.len() * (part + 1) / parts);
        let rest: Vec<Departure> = list[..from].iter().chain(&list[to..]).copied().collect();
        let ran = trial.run(&rest);
        if let Some(ran) = ran.filter(|ran| ran.planned.departures.0.len() < list.len()) {
            return Some(ran);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::onlib::library::{Answer, Library, Order, Ran};
    use tstate::runtime::profile::Profile;
    use tstate::sim::events::{End, Observed, Rest};
    use tstate::sim::outside::Sight;
    use tstate::sim::verdict::Outcome;
    use tstate_driver::{Departures, Planned};

    /// Crashes if two departures are there, whatever else is.
    struct Fragile {
        needs: [u32; 2],
    }

    impl Library for Fragile {
        fn run(&mut self, order: &Order) -> Answer {
            let Order::Plan(plan) = order else {
                return Answer::Refused("only plans".to_owned());
            };
            let has = |point: &u32| plan.departures.0.iter().any(|one| one.point == *point);
            let end = if self.needs.iter().all(has) {
                End::Crash(11)
            } else {
                End::Exit(0)
            };
            Answer::Ran(Box::new(Ran {
                sight: Sight::from(Observed {
                    events: Vec::new(),
                    end,
                    threads: vec![Rest::Ended],
                }),
                planned: Planned {
                    departures: plan.departures.clone(),
                    ..Planned::default()
                },
                waits: Vec::new(),
            }))
        }
    }

    fn profile() -> Profile {
        "3.13.0".parse().expect("a profile")
    }

    #[test]
    fn a_list_shrinks_to_what_the_outcome_needs() {
        let list: Vec<String> = (0..40).map(|point| format!("0.{point}=1")).collect();
        let list: Departures = list.join(",").parse().expect("a list");
        let mut library = Fragile { needs: [7, 31] };
        let shrunk = shrink(&mut library, profile(), &list, &Outcome::Crash("SIGSEGV"));
        let ran = shrunk.ran.expect("it ends the same");
        assert_eq!(ran.planned.departures.to_string(), "0.7=1,0.31=1");
        assert!(shrunk.runs < 60, "{}", shrunk.runs);
    }

    #[test]
    fn a_list_that_ends_otherwise_is_not_shrunk() {
        let list: Departures = "0.7=1".parse().expect("a list");
        let mut library = Fragile { needs: [7, 31] };
        assert!(
            shrink(&mut library, profile(), &list, &Outcome::Crash("SIGSEGV"))
                .ran
                .is_none()
        );
    }
}
