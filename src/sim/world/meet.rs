//! Where threads meet: which cells must be scheduling points in the mode with few.
//!
//! A cell becomes a point once two threads were seen to touch it, one writing, with no lock in common. What they did is
//! gathered over all executions: a merged state forgets who touched the cell before it. Intersecting the locks of all
//! accesses of a thread errs on the side of more points. Accesses while no other thread can run do not count.
//!
//! What a thread will do is not known before it has run once. So its first operation is a point, and so is the next
//! operation of whoever lets it go on: at each node all threads that can go on are tried.
//!
//! A cell that an observer reads (a claim, a condition) is watched: after a thread changed one, its next operation is a
//! scheduling point whatever it touches, so that the state with the change, and only that, can be seen.

use crate::sync::{THREADS_MAX, ThreadIndex};

/// The locks held at every access so far; all ones before the first.
#[derive(Clone, Copy, Debug)]
struct Accesses {
    seen: u16,
    locks: [u64; THREADS_MAX],
}

impl Accesses {
    const NONE: Self = Self {
        seen: 0,
        locks: [u64::MAX; THREADS_MAX],
    };

    fn note(&mut self, thread: ThreadIndex, held: u64) -> bool {
        let bit = super::pending::bit(thread);
        let before = (self.seen & bit, self.locks[thread.index()]);
        self.seen |= bit;
        self.locks[thread.index()] &= held;
        before != (bit, self.locks[thread.index()])
    }

    fn meets(&self, thread: ThreadIndex, held: u64) -> bool {
        (0..THREADS_MAX).any(|other| {
            other != thread.index()
                && self.seen & (1 << other) != 0
                && self.locks[other] & held == 0
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Meeting {
    point: bool,
    watched: bool,
    reads: Accesses,
    writes: Accesses,
}

/// What is known of all cells.
#[derive(Clone, Debug, Default)]
pub struct Meetings {
    cells: Vec<Meeting>,
    made: usize,
    news: bool,
}

impl Meetings {
    pub(super) fn register(&mut self) {
        self.made += 1;
        if self.made <= self.cells.len() {
            return;
        }
        self.cells.push(Meeting {
            point: false,
            watched: false,
            reads: Accesses::NONE,
            writes: Accesses::NONE,
        });
    }

    pub(super) fn is_point(&self, cell: usize) -> bool {
        self.cells[cell].point
    }

    /// A thread touches a cell while it holds `held`; whether the cell is a point now.
    pub(super) fn touch(
        &mut self,
        cell: usize,
        thread: ThreadIndex,
        writes: bool,
        held: u64,
    ) -> bool {
        let meeting = &mut self.cells[cell];
        if meeting.point {
            return true;
        }
        let accesses = if writes {
            &mut meeting.writes
        } else {
            &mut meeting.reads
        };
        if accesses.note(thread, held) {
            let held = accesses.locks[thread.index()];
            if meeting.writes.meets(thread, held) || (writes && meeting.reads.meets(thread, held)) {
                self.make_point(cell);
            }
        }
        self.cells[cell].point
    }

    pub(super) fn make_point(&mut self, cell: usize) {
        self.news |= !self.cells[cell].point;
        self.cells[cell].point = true;
    }

    pub(super) fn is_watched(&self, cell: usize) -> bool {
        self.cells[cell].watched
    }

    pub(super) fn watch(&mut self, cell: usize) {
        self.news |= !self.cells[cell].watched;
        self.cells[cell].watched = true;
    }

    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    pub(super) fn adopt(&mut self, from: &Self) {
        self.cells.clone_from(&from.cells);
        self.made = 0;
        self.news = false;
    }
}
