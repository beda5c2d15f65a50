//! Sampled mode: the C library's own locks, condition variables, semaphores and clocks, and threads that run freely.
//!
//! It is the cross-check of the other mode, in which all of these are ours: here nothing about waiting is. Only what
//! tells how a thread was begun and how it ended stays ours (`pthread_create`, `pthread_join`, `pthread_exit`, `pause`),
//! so that *exited* and *hung* are certain. What a run shows depends on time.
//!
//! # Protocol
//!
//! 1. A lock guards [`Schedule`], instead of the turn. Threads run as the system lets them, but each stands before its
//!    events and goes on when it is granted one.
//! 2. A thread of its own, which never meets the library, grants events: the one that the guide wants, else the one that
//!    has waited longest. It grants the next when the event before is written down and the others are *still*.
//! 3. A thread is still where it waits for something that we know of, and where the kernel says twice, a while apart,
//!    that it waits in `futex` at the same place. A thread that runs bytecode may never be still: after
//!    [`IMPATIENCE`] events are granted all the same.
//! 4. The conditions that the scenario waits for are read at stillness.
//! 5. A wait of the library with a limit is no verdict, because the waiter looks again by itself. A guide is given up
//!    only after several of its limits, and the run is stuck only after [`FINAL`].

use super::turn::{own, run_over, sleep_on, wait_while, wake_all, wake_slot};
use super::{End, Schedule, SlotId, Waits};
use crate::sight;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the threads are looked at.
const POLL: Duration = Duration::from_micros(100);
/// How long threads inside the library must not move to be still.
const STILL: Duration = Duration::from_millis(1);
/// How long the guide's thread may be inside a wait that has a limit: several of the GIL's 5 milliseconds.
const LIMITED: Duration = Duration::from_millis(25);
/// After this long without any event, those are granted that a busy thread held up.
const IMPATIENCE: Duration = Duration::from_millis(20);
/// After this long without any event, the guide is given up.
const GUIDE_MAX: Duration = Duration::from_millis(200);
/// After this long without any event, if all are still then and none stands before one, the run is stuck.
const FINAL: Duration = Duration::from_millis(100);

static ON: AtomicBool = AtomicBool::new(false);
static LOCK: Mutex<()> = Mutex::new(());
/// Counts what may end a wait for a cell or for a thread; those who wait so sleep on it.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// This process and its copies run so. Before anything else is done.
pub fn turn_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Whether this process runs so.
#[inline]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// What guards the run's state where the turn does not.
pub(super) fn hold() -> Option<MutexGuard<'static, ()>> {
    is_on().then(|| LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Something happened that may end a wait.
pub(super) fn changed() {
    if is_on() {
        CHANGES.fetch_add(1, Ordering::Release);
        wake_all(&CHANGES);
    }
}

/// The thread that grants events. Before the process's first thread counts as one of the run.
pub fn start() -> std::io::Result<()> {
    std::thread::Builder::new().spawn(control).map(|_| ())
}

/// The calling thread waits for this.
pub(super) fn block(me: SlotId, waits: Waits) {
    let current = sight::current();
    own(|schedule| {
        schedule.release(me);
        let slot = &mut schedule.slots[me];
        slot.waits = waits;
        slot.current = current;
        // Reading a condition in vain changes nothing that others could read.
        if !matches!(waits, Waits::Reading(_)) {
            schedule.moved();
        }
        schedule.slots[me].since = schedule.version();
    });
    crate::record::note_rests();
    if matches!(waits, Waits::Event | Waits::Reading(_)) {
        sleep_on(own(|schedule| schedule.slots[me].turn));
    } else {
        loop {
            let changes = CHANGES.load(Ordering::Acquire);
            if own(|schedule| schedule.goes_on(me)) {
                break;
            }
            wait_while(&CHANGES, changes);
        }
    }
    own(|schedule| schedule.slots[me].waits = Waits::Nothing);
}

/// The calling thread's event is written down.
pub(super) fn happened(me: SlotId) {
    own(|schedule| {
        schedule.release(me);
        schedule.moved();
    });
    crate::record::note_rests();
}

/// The calling thread is in its final state.
pub(super) fn rest(me: SlotId) -> ! {
    own(|schedule| schedule.release(me));
    crate::record::note_rests();
    let never = AtomicU32::new(0);
    loop {
        wait_while(&never, 0);
    }
}

impl Schedule {
    /// What the thread was granted is done.
    pub fn released(&mut self, me: SlotId) {
        self.release(me);
    }

    fn release(&mut self, me: SlotId) {
        if self.granted == Some(me) {
            self.granted = None;
        }
    }

    /// Lets the thread go on from where it stands.
    fn grant(&mut self, slot: SlotId) {
        self.granted = Some(slot);
        wake_slot(self.slots[slot].turn);
    }

    /// Who would be granted an event now: the guide's thread, or the one that has waited longest.
    fn next_standing(&self) -> Option<SlotId> {
        let standing = |slot: &SlotId| self.slots[*slot].waits == Waits::Event;
        match self.wanted() {
            Some(lane) => self.slot_of(lane).filter(standing),
            None => (0..self.slots.len())
                .filter(standing)
                .min_by_key(|slot| self.slots[*slot].since),
        }
    }

    /// A thread whose condition may hold by now.
    fn next_reader(&self) -> Option<SlotId> {
        let reads = |slot: &SlotId| {
            matches!(self.slots[*slot].waits, Waits::Reading(_)) && self.goes_on(*slot)
        };
        (0..self.slots.len()).find(reads)
    }
}

/// Where the kernel says that a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFutex {
    address: usize,
    /// Whether the wait has a limit.
    pub limited: bool,
}

