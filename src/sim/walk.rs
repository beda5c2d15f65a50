//! One run, step by step: which choices there are, and what each does.

use super::explorer::{Cut, Limits, Look, Run};
use super::graph::{Choice, Move};
use super::world::{Pending, World};
use crate::sync::{Branch, ThreadIndex};

/// How much of the bounded resources a run has used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) steps: u32,
    pub(super) preemptions: u32,
    pub(super) timeouts: u32,
    pub(super) spurious: u32,
}

/// A run under way.
pub(super) struct Walk<'a> {
    world: &'a World,
    run: &'a dyn Run,
    threads: usize,
    pub(super) used: Used,
    /// The thread that took the last step.
    pub(super) last: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(world: &'a World, run: &'a dyn Run) -> Self {
        Self {
            world,
            run,
            threads: world.threads(),
            used: Used::default(),
            last: 0,
        }
    }

    /// The run starts once more, from a state that was put back.
    pub(super) fn begin_again(&mut self) {
        self.used = Used::default();
        self.last = 0;
    }

    /// Does what a choice says: one step.
    pub(super) fn step(&mut self, choice: Choice) -> Look {
        self.used.preemptions += u32::from(self.preempts(choice));
        self.used.steps += 1;
        self.world.note(choice);
        let thread = ThreadIndex::new(choice.thread());
        match choice.action() {
            Move::Run => self.world.run(thread),
            Move::TimeOut => {
                self.used.timeouts += 1;
                self.world.time_out(thread);
            }
            Move::Spurious => {
                self.used.spurious += 1;
                self.world.wake_spuriously(thread);
            }
            Move::Pick(alternative) => {
                self.world.answer(thread, alternative);
                self.world.run(thread);
            }
            Move::Signal(signal) => self.world.deliver(thread, signal),
            Move::Fork(branch) => {
                self.world
                    .answer(thread, u16::from(branch == Branch::Child));
                self.world.run(thread);
            }
        }
        self.last = choice.thread();
        self.settle()
    }

    /// Lets threads go on that need no scheduling point, and looks at the state.
    pub(super) fn settle(&self) -> Look {
        if self.world.waiters_of_wake() != 0 {
            return Look::default();
        }
        while let Some(thread) = self.world.first_eager() {
            self.world.run(thread);
        }
        crate::sync::observe(|| self.run.look(self.world))
    }

    /// Whether the choice takes the turn from a thread that could have gone on.
    pub(super) fn preempts(&self, choice: Choice) -> bool {
        choice.thread() != self.last && self.world.enabled(ThreadIndex::new(self.last))
    }

    /// Appends the choices that there are now, threads in order; returns the bounds that took one away.
    pub(super) fn choices(&self, limits: &Limits, choices: &mut Vec<Choice>) -> Vec<Cut> {
        let mut cuts = Vec::new();
        if let Some(bound) = limits.steps.filter(|bound| self.used.steps >= *bound) {
            cuts.push(Cut::Steps(bound));
            return cuts;
        }
        let waiters = self.world.waiters_of_wake();
        if waiters != 0 {
            let current = self.world.current().index();
            for alternative in 0..waiters.count_ones() as u16 {
                choices.push(Choice::new(current, Move::Pick(alternative)));
            }
            return cuts;
        }
        for index in 0..self.threads {
            self.choices_of(index, limits, choices, &mut cuts);
        }
        cuts
    }

    fn choices_of(
        &self,
        index: usize,
        limits: &Limits,
        choices: &mut Vec<Choice>,
        cuts: &mut Vec<Cut>,
    ) {
        let thread = ThreadIndex::new(index);
        let first = choices.len();
        let pending = self.world.pending(thread);
        if let Pending::Choose(alternatives, _) = pending {
            choices.extend((0..alternatives).map(|pick| Choice::new(index, Move::Pick(pick))));
        } else if matches!(pending, Pending::Fork) {
            let branches = [Branch::Parent, Branch::Child];
            choices.extend(branches.map(|branch| Choice::new(index, Move::Fork(branch))));
        } else if let Pending::Waiting { timed, .. } = pending {
            if timed {
                match limits.timeouts.filter(|bound| self.used.timeouts >= *bound) {
                    Some(bound) => cuts.push(Cut::Timeouts(bound)),
                    None => choices.push(Choice::new(index, Move::TimeOut)),
                }
            }
            if self.used.spurious < limits.spurious {
                choices.push(Choice::new(index, Move::Spurious));
            }
        } else if self.world.enabled(thread) {
            choices.push(Choice::new(index, Move::Run));
        }
        let mut signals = self.world.signals(thread);
        while signals != 0 {
            let signal = signals.trailing_zeros() as u8;
            signals &= signals - 1;
            choices.push(Choice::new(index, Move::Signal(signal)));
        }
        if let Some(bound) = limits.preemptions
            && choices.len() > first
            && self.used.preemptions >= bound
            && self.preempts(choices[first])
        {
            choices.truncate(first);
            cuts.push(Cut::Preemptions(bound));
        }
    }
}
