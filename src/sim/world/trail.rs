//! What a step changed, so that it can be undone.
//!
//! Between two marks each cell, thread, fiber and mutex's contents is saved once, before its first change. Undoing goes
//! backwards, so the oldest value of an interval wins.

use super::{CellState, ThreadState};
use crate::sim::fiber::Fiber;
use crate::sync::ThreadIndex;

/// A place on the trail, and what else to put back there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    cells: usize,
    threads: usize,
    blocks: usize,
    bytes: usize,
    pub(super) key: u128,
    pub(super) current: ThreadIndex,
}

/// Where saved bytes belong.
#[derive(Clone, Copy, Debug)]
enum Home {
    Fiber(ThreadIndex),
    Contents(*mut u8),
}

#[derive(Clone, Copy, Debug)]
struct Block {
    home: Home,
    start: usize,
}

/// The changes since the first mark.
#[derive(Debug, Default)]
pub(super) struct Trail {
    cells: Vec<(u16, CellState)>,
    threads: Vec<(ThreadIndex, ThreadState)>,
    blocks: Vec<Block>,
    bytes: Vec<u8>,
    /// Which interval between marks this is; what was saved in it carries its stamp.
    stamp: u32,
    fibers_saved: u16,
    contents_saved: u64,
    recording: bool,
}

impl Trail {
    pub(super) fn stamp(&self) -> u32 {
        self.stamp
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.cells.len() * size_of::<(u16, CellState)>()
    }

    pub(super) fn mark(&mut self, key: u128, current: ThreadIndex) -> Mark {
        self.next_interval();
        self.recording = true;
        Mark {
            cells: self.cells.len(),
            threads: self.threads.len(),
            blocks: self.blocks.len(),
            bytes: self.bytes.len(),
            key,
            current,
        }
    }

    fn next_interval(&mut self) {
        self.stamp += 1;
        self.fibers_saved = 0;
        self.contents_saved = 0;
    }

    pub(super) fn save_cell(&mut self, index: u16, cell: &CellState) {
        if self.recording {
            self.cells.push((index, *cell));
        }
    }

    pub(super) fn save_thread(&mut self, thread: ThreadIndex, state: &ThreadState) {
        if self.recording {
            self.threads.push((thread, *state));
        }
    }

    pub(super) fn save_fiber(&mut self, thread: ThreadIndex, fiber: &Fiber) {
        let bit = super::pending::bit(thread);
        if self.recording && self.fibers_saved & bit == 0 {
            self.fibers_saved |= bit;
            self.blocks.push(Block {
                home: Home::Fiber(thread),
                start: self.bytes.len(),
            });
            fiber.save(&mut self.bytes);
        }
    }

    /// Saves the contents of the mutex with this number among the mutexes.
    #[expect(unsafe_code, reason = "contents of mutexes are saved as bytes")]
    pub(super) fn save_contents(&mut self, mutex: u8, (address, length): (*mut u8, usize)) {
        let bit = 1 << mutex;
        if self.recording && self.contents_saved & bit == 0 {
            self.contents_saved |= bit;
            self.blocks.push(Block {
                home: Home::Contents(address),
                start: self.bytes.len(),
            });
            // SAFETY: the address and length are the mutex's own contents, plain data that stays in place; no fiber
            // writes while this copies, as all run on this OS thread.
            self.bytes
                .extend_from_slice(unsafe { std::slice::from_raw_parts(address, length) });
        }
    }

    #[expect(unsafe_code, reason = "contents of mutexes are put back as bytes")]
    pub(super) fn undo(
        &mut self,
        mark: &Mark,
        cells: &mut [CellState],
        threads: &mut [ThreadState],
        fibers: &[Fiber],
    ) {
        while self.cells.len() > mark.cells {
            let (index, state) = self.cells.pop().expect("longer than the mark");
            cells[usize::from(index)] = state;
        }
        while self.threads.len() > mark.threads {
            let (thread, state) = self.threads.pop().expect("longer than the mark");
            threads[thread.index()] = state;
        }
        while self.blocks.len() > mark.blocks {
            let block = self.blocks.pop().expect("longer than the mark");
            let saved = &self.bytes[block.start..];
            match block.home {
                Home::Fiber(thread) => fibers[thread.index()].restore(saved),
                // SAFETY: as in `save_contents`; the length is that of the saved block.
                Home::Contents(address) => unsafe {
                    std::ptr::copy_nonoverlapping(saved.as_ptr(), address, saved.len());
                },
            }
            self.bytes.truncate(block.start);
        }
        debug_assert_eq!(self.bytes.len(), mark.bytes);
        self.next_interval();
    }
}
