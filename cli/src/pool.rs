//! Work on several threads, its results in order.
//!
//! The order of the results does not depend on the number of threads, so neither do the bytes of a report.

use crate::problem::{Problem, Stop};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, ScopedJoinHandle};

/// Bytes of a worker's stack: the explorer keeps its own stacks for the threads that it simulates.
const STACK_BYTES: usize = 16 << 20;

/// Does `work` for each number below `count` on `jobs` threads, and hands the results to `take` in order. If `take`
/// fails, `stop` is set and no more work is begun.
pub(crate) fn in_order<R: Send>(
    count: usize,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> R + Sync,
    mut take: impl FnMut(usize, R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let worker = |sender: Sender<(usize, R)>| {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || sender.send((number, work(number))).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..jobs.get().min(count) {
            let (sender, worker) = (sender.clone(), &worker);
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            match builder.spawn_scoped(scope, move || worker(sender)) {
                Ok(worker) => workers.push(worker),
                // Fewer do the same work, if there is one at all.
                Err(_) if !workers.is_empty() => break,
                Err(error) => return Err(Problem::new("cannot start a thread").io(&error).into()),
            }
        }
        drop(sender);
        let taken =
            in_turn(&receiver, &mut take).inspect_err(|_| stop.store(true, Ordering::Relaxed));
        // A worker that panicked has said why; the program ends with its panic.
        workers
            .into_iter()
            .try_for_each(ScopedJoinHandle::join)
            .unwrap_or_else(|defect| panic::resume_unwind(defect));
        taken
    })
}

/// Hands results over by their numbers, whatever the order in which they come.
fn in_turn<R>(
    receiver: &Receiver<(usize, R)>,
    take: &mut impl FnMut(usize, R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut early = BTreeMap::new();
    let mut due = 0;
    for (number, result) in receiver {
        early.insert(number, result);
        while let Some(result) = early.remove(&due) {
            take(due, result)?;
            due += 1;
        }
    }
    Ok(())
}
