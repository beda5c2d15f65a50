//! Small blocks of memory, by handle: what C takes with `PyMem_RawMalloc` for a guard, a view or a key.
//!
//! CPython: `Objects/obmalloc.c` (`PyMem_RawMalloc`, `PyMem_RawFree`).
//!
//! # States
//!
//! | word | meaning | who owns what is in it |
//! | --- | --- | --- |
//! | free, and the next generation | nothing is there | the thread of the region, or who frees it |
//! | taken, generation, contents | a block | whoever has a handle |
//!
//! # Protocol
//!
//! Blocks belong to regions, one for each thread, as thread states do ([`super::region`]): a block's name tells who took it.
//! Contents are written once, before anybody else can know the block. Reading and freeing are each one access, so that
//! whoever comes after the one that freed it is found out in the same step.
//!
//! Differs: a region that is full is out of memory.
//!
//! # Invariants
//!
//! *NameTellsTaker*: a block lies in the region of the thread that took it. *FreedOnce*: a block is freed once; whoever frees it again is told.
//!
//! # Memory order
//!
//! Relaxed to read, as plain accesses in C: whoever got the handle from another thread is ordered by how it got it. Freeing is
//! a release that pairs with the acquire of the next owner.

use super::handle::next_generation;
use super::region::Regions;
use crate::sync::{AtomicU64, Ordering, THREADS_MAX, ThreadIndex};

/// Blocks of one thread's region.
const REGION: usize = 4;

/// Blocks that there are at once.
pub(super) const BLOCKS_MAX: usize = THREADS_MAX * REGION;

const TAKEN: u64 = 1 << 8;
const CONTENTS_FROM: u32 = 16;

/// Blocks of one kind.
#[derive(Debug)]
pub(super) struct Heap {
    words: [AtomicU64; BLOCKS_MAX],
    regions: Regions,
}

/// The thread that took a block.
pub(super) fn taken_by(slot: usize) -> ThreadIndex {
    ThreadIndex::new(slot / REGION)
}

fn generation_of(word: u64) -> u8 {
    word as u8
}

impl Heap {
    pub(super) fn new(words: &'static str, taken: &'static str) -> Self {
        Self {
            words: std::array::from_fn(|slot| AtomicU64::new((words, slot), 0)),
            regions: Regions::new(taken, REGION),
        }
    }

    /// Takes a block: its place and generation, unless there is no memory.
    pub(super) fn take(&self, contents: u32) -> Option<(usize, u8)> {
        let freed_by_another = |slot: usize| self.words[slot].load(Ordering::Acquire) & TAKEN == 0;
        let slot = self.regions.take(freed_by_another)?;
        let generation = generation_of(self.words[slot].peek());
        self.words[slot].init(u64::from(contents) << CONTENTS_FROM | TAKEN | u64::from(generation));
        Some((slot, generation))
    }

    /// What is in a block; nothing if it was freed.
    pub(super) fn read(&self, slot: usize, generation: u8) -> Option<u32> {
        let word = self.words[slot].load(Ordering::Relaxed);
        let is_there = word & TAKEN != 0 && generation_of(word) == generation;
        is_there.then_some((word >> CONTENTS_FROM) as u32)
    }

    /// Frees a block; whether it was there.
    #[must_use]
    pub(super) fn free(&self, slot: usize, generation: u8) -> bool {
        let free = u64::from(next_generation(generation));
        let word = self.words[slot].swap(free, Ordering::AcqRel);
        if word & TAKEN == 0 || generation_of(word) != generation {
            return false;
        }
        self.regions.give_back(slot);
        true
    }

    /// The blocks that are taken, with what is in them, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self) -> impl Iterator<Item = (usize, u8, u32)> + '_ {
        let words = self.words.iter().map(AtomicU64::peek).enumerate();
        words
            .filter(|(_, word)| word & TAKEN != 0)
            .map(|(slot, word)| (slot, generation_of(word), (word >> CONTENTS_FROM) as u32))
    }
}