/// Where in `futex` the thread of this number waits, if it does.
fn in_futex(thread: libc::pid_t) -> Option<InFutex> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number: libc::c_long = words.next()?.parse().ok()?;
    let mut hexadecimal = || {
        let digits = words.next()?.strip_prefix("0x")?;
        usize::from_str_radix(digits, 16).ok()
    };
    let (address, _, _, limit) = (
        hexadecimal()?,
        hexadecimal()?,
        hexadecimal()?,
        hexadecimal()?,
    );
    (number == libc::SYS_futex).then_some(InFutex {
        address,
        limited: limit != 0,
    })
}

/// Where a thread that is inside the library waits, if it does; nothing of a thread that is elsewhere.
pub fn inside(slot: SlotId) -> Option<InFutex> {
    let (waits, thread) = own(|schedule| {
        let slot = &schedule.slots[slot];
        (slot.waits, slot.number)
    });
    (waits == Waits::Nothing).then(|| in_futex(thread))?
}

/// The threads at one moment.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    version: u64,
    /// Where those that are inside the library wait; nothing of one that runs.
    inside: Vec<Option<InFutex>>,
    /// Somebody is about to go on.
    goes_on: bool,
}

impl Look {
    /// Looks, unless somebody was granted something and is not done.
    fn take() -> Option<Self> {
        let (version, threads, goes_on) = own(|schedule| {
            if schedule.granted.is_some() {
                return None;
            }
            let slots = 0..schedule.slots.len();
            let goes_on = slots.clone().any(|slot| {
                let waits = schedule.slots[slot].waits;
                matches!(waits, Waits::Cell(_) | Waits::Join(_)) && schedule.goes_on(slot)
            });
            let inside = schedule.slots.iter();
            let inside = inside.filter(|slot| slot.waits == Waits::Nothing);
            let threads: Vec<libc::pid_t> = inside.map(|slot| slot.number).collect();
            Some((schedule.version(), threads, goes_on))
        })?;
        Some(Self {
            version,
            inside: threads.into_iter().map(in_futex).collect(),
            goes_on,
        })
    }

    /// Whether all that are inside the library seem to wait.
    fn is_calm(&self) -> bool {
        !self.goes_on && self.inside.iter().all(Option::is_some)
    }

    fn is_limited(&self) -> bool {
        let mut inside = self.inside.iter().flatten();
        inside.any(|wait| wait.limited)
    }
}

/// Grants events as long as the process lives.
fn control() {
    let mut before: Option<Look> = None;
    let (mut calm_since, mut moved_at) = (Instant::now(), Instant::now());
    loop {
        std::thread::sleep(POLL);
        let now = Instant::now();
        let Some(look) = Look::take() else {
            before = None;
            moved_at = now;
            continue;
        };
        if before.as_ref().map(|before| before.version) != Some(look.version) {
            moved_at = now;
        }
        if before.as_ref() != Some(&look) || !look.is_calm() {
            calm_since = now;
        }
        let calm = (now - calm_since, &look);
        if decide(calm, now - moved_at) {
            before = None;
            moved_at = now;
        } else {
            before = Some(look);
        }
    }
}

/// Grants what can be granted when the threads have been as `look` says for so long, and no event happened for `idle`:
/// whether something was, or the guide was given up.
fn decide((calm, look): (Duration, &Look), idle: Duration) -> bool {
    let still = look.is_calm() && (look.inside.is_empty() || calm >= STILL);
    if !still && idle < IMPATIENCE {
        return false;
    }
    let done = own(|schedule| {
        if schedule.version() != look.version || schedule.granted.is_some() {
            return Some(false);
        }
        if let Some(slot) = schedule.next_reader().or_else(|| schedule.next_standing()) {
            schedule.grant(slot);
            return Some(true);
        }
        schedule.wanted()?;
        let patience = match (still, look.is_limited()) {
            (true, false) => STILL,
            (true, true) => LIMITED,
            (false, _) => GUIDE_MAX,
        };
        let left = idle >= patience;
        if left {
            schedule.guide_left_at = Some(schedule.guided);
        }
        Some(left)
    });
    done.unwrap_or_else(|| {
        if still && idle >= FINAL {
            stuck(look.version);
        }
        false
    })
}

/// Nobody goes on any more, unless somebody moved just now.
fn stuck(version: u64) {
    let is_stuck = own(|schedule| {
        if schedule.version() != version {
            return false;
        }
        let slots = schedule.slots.iter_mut();
        for slot in slots.filter(|slot| slot.waits == Waits::Nothing) {
            slot.waits = Waits::Library;
        }
        true
    });
    if is_stuck {
        run_over(End::Stuck);
    }
}
