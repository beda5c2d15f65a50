//! P1, P2 and P3: three small protocols whose state graphs were counted independently, written on the facade.
//!
//! * **P1 n k**, GIL hand-off: n threads attach and detach k times.
//! * **P2 n k**, finalization: the same, and one thread that attaches, marks the runtime as finalizing and leaves; a
//!   thread that sees the mark hangs for good.
//! * **P3 e r**, pending calls: two producers put e items each into a bounded queue and set a flag; the first thread
//!   looks at the flag r times and drains, joins the producers and drains once more.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and bench uses some of the protocols"
)]

use tstate::sim::explorer::{Look, Program, Run};
use tstate::sim::world::{Standing, World};
use tstate::sync::{
    AtomicBool, Condvar, Event, Mutex, Ordering, Plain, ThreadIndex, hang_forever, scope, statement,
};

/// Which protocol, and its two numbers.
#[derive(Clone, Copy, Debug)]
#[allow(unreachable_pub, reason = "the benches, another crate, name it")]
pub enum Protocol {
    /// P1: threads, rounds.
    HandOff(usize, usize),
    /// P2: threads beside the finalizer, rounds.
    Finalize(usize, usize),
    /// P3: items of each producer, rounds of the consumer.
    Pending(usize, usize),
}

impl Program for Protocol {
    fn threads(&self) -> usize {
        match *self {
            Self::HandOff(threads, _) => threads,
            Self::Finalize(threads, _) => threads + 1,
            Self::Pending(..) => 3,
        }
    }

    fn started(&self) -> Vec<ThreadIndex> {
        (0..self.threads()).map(ThreadIndex::new).collect()
    }

    fn make(&self) -> Box<dyn Run + '_> {
        match *self {
            Self::HandOff(_, rounds) => Box::new(Gil::new(rounds, false)),
            Self::Finalize(_, rounds) => Box::new(Gil::new(rounds, true)),
            Self::Pending(items, rounds) => Box::new(Queue::new(items, rounds)),
        }
    }
}

/// What the lock of P1 and P2 protects.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Held {
    held: bool,
    finalizing: bool,
}

/// P1 and P2.
#[derive(Debug)]
pub(crate) struct Gil {
    lock: Mutex<Held>,
    free: Condvar,
    rounds: usize,
    finalizes: bool,
}

impl Gil {
    /// A free GIL.
    pub(crate) fn new(rounds: usize, finalizes: bool) -> Self {
        let held = Held {
            held: false,
            finalizing: false,
        };
        Self {
            lock: Mutex::new("lock", held),
            free: Condvar::new("free"),
            rounds,
            finalizes,
        }
    }

    fn attach(&self, watches: bool) -> bool {
        let entry = scope();
        let mut held = self.lock.lock();
        entry.again(&());
        loop {
            if watches && held.finalizing {
                return false;
            }
            if !held.held {
                break;
            }
            self.free.wait(&mut held);
            entry.again(&());
        }
        held.held = true;
        true
    }

    /// What each thread does.
    pub(crate) fn rounds(&self) {
        for round in 0..self.rounds {
            statement(round as u64 * 2);
            if !self.attach(self.finalizes) {
                hang_forever();
                return;
            }
            statement(round as u64 * 2 + 1);
            let mut held = self.lock.lock();
            held.held = false;
            self.free.notify_one();
        }
    }

    fn finalize(&self) {
        statement(0);
        self.attach(false);
        statement(1);
        let mut held = self.lock.lock();
        held.finalizing = true;
        held.held = false;
        self.free.notify_all();
    }
}

impl Run for Gil {
    fn body(&self, thread: ThreadIndex) {
        if self.finalizes && thread == ThreadIndex::FIRST {
            self.finalize()
        } else {
            self.rounds()
        }
    }

    fn look(&self, _: &World) -> Look {
        Look::default()
    }

    fn outcome(&self, world: &World) -> u16 {
        stuck(world)
    }

    fn stuck(&self, _: &World) -> Option<u16> {
        None
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}

/// How many threads are blocked.
fn stuck(world: &World) -> u16 {
    let standing = |thread| world.standing(ThreadIndex::new(thread));
    (0..world.threads())
        .filter(|thread| matches!(standing(*thread), Standing::Blocked(_)))
        .count() as u16
}

const CAPACITY: usize = 3;

/// The queue of P3, in order; 0 is no item.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Items {
    items: [u8; CAPACITY],
}

/// P3.
#[derive(Debug)]
pub(crate) struct Queue {
    queue: Mutex<Items>,
    flag: AtomicBool,
    ended: [Event; 2],
    accepted: [Plain<u64>; 2],
    got: Plain<u64>,
    items: usize,
    rounds: usize,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(items: usize, rounds: usize) -> Self {
        Self {
            queue: Mutex::new(
                "queue",
                Items {
                    items: [0; CAPACITY],
                },
            ),
            flag: AtomicBool::new("flag", false),
            ended: [Event::new(("ended", 0)), Event::new(("ended", 1))],
            accepted: [
                Plain::new(("accepted", 0), 0),
                Plain::new(("accepted", 1), 0),
            ],
            got: Plain::new("got", 0),
            items,
            rounds,
        }
    }

    fn produce(&self, producer: usize) {
        for item in 0..self.items {
            statement(item as u64);
            let number = producer * self.items + item;
            let mut queue = self.queue.lock();
            let free = queue.items.iter().position(|item| *item == 0);
            if let Some(free) = free {
                queue.items[free] = number as u8 + 1;
            }
            drop(queue);
            if free.is_some() {
                self.accepted[producer].write(self.accepted[producer].read() | 1 << number);
                self.flag.store(true, Ordering::SeqCst);
            }
        }
        self.ended[producer].set();
    }

    fn drain(&self) {
        let mut queue = self.queue.lock();
        let drained = queue
            .items
            .iter()
            .filter(|item| **item != 0)
            .fold(0_u64, |got, item| got | 1 << (item - 1));
        queue.items = [0; CAPACITY];
        drop(queue);
        self.got.write(self.got.read() | drained);
    }

    fn consume(&self) {
        for round in 0..self.rounds {
            statement(round as u64);
            if self.flag.load(Ordering::SeqCst) {
                self.flag.store(false, Ordering::SeqCst);
                self.drain();
            }
        }
        statement(u64::MAX);
        self.ended[0].wait();
        self.ended[1].wait();
        self.drain();
    }
}

impl Run for Queue {
    fn body(&self, thread: ThreadIndex) {
        match thread.index() {
            0 => self.consume(),
            producer => self.produce(producer - 1),
        }
    }

    fn look(&self, _: &World) -> Look {
        Look::default()
    }

    /// 0, or 100 if an item was lost.
    fn outcome(&self, world: &World) -> u16 {
        let accepted = self.accepted[0].peek() | self.accepted[1].peek();
        stuck(world) + if self.got.peek() == accepted { 0 } else { 100 }
    }

    fn stuck(&self, _: &World) -> Option<u16> {
        None
    }

    fn label(&self, _: &World) -> String {
        String::new()
    }
}
