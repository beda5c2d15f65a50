//! Replays a schedule, and tells it.
//!
//! A schedule names every step of a run, lone ones included, with every operation a scheduling point. So it does not
//! depend on how it was found, and it replays to the same states and the same bytes.

use super::driver::{Listener, Machine};
use super::explorer::{Limits, Look, Run as _, is_lone};
use super::graph::Choice;
use super::judge::{Judge, Notes};
use super::report::{Account, Trace};
use super::scenario::program::Program;
use super::schedule::Schedule;
use super::tell::{Teller, tell};
use super::verdict::Outcome;
use super::walk::Walk;
use super::world::{Points, Tuning, World};
use crate::runtime::profile::Profile;
use crate::sync::ThreadIndex;
use std::sync::Arc;

/// Why a schedule does not replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Made from another text.
    #[error(
        "the schedule was made from another text of this scenario (digest {made:08x}, the file has {file:08x}): run the check again"
    )]
    Scenario {
        /// The schedule's digest.
        made: u32,
        /// The file's digest.
        file: u32,
    },
    /// A step that is not possible where it stands.
    #[error(
        "step {step} lets thread {thread} go on, which it cannot there: was the schedule changed by hand?"
    )]
    Step {
        /// Counted from 1.
        step: usize,
        /// The thread's index.
        thread: usize,
    },
    /// Steps after the end of the run.
    #[error("the run is over after step {step}, but the schedule goes on: was it changed by hand?")]
    Over {
        /// Counted from 1.
        step: usize,
    },
}

/// A scenario under one profile in a world of its own, on the calling thread.
pub(super) struct Stage<'a> {
    pub(super) world: World,
    pub(super) judge: Judge<'a>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        program: &Arc<Program>,
        profile: Profile,
        notes: &'a Notes,
        tuning: Tuning,
        points: Option<&Points>,
        teller: Option<&Arc<Teller>>,
    ) -> Self {
        let world = World::new(program.threads.len(), of_program(program, tuning));
        if let Some(points) = points {
            world.adopt_points(points);
        }
        let listener = teller.map(|teller| Arc::clone(teller) as Arc<dyn Listener>);
        Self::in_world(world, program, profile, notes, listener)
    }

    /// With somebody who is told what the threads do.
    pub(super) fn listening(
        program: &Arc<Program>,
        profile: Profile,
        notes: &'a Notes,
        tuning: Tuning,
        listener: Arc<dyn Listener>,
    ) -> Self {
        let world = World::new(program.threads.len(), of_program(program, tuning));
        Self::in_world(world, program, profile, notes, Some(listener))
    }

    /// With somebody who has cells of the world's own, and is made in it.
    pub(super) fn listening_in(
        program: &Arc<Program>,
        profile: Profile,
        notes: &'a Notes,
        (tuning, points): (Tuning, Option<&Points>),
        listener: impl FnOnce() -> Arc<dyn Listener>,
    ) -> Self {
        let world = World::new(program.threads.len(), of_program(program, tuning));
        if let Some(points) = points {
            world.adopt_points(points);
        }
        let listener = world.enter(listener);
        Self::in_world(world, program, profile, notes, Some(listener))
    }

    fn in_world(
        world: World,
        program: &Arc<Program>,
        profile: Profile,
        notes: &'a Notes,
        listener: Option<Arc<dyn Listener>>,
    ) -> Self {
        let machine = world.enter(|| Machine::new(program, profile, listener));
        Self {
            world,
            judge: Judge::new(machine, profile, notes),
        }
    }

    /// Runs `body` with the threads ready to go.
    pub(super) fn play<R>(&self, body: impl FnOnce(&mut Walk<'_>) -> R) -> R {
        let root = |thread: ThreadIndex| self.judge.body(thread);
        let handler = |signal| self.judge.interrupt(signal);
        #[expect(unsafe_code, reason = "fibers borrow the judge and the world")]
        // SAFETY: `clear` below ends the fibers while both are alive; a panic in `body` leaks them with the stage.
        unsafe {
            self.world.populate(&root, &handler, &[ThreadIndex::FIRST]);
        }
        let result = self.world.enter(|| {
            let mut walk = Walk::new(&self.world, &self.judge);
            body(&mut walk)
        });
        self.world.clear();
        result
    }

    /// What the run comes to that ends here, or that goes on as it did.
    pub(super) fn outcome(&self, walk: &Walk<'_>, look: Look) -> Outcome {
        let over = look.over || {
            let mut now = Vec::new();
            walk.choices(&GENEROUS, &mut now);
            now.is_empty()
        };
        if over || self.judge.is_stuck(&self.world) {
            return self.judge.name(&self.world);
        }
        let endless = Outcome::Livelock(self.judge.unfinished(&self.world));
        endless.in_child(self.judge.machine().generation())
    }
}

/// How the world of a program that may fork, or have signals, treats its locks.
fn of_program(program: &Program, tuning: Tuning) -> Tuning {
    tuning.of(program.forks(), program.sends_signals())
}

