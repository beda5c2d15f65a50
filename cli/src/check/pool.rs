//! Work on several threads, its results in order.
//!
//! The order of the results does not depend on the number of threads, so neither do the bytes of a report.

use crate::problem::Stop;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Bytes of a worker's stack: the explorer keeps its own stacks for the threads that it simulates.
const STACK_BYTES: usize = 16 << 20;

/// Does `work` for each number below `count` on `jobs` threads, and hands the results to `take` in order. If `take`
/// fails, `stop` is set and no more work is begun.
pub(super) fn in_order<R: Send>(
    count: usize,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> R + Sync,
    mut take: impl FnMut(usize, R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(count) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            let worker = move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || sender.send((number, work(number))).is_err() {
                        break;
                    }
                }
            };
            let spawned = thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, worker);
            if let Err(error) = spawned {
                stop.store(true, Ordering::Relaxed);
                let problem = crate::problem::Problem::new("cannot start a thread").io(&error);
                return Err(problem.help("use fewer at once: `-j 1`").into());
            }
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, result) in receiver {
            early.insert(number, result);
            while let Some(result) = early.remove(&due) {
                take(due, result).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                due += 1;
            }
        }
        Ok(())
    })
}
