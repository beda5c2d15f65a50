//! The protocols under loom and shuttle: the same code, written once for both.
//!
//! Neither knows a thread that may hang for ever, so there it returns.

use crate::protocols::Protocol;
use shuttle::scheduler::DfsScheduler;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Executions until loom has seen all it looks for.
pub fn loom_executions(protocol: Protocol) -> usize {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = None;
    builder.checkpoint_file = None;
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        on_loom::run(protocol);
    });
    executions.load(Ordering::Relaxed)
}

/// Shuttle's search is cut after this: `P1 2 3` does not end in minutes.
pub const SHUTTLE_SECONDS_MAX: f64 = 15.0;

/// Executions until shuttle's depth-first search is done, or cut.
pub fn shuttle_executions(protocol: Protocol) -> usize {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.max_time = Some(Duration::from_secs_f64(SHUTTLE_SECONDS_MAX));
    let scheduler = DfsScheduler::new(None, false);
    shuttle::Runner::new(scheduler, config).run(move || on_shuttle::run(protocol))
}

macro_rules! protocols_on {
    ($module:ident, $tool:ident) => {
        mod $module {
            use super::Protocol;
            use std::sync::Arc;
            use $tool::sync::atomic::{AtomicBool, Ordering};
            use $tool::sync::{Condvar, Mutex};
            use $tool::thread::{JoinHandle, spawn};

            pub(super) fn run(protocol: Protocol) {
                match protocol {
                    Protocol::HandOff(threads, rounds) => {
                        let gil = Arc::new(Gil::new(rounds, false));
                        let others = start(&gil, threads - 1);
                        gil.rounds();
                        join(others);
                    }
                    Protocol::Finalize(threads, rounds) => {
                        let gil = Arc::new(Gil::new(rounds, true));
                        let others = start(&gil, threads);
                        gil.finalize();
                        join(others);
                    }
                    Protocol::Pending(items, rounds) => {
                        let queue = Arc::new(Queue::new(items));
                        let producers = [0, 1].map(|producer| {
                            let queue = Arc::clone(&queue);
                            spawn(move || queue.produce(producer))
                        });
                        queue.consume(rounds, producers);
                    }
                }
            }

            fn start(gil: &Arc<Gil>, threads: usize) -> Vec<JoinHandle<()>> {
                let start = |_| {
                    let gil = Arc::clone(gil);
                    spawn(move || gil.rounds())
                };
                (0..threads).map(start).collect()
            }

            fn join(threads: Vec<JoinHandle<()>>) {
                for thread in threads {
                    thread.join().expect("no thread panics");
                }
            }

            struct Held {
                held: bool,
                finalizing: bool,
            }

            struct Gil {
                lock: Mutex<Held>,
                free: Condvar,
                rounds: usize,
                finalizes: bool,
            }

            impl Gil {
                fn new(rounds: usize, finalizes: bool) -> Self {
                    let held = Held {
                        held: false,
                        finalizing: false,
                    };
                    Self {
                        lock: Mutex::new(held),
                        free: Condvar::new(),
                        rounds,
                        finalizes,
                    }
                }

                fn attach(&self, watches: bool) -> bool {
                    let mut held = self.lock.lock().expect("no thread panics");
                    loop {
                        if watches && held.finalizing {
                            return false;
                        }
                        if !held.held {
                            break;
                        }
                        held = self.free.wait(held).expect("no thread panics");
                    }
                    held.held = true;
                    true
                }

                fn rounds(&self) {
                    for _ in 0..self.rounds {
                        if !self.attach(self.finalizes) {
                            return;
                        }
                        let mut held = self.lock.lock().expect("no thread panics");
                        held.held = false;
                        self.free.notify_one();
                    }
                }

                fn finalize(&self) {
                    self.attach(false);
                    let mut held = self.lock.lock().expect("no thread panics");
                    held.finalizing = true;
                    held.held = false;
                    self.free.notify_all();
                }
            }

            const CAPACITY: usize = 3;

            struct Queue {
                queue: Mutex<[u8; CAPACITY]>,
                flag: AtomicBool,
                items: usize,
            }

            impl Queue {
                fn new(items: usize) -> Self {
                    Self {
                        queue: Mutex::new([0; CAPACITY]),
                        flag: AtomicBool::new(false),
                        items,
                    }
                }

                fn produce(&self, producer: usize) -> u64 {
                    let mut accepted = 0;
                    for item in 0..self.items {
                        let number = producer * self.items + item;
                        let mut queue = self.queue.lock().expect("no thread panics");
                        let free = queue.iter().position(|item| *item == 0);
                        if let Some(free) = free {
                            queue[free] = number as u8 + 1;
                        }
                        drop(queue);
                        if free.is_some() {
                            accepted |= 1 << number;
                            self.flag.store(true, Ordering::SeqCst);
                        }
                    }
                    accepted
                }

                fn drain(&self) -> u64 {
                    let mut queue = self.queue.lock().expect("no thread panics");
                    let items = queue.iter().filter(|item| **item != 0);
                    let drained = items.fold(0, |got, item| got | 1 << (item - 1));
                    *queue = [0; CAPACITY];
                    drained
                }

                fn consume(&self, rounds: usize, producers: [JoinHandle<u64>; 2]) {
                    let mut got = 0;
                    for _ in 0..rounds {
                        if self.flag.load(Ordering::SeqCst) {
                            self.flag.store(false, Ordering::SeqCst);
                            got |= self.drain();
                        }
                    }
                    let accepted =
                        producers.map(|producer| producer.join().expect("no thread panics"));
                    got |= self.drain();
                    assert_eq!(got, accepted[0] | accepted[1], "no item is lost");
                }
            }
        }
    };
}

protocols_on!(on_loom, loom);
protocols_on!(on_shuttle, shuttle);