/// All steps of the run that `choices`, made with these scheduling points, stand for.
pub(super) fn written_out(
    program: &Arc<Program>,
    profile: Profile,
    tuning: Tuning,
    points: &Points,
    limits: &Limits,
    choices: &[Choice],
) -> Vec<Choice> {
    let notes = Notes::default();
    let stage = Stage::new(program, profile, &notes, tuning, Some(points), None);
    stage.world.write_down();
    stage.play(|walk| {
        let mut look = walk.settle();
        let (mut left, mut steps) = (choices.iter(), 0);
        while !look.over {
            let mut now = Vec::new();
            walk.choices(limits, &mut now);
            let choice = match now.as_slice() {
                [] => break,
                [lone] if is_lone(*lone, steps) => *lone,
                _ => {
                    let Some(choice) = left.next() else { break };
                    steps = 0;
                    *choice
                }
            };
            look = walk.step(choice);
            steps += 1;
        }
    });
    let mut steps = stage.world.written_down();
    steps.truncate(steps_to_the_end(program, profile, &steps));
    steps
}

/// After how many of these steps the run is over. With few scheduling points a thread goes on, within the step that
/// ended the run, to operations that would be steps of their own.
fn steps_to_the_end(program: &Arc<Program>, profile: Profile, choices: &[Choice]) -> usize {
    let notes = Notes::default();
    let stage = Stage::new(program, profile, &notes, Tuning::default(), None, None);
    stage.play(|walk| {
        let mut look = walk.settle();
        let mut steps = 0;
        for choice in choices {
            if look.over {
                break;
            }
            look = walk.step(*choice);
            steps += 1;
        }
        steps
    })
}

/// A state of a run, or one step beside it.
pub(super) struct Sighted {
    /// After this many steps of the run,
    pub(super) after: usize,
    /// and then this choice, if it is beside the run.
    pub(super) choice: Option<Choice>,
    /// What it looks like.
    pub(super) label: String,
    /// How a run ends there.
    pub(super) ends: Option<Outcome>,
}

/// The end of a run, and the states that other choices on its way lead to.
pub(super) fn beside(
    program: &Arc<Program>,
    profile: Profile,
    limits: &Limits,
    steps: &[Choice],
) -> Vec<Sighted> {
    let notes = Notes::default();
    let look = |after: usize, choice: Option<Choice>| {
        let stage = Stage::new(program, profile, &notes, Tuning::default(), None, None);
        stage.play(|walk| {
            let mut look = walk.settle();
            for step in steps[..after].iter().chain(&choice) {
                look = walk.step(*step);
            }
            let mut next = Vec::new();
            if !look.over {
                walk.choices(limits, &mut next);
            }
            let ends = (look.over || next.is_empty()).then(|| stage.judge.name(&stage.world));
            let label = stage.judge.label(&stage.world);
            let look = Sighted {
                after,
                choice,
                label,
                ends,
            };
            (look, next)
        })
    };
    let mut looks = Vec::new();
    for after in 0..=steps.len() {
        let (here, choices) = look(after, None);
        if after == steps.len() {
            looks.push(here);
            break;
        }
        let others = choices.into_iter().filter(|choice| *choice != steps[after]);
        looks.extend(others.map(|choice| look(after, Some(choice)).0));
    }
    looks
}

/// Everything a schedule may do.
const GENEROUS: Limits = Limits {
    states: None,
    bytes: None,
    steps: None,
    preemptions: None,
    timeouts: None,
    spurious: u32::MAX,
};

/// Replays `schedule` and tells what happens.
///
/// # Errors
///
/// If the schedule is not of this scenario, or names steps that are not possible.
pub fn replay(
    program: &Arc<Program>,
    source: &str,
    schedule: &Schedule,
) -> Result<Trace, ReplayError> {
    let file = super::digest_of(source);
    if schedule.scenario != file {
        return Err(ReplayError::Scenario {
            made: schedule.scenario,
            file,
        });
    }
    run(program, source, schedule.profile, &schedule.choices).map(|(_, trace)| trace)
}

/// Runs the steps of a schedule: the outcome and the story.
pub(super) fn run(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    choices: &[Choice],
) -> Result<(Outcome, Trace), ReplayError> {
    let (outcome, account) = account(program, source, profile, choices, Teller::default())?;
    Ok((outcome, account.trace))
}

/// Runs the steps of a schedule, and tells what `teller` is for.
pub(super) fn account(
    program: &Arc<Program>,
    source: &str,
    profile: Profile,
    choices: &[Choice],
    teller: Teller,
) -> Result<(Outcome, Account), ReplayError> {
    let notes = Notes::default();
    let teller = Arc::new(teller);
    let stage = Stage::new(
        program,
        profile,
        &notes,
        Tuning::default(),
        None,
        Some(&teller),
    );
    stage.play(|walk| {
        let mut look = walk.settle();
        teller.step(&stage, None);
        for (step, choice) in choices.iter().enumerate() {
            check(walk, look, step + 1, *choice)?;
            look = walk.step(*choice);
            teller.step(&stage, Some(*choice));
        }
        let outcome = stage.outcome(walk, look);
        let account = tell(&teller, &stage, source, &outcome);
        Ok((outcome, account))
    })
}

fn check(walk: &Walk<'_>, look: Look, step: usize, choice: Choice) -> Result<(), ReplayError> {
    if look.over {
        return Err(ReplayError::Over { step: step - 1 });
    }
    let mut now = Vec::new();
    walk.choices(&GENEROUS, &mut now);
    if now.contains(&choice) {
        Ok(())
    } else {
        Err(ReplayError::Step {
            step,
            thread: choice.thread(),
        })
    }
}
