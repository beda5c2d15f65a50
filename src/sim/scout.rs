//! Random runs that learn where threads meet, before a long search would learn it late and start again.
//!
//! Whatever a run shows, a search shows too: threads that meet in some interleaving of few points meet in one of more.
//! So scouting changes how soon a cell becomes a scheduling point, not which cells do.
//!
//! # Deterministic
//!
//! The seed is fixed.

use super::explorer::{Limits, Run};
use super::walk::Walk;
use super::world::World;
use oorandom::Rand64;

const RUNS: usize = 512;
/// Steps in one run, for programs that do not end.
const STEPS_MAX: usize = 2048;
const SEED: u128 = 1;

/// Runs from the first state; the world learns of points, and must be made anew with them.
pub(super) fn scout(world: &World, run: &dyn Run, limits: &Limits) {
    let mut walk = Walk::new(world, run);
    let mut random = Rand64::new(SEED);
    let mut choices = Vec::new();
    walk.settle();
    let start = world.mark();
    for _ in 0..RUNS {
        for _ in 0..STEPS_MAX {
            choices.clear();
            // What a bound takes away here the search reports.
            let _ = walk.choices(limits, &mut choices);
            if choices.is_empty() {
                break;
            }
            let choice = choices[random.rand_range(0..choices.len() as u64) as usize];
            if walk.step(choice).over {
                break;
            }
        }
        world.undo(&start);
        walk.begin_again();
    }
}
