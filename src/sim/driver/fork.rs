//! Fork: which process the run goes on as, and what is left behind.
//!
//! A run follows one process ([`crate::sync::fork`]). The child has the forking thread only and ends with its block; what the
//! machine keeps of the others stays as it was.

use super::{Activation, Calls, Flow, Lane, Machine, Python, index_of, position};
use crate::runtime::{Over, Step as Called};
use crate::sim::scenario::program::{Block, BodyId, StatementId, ThreadId};
use crate::sync::{Branch, ThreadIndex, current_thread, statement};

impl<P: Python> Machine<P> {
    /// How many forks the run followed into the child.
    #[must_use]
    pub fn generation(&self) -> u8 {
        self.generation.peek()
    }

    /// Whether the thread was left behind in the process that forked.
    #[must_use]
    pub fn is_gone(&self, thread: ThreadIndex) -> bool {
        self.gone.peek() & 1 << thread.index() != 0
    }

    /// The process's first thread: `main`, or the one that forked it.
    #[must_use]
    pub fn first(&self) -> ThreadIndex {
        self.first.peek()
    }

    /// The process forks, on the calling thread.
    pub fn fork(&self) -> Branch {
        let branch = crate::sync::fork();
        let thread = current_thread();
        if branch == Branch::Child {
            self.begin_child(thread);
        }
        if let Some(listener) = &self.listener {
            listener.forks(self, thread, branch);
        }
        branch
    }

    /// A first thread that finalization ended (`pthread_exit`) leaves the process to the others: it ends with the last. In a
    /// forked child the first thread is the one that forked, and those that were left behind are none of the others.
    pub(super) fn end_without_main(&self) {
        if !self.lanes[self.first().index()].exited.peek() {
            return;
        }
        let is_over = |(index, lane): (usize, &Lane)| {
            let gone = self.is_gone(index_of(ThreadId(index as u8)));
            let is_first = index == self.first().index();
            let is_there = is_first || lane.launched.read();
            gone || !is_there || lane.ended.peek()
        };
        if self.lanes.iter().enumerate().all(is_over) {
            self.process_ended.write(true);
        }
    }

    fn begin_child(&self, survivor: ThreadIndex) {
        let mut gone = self.gone.read();
        for index in 0..self.program.threads.len() {
            let thread = index_of(ThreadId(index as u8));
            let was_started = thread == ThreadIndex::FIRST || self.lanes[index].launched.read();
            if thread != survivor && was_started && !self.lanes[index].ended.peek() {
                gone |= 1 << index;
            }
        }
        self.gone.write(gone);
        self.first.write(survivor);
        self.generation.write(self.generation.read() + 1);
        for (owed, inherited) in self.owed.iter().zip(&self.inherited) {
            inherited.write(inherited.read() + owed.read());
            owed.write(0);
        }
        self.runtime.leave_signals_to_parent();
    }

    /// A pending call runs: one that the process was forked with, as long as there is one; they were queued first.
    pub(super) fn ran_pending(&self, body: BodyId) {
        let inherited = &self.inherited[body.index()];
        if inherited.peek() > 0 {
            inherited.update(|left| left - 1);
        } else {
            self.owed[body.index()].update(|owed| owed - 1);
        }
    }

    /// What each process does after a fork; the child does not come back.
    pub(super) fn branch(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        (branch, child, parent): (Branch, &Block, &Block),
        place: u64,
    ) -> Called<Flow> {
        if branch == Branch::Parent {
            return self.block(caller, at, parent, place);
        }
        self.block(caller, at, child, place)?;
        // Threads that it started may run between the last statement and the end of the process.
        statement(position(u64::MAX, id));
        Err(self.end_process(Over::Exit(0)))
    }

    /// `os.fork`: 0 after the block of the process that the run goes on as, or -1 if it raises.
    pub(super) fn os_fork(
        &self,
        caller: &P::Caller<'_>,
        at: Activation,
        id: StatementId,
        (child, parent): (&Block, &Block),
        place: u64,
    ) -> Called<(i64, Flow)> {
        match caller.os_fork()? {
            None => Ok((-1, Flow::Next)),
            Some(branch) => {
                let flow = self.branch(caller, at, id, (branch, child, parent), place)?;
                Ok((0, flow))
            }
        }
    }
}
