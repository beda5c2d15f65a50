//! Regions: places that are split among threads, so that taking one is the taker's own business.
//!
//! # Protocol
//!
//! A thread knows by itself which places of its region it took; only when all are taken does it look at the storage for one that
//! another thread freed. So the name of what is there tells who made it, and not who came first.
//!
//! # Invariants
//!
//! *NameTellsTaker*: what is in a region was made by its thread.

use crate::sync::{Plain, THREADS_MAX, current_thread};

/// The regions of one kind of storage.
#[derive(Debug)]
pub(super) struct Regions {
    size: usize,
    /// The places of each region that its thread took and did not itself free. Rule: that thread's own.
    taken: [Plain<u8>; THREADS_MAX],
}

impl Regions {
    /// Regions of `size` places each; at most eight.
    pub(super) fn new(taken: &'static str, size: usize) -> Self {
        Self {
            size,
            taken: std::array::from_fn(|thread| Plain::new((taken, thread), 0)),
        }
    }

    /// Takes the calling thread's lowest place: one that it knows to be free, else one of which `is_free` says so.
    pub(super) fn take(&self, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        let thread = current_thread().index();
        let first = thread * self.size;
        let taken = self.taken[thread].read();
        let unused = (0..self.size).find(|place| taken & 1 << place == 0);
        let place = unused.or_else(|| (0..self.size).find(|place| is_free(first + place)))?;
        self.taken[thread].write(taken | 1 << place);
        Some(first + place)
    }

    /// The calling thread freed a place: whether it is one of its own, which it then knows to be free.
    pub(super) fn give_back(&self, slot: usize) -> bool {
        let thread = current_thread().index();
        if slot / self.size != thread {
            return false;
        }
        let taken = self.taken[thread].read();
        self.taken[thread].write(taken & !(1 << (slot % self.size)));
        true
    }
}
