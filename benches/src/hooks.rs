//! What the hooks cost on real threads: the feature is on, no controller is installed.

use crate::stopwatch::middle;
use std::hint::black_box;
use std::time::Instant;
use tstate::runtime::{CallbackId, Caller, Host, Profile, Runtime, Step};
use tstate::sync::{self, Ordering, ThreadIndex};

const BATCHES: usize = 15;

/// Nanoseconds of one operation of ours, and of the operation beneath it where there is one.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Which operation.
    pub what: &'static str,
    /// Ours.
    pub ours: f64,
    /// What it is held against.
    pub raw: f64,
    /// What that is.
    pub against: &'static str,
}

/// Two operations, their batches taken in turn so that both meet the same disturbances.
fn pair(operations: u32, mut ours: impl FnMut(), mut raw: impl FnMut()) -> (f64, f64) {
    let mut took = [const { Vec::new() }; 2];
    for _ in 0..BATCHES {
        took[0].push(batch(operations, &mut ours));
        took[1].push(batch(operations, &mut raw));
    }
    let [mut ours, mut raw] = took;
    (middle(&mut ours), middle(&mut raw))
}

fn batch(operations: u32, operation: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..operations {
        operation();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(operations)
}

struct Idle;

impl Host for Idle {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn spawn(&self, _: ThreadIndex) -> bool {
        true
    }
}

/// All costs.
pub fn costs() -> Vec<Cost> {
    let (mutex, lock) = (
        sync::Mutex::new("mutex", 0_u64),
        parking_lot::Mutex::new(0_u64),
    );
    let locks = pair(
        200_000,
        || drop(black_box(black_box(&mutex).lock())),
        || drop(black_box(black_box(&lock).lock())),
    );
    let (word, raw_word) = (
        sync::AtomicU64::new("word", 1),
        std::sync::atomic::AtomicU64::new(1),
    );
    let loads = pair(
        1_000_000,
        || {
            black_box(black_box(&word).load(Ordering::Relaxed));
        },
        || {
            black_box(black_box(&raw_word).load(Ordering::Relaxed));
        },
    );
    let host = Idle;
    let runtime = Runtime::new(Profile::DEFAULT);
    let caller = Caller::new(&runtime, &host);
    caller.initialize().expect("initialization succeeds");
    let raw_lock = || drop(black_box(black_box(&lock).lock()));
    let nested = pair(
        100_000,
        || {
            let before = caller.gil_state_ensure().expect("the process goes on");
            caller
                .gil_state_release(before)
                .expect("the process goes on");
        },
        raw_lock,
    );
    let saves = pair(
        50_000,
        || {
            let state = caller.eval_save_thread().expect("the process goes on");
            caller
                .eval_restore_thread(state)
                .expect("the process goes on");
        },
        raw_lock,
    );
    let lock_pair = "parking_lot lock + unlock";
    let cost = |what, (ours, raw), against| Cost {
        what,
        ours,
        raw,
        against,
    };
    vec![
        cost("lock + unlock", locks, lock_pair),
        cost("relaxed load", loads, "the standard atomic's"),
        cost("nested Ensure + Release", nested, lock_pair),
        cost("Save + Restore", saves, lock_pair),
    ]
}
