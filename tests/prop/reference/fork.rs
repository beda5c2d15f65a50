//! The reference's forks: of the two processes the sequence follows one.
//!
//! The child has the forking thread only; memory is as it was, and so is every lock. What the hook puts right is in
//! §FORK, and what it does not is left as it is: the first thread state, the queue, the GILs of other interpreters.

use super::interpreters::MAIN;
use super::{End, Home, Mistake, Reference, Rule, Side, Step};

/// A fork that was prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Before {
    thread: usize,
    /// Whose import lock was taken.
    home: Home,
    /// In which process.
    depth: usize,
}

impl Reference {
    /// K1 to K4.
    pub(super) fn before_fork(&mut self, thread: usize) -> Step<()> {
        let home = self.home(self.running(thread)?);
        let depth = self.depth;
        let mine = Before {
            thread,
            home,
            depth,
        };
        match self.before.last() {
            Some(_) if self.is(Rule::ForkKeepsHeadLock) => return Err(End::Blocks),
            Some(other) if other.home != home => return Err(End::Undefined),
            Some(other) if other.thread != thread => return Err(End::Blocks),
            Some(_) | None => self.before.push(mine),
        }
        self.head_held = self.is(Rule::ForkKeepsHeadLock);
        Ok(())
    }

    /// Whether the hook of a process after a fork is the thread's to call, and that of the child.
    pub(crate) fn owes_after_fork(&self, thread: usize) -> Option<Side> {
        let last = self.before.last().filter(|last| last.thread == thread)?;
        Some(if last.depth < self.depth {
            Side::Child
        } else {
            Side::Parent
        })
    }

    /// 2.14: to walk the lists is safe only while nobody changes them, which nobody but who has HEAD_LOCK knows.
    pub(super) fn may_walk(&self, thread: usize) -> Step<()> {
        let last = self.before.last().filter(|_| self.head_held);
        if last.is_some_and(|last| last.thread != thread) {
            return Err(End::Undefined);
        }
        Ok(())
    }

    pub(super) fn fork(&mut self, thread: usize, side: Side) {
        if side == Side::Parent {
            return;
        }
        self.depth += 1;
        self.survivor = Some(thread);
        if !self.wrong(Mistake::ChildOwesCalls) {
            self.inherited.append(&mut self.owed);
        }
        if !self.wrong(Mistake::ChildOwesSignals) {
            self.signals.unheard = None;
        }
        if self.wrong(Mistake::ForkFreesTheGil) {
            self.homes[MAIN.0].gil = None;
        }
        if self.wrong(Mistake::ForkDeletesOthers) {
            self.delete_others(thread);
        }
        if self.wrong(Mistake::ChildForgetsCalls) {
            self.homes[MAIN.0].queue.clear();
        }
    }

    pub(super) fn after_fork_parent(&mut self, thread: usize) -> Step<()> {
        self.owes_after_fork(thread).ok_or(End::Undefined)?;
        let home = self.home(self.running(thread)?);
        self.give_back(thread, home)?;
        if self.wrong(Mistake::ParentDeletesOthers) {
            self.delete_others(thread);
        }
        Ok(())
    }

    /// The locks that [`Reference::before_fork`] took; by whoever did not take them, nothing is promised.
    fn give_back(&mut self, thread: usize, home: Home) -> Step<()> {
        let last = self.before.last().copied();
        let mine = last.filter(|last| (last.thread, last.home) == (thread, home));
        mine.ok_or(End::Undefined)?;
        if !self.wrong(Mistake::ChildKeepsLocks) {
            self.before.pop();
            self.head_held = false;
        }
        Ok(())
    }

    /// §FORK, the child, 1 to 18.
    pub(super) fn after_fork_child(&mut self, thread: usize) -> Step<()> {
        if self.owes_after_fork(thread) != Some(Side::Child) {
            return Err(End::Undefined);
        }
        let (short, text) = (
            "take_gil: NULL tstate",
            "PyOS_AfterFork_Child: the function must",
        );
        let current = self.current(thread).ok_or(self.fatal(short, text))?;
        let current = self.live(Some(current))?;
        self.must_hold(thread)?;
        let home = self.home(current);
        if !self.wrong(Mistake::ChildIsNotMain) {
            self.main_thread = thread;
        }
        self.notice(thread, current);
        if !self.wrong(Mistake::ChildKeepsOthers) {
            self.delete_others(thread);
        }
        self.give_back(thread, home)?;
        self.forget_signals();
        if self.wrong(Mistake::ChildHasNewFirst) {
            self.main_state = Some(current);
        }
        if self.wrong(Mistake::ChildForgetsSlot) {
            self.slots[thread] = None;
        }
        if home != MAIN && !self.wrong(Mistake::ChildMayBeSub) {
            let (short, text) = (
                "PyInterpreterState_DeleteExceptMain: not main interpreter",
                "_PyInterpreterState_DeleteExceptMain: not main interpreter",
            );
            return Err(self.fatal(short, text));
        }
        if self.listed.len() < 2 {
            Ok(())
        } else if self.is(Rule::SubsHangTheChild) {
            Err(End::Blocks)
        } else if self.is(Rule::SubsAreFatalInTheChild) {
            Err(End::Fatal("PyThreadState_Get: the function must"))
        } else {
            Err(super::NO_THREAD_STATE)
        }
    }

    /// 13: the other thread states of the current one's interpreter, whoever refers to them.
    fn delete_others(&mut self, thread: usize) {
        let Some(current) = self.current(thread) else {
            return;
        };
        let home = self.home(current);
        for other in std::mem::take(&mut self.homes[home.0].list) {
            if other != current {
                self.free(other);
            }
        }
        self.homes[home.0].list.push(current);
    }
}
