//! What a run leaves behind: lines of text in memory that the server shares, written as things happen, so that a crash
//! loses nothing.
//!
//! A line is `event TEXT` (see `tstate::sim::events`), `waits THREAD TEXT`, `for THREAD THREAD` (whom one waits for), `left
//! THREAD` (a thread state of its that nobody freed), `end WHAT`, or `refused WHY`. Beside the lines stands where each
//! thread is, as of the last time the turn was handed over.

mod planned;

pub use planned::{
    At, Noted, note_busy, note_decision, note_hung, note_owed, note_two_holders, planned,
    tell_no_others,
};

use crate::schedule::{End, SlotId, Waits, own};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use tstate::sync::THREADS_MAX;
use tstate_driver::Push;

/// Bytes of text that a run can leave.
const TEXT_MAX: usize = 1 << 20;
/// Pushes of a run that are kept.
const PUSHES_MAX: usize = 512;

/// The shared memory.
#[derive(Debug)]
#[repr(C)]
pub struct Record {
    used: AtomicUsize,
    guide_left_at: AtomicUsize,
    missed_at: AtomicUsize,
    /// Event, thread and operations of each push, in one word; 0 after the last.
    pushes: [AtomicU64; PUSHES_MAX],
    rests: [AtomicU8; THREADS_MAX],
    planned: planned::Memory,
    text: [AtomicU8; TEXT_MAX],
}

/// Where a thread is: the codes of [`Record::rests`].
pub const RESTS: [&str; 7] = [
    "unstarted",
    "running",
    "blocked",
    "ended",
    "exited",
    "hung",
    "gone",
];

/// The run ends.
static ENDS: AtomicBool = AtomicBool::new(false);

static RECORD: AtomicPtr<Record> = AtomicPtr::new(std::ptr::null_mut());

/// Makes the memory, before the first fork.
pub fn share() {
    let size = size_of::<Record>();
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping touches no memory of ours.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), size, access, kind, -1, 0) };
    assert!(
        memory != libc::MAP_FAILED,
        "a megabyte of memory is to be had"
    );
    RECORD.store(memory.cast(), Ordering::Relaxed);
}

fn record() -> &'static Record {
    let record = RECORD.load(Ordering::Relaxed);
    assert!(!record.is_null(), "the memory is shared before a run");
    // SAFETY: the mapping is never removed, is large enough, zero at first, and consists of atomics.
    unsafe { &*record }
}

/// Forgets the run before; for the server, while no child lives.
pub fn clear() {
    let record = record();
    record.used.store(0, Ordering::Relaxed);
    record.guide_left_at.store(usize::MAX, Ordering::Relaxed);
    record.missed_at.store(usize::MAX, Ordering::Relaxed);
    let pushes = record.pushes.iter();
    pushes.for_each(|push| push.store(0, Ordering::Relaxed));
    planned::clear(&record.planned);
    record
        .rests
        .iter()
        .for_each(|rest| rest.store(0, Ordering::Relaxed));
}

/// The lines so far.
pub fn lines() -> Vec<String> {
    let record = record();
    let used = record.used.load(Ordering::Acquire).min(TEXT_MAX);
    let bytes: Vec<u8> = record.text[..used]
        .iter()
        .map(|byte| byte.load(Ordering::Relaxed))
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::to_owned).collect()
}

/// Where the first `count` threads are.
pub fn rests(count: usize) -> Vec<&'static str> {
    let rests = &record().rests[..count.min(THREADS_MAX)];
    let codes = rests.iter().map(|rest| rest.load(Ordering::Relaxed));
    codes
        .map(|code| RESTS.get(usize::from(code)).copied().unwrap_or(RESTS[1]))
        .collect()
}

/// Where the guide was given up.
pub fn guide_left_at() -> Option<usize> {
    Some(record().guide_left_at.load(Ordering::Relaxed)).filter(|place| *place != usize::MAX)
}

/// The first event that did not come to see what was aimed at.
pub fn missed_at() -> Option<usize> {
    Some(record().missed_at.load(Ordering::Relaxed)).filter(|place| *place != usize::MAX)
}

/// What aims came to.
pub fn pushes() -> Vec<Push> {
    let words = record().pushes.iter();
    let words = words.map(|word| word.load(Ordering::Relaxed));
    words
        .take_while(|word| *word != 0)
        .map(|word| Push {
            event: (word >> 40) as u32,
            thread: (word >> 32) as u8,
            operations: word as u32,
        })
        .collect()
}

/// The newest push got this far.
pub fn note_push(pushed: &[Push]) {
    if let Some((last, place)) = pushed.last().zip(record().pushes.get(pushed.len() - 1)) {
        let word = u64::from(last.event) << 40 | u64::from(last.thread) << 32;
        place.store(word | u64::from(last.operations), Ordering::Relaxed);
    }
}

/// An event did not come to see what was aimed at.
pub fn note_miss(event: usize) {
    record().missed_at.store(event, Ordering::Relaxed);
}

/// Adds a line.
pub fn line(text: &str) {
    let record = record();
    let used = record.used.load(Ordering::Relaxed);
    if used + text.len() + 1 > TEXT_MAX {
        return;
    }
    let bytes = text.bytes().chain(std::iter::once(b'\n'));
    for (place, byte) in record.text[used..].iter().zip(bytes) {
        place.store(byte, Ordering::Relaxed);
    }
    record.used.store(used + text.len() + 1, Ordering::Release);
}

/// Notes where each thread is; by the thread that has the turn.
pub fn note_rests() {
    let record = record();
    own(|schedule| {
        for (slot, thread) in schedule.slots.iter().enumerate() {
            let Some(lane) = thread.lane else { continue };
            let code = match thread.waits {
                Waits::Nothing | Waits::Event | Waits::Others => 1,
                Waits::Ended => 3,
                Waits::Exited => 4,
                Waits::Hung => 5,
                Waits::Gone => 6,
                Waits::Mutex(_)
                | Waits::Condition { .. }
                | Waits::Semaphore { .. }
                | Waits::Join(_)
                | Waits::Cell(_)
                | Waits::Reading(_)
                | Waits::Library => {
                    if schedule.goes_on(slot) {
                        1
                    } else {
                        2
                    }
                }
            };
            record.rests[usize::from(lane)].store(code, Ordering::Relaxed);
        }
        if let Some(place) = schedule.guide_left_at {
            record.guide_left_at.store(place, Ordering::Relaxed);
        }
    });
}

/// What a thread waits for; `gone` are conditions that the library has destroyed since.
fn describe(waits: Waits, gone: impl Fn(u64) -> bool) -> Option<&'static str> {
    match waits {
        Waits::Condition { condition, .. } if gone(condition) => Some(tstate_driver::GONE),
        Waits::Mutex(_) => Some("a mutex of the library"),
        Waits::Condition { timed: true, .. } => Some(tstate_driver::TIMED),
        Waits::Condition { timed: false, .. } => Some("a condition of the library"),
        Waits::Semaphore { timed: true, .. } => Some("a semaphore of the library, timed"),
        Waits::Semaphore { timed: false, .. } => Some("a semaphore of the library"),
        Waits::Library => Some("something of the library"),
        Waits::Join(_) => Some("the end of a thread"),
        Waits::Cell(_) => Some("a primitive of the scenario"),
        Waits::Reading(_) => Some("a condition of the scenario"),
        Waits::Nothing
        | Waits::Event
        | Waits::Others
        | Waits::Ended
        | Waits::Exited
        | Waits::Hung
        | Waits::Gone => None,
    }
}

/// Whom the program's threads wait for, by their numbers in it, as far as that can be known.
fn waits_for() -> Vec<(u8, u8)> {
    let slots = 0..own(|schedule| schedule.slots.len());
    let holder = slots
        .clone()
        .find(|slot| crate::sight::attached(*slot) != 0);
    let lane = |slot: SlotId| own(|schedule| schedule.slots.get(slot)?.lane);
    let whom = |slot: SlotId| {
        let waits = own(|schedule| schedule.slots[slot].waits);
        let others = holder.filter(|holder| *holder != slot);
        let other = if let Waits::Cell(cell) = waits {
            crate::child::owner_of(cell)
        } else {
            own(|schedule| schedule.waits_for(slot, others)).and_then(lane)
        };
        Some((lane(slot)?, other?))
    };
    slots.filter_map(whom).collect()
}

/// The run is over: notes how and where each thread is, and ends the process.
pub fn end(how: &str) -> ! {
    // In sampled mode two threads may come here: the run ended as the first one says.
    while ENDS.swap(true, Ordering::AcqRel) {
        std::thread::park();
    }
    note_rests();
    own(|schedule| {
        let gone = |condition| {
            !schedule
                .conditions
                .values()
                .any(|known| *known == condition)
        };
        for (number, slot) in schedule.slots.iter().enumerate() {
            let what = match describe(slot.waits, gone) {
                Some(tstate_driver::GONE) => Some(tstate_driver::GONE),
                _ if schedule.goes_round(number) => Some(tstate_driver::TIMED),
                what => what,
            };
            if let (Some(lane), Some(what)) = (slot.lane, what) {
                line(&format!("waits {lane} {what}"));
            }
        }
    });
    if own(|schedule| schedule.is_planned()) {
        for (lane, other) in waits_for() {
            line(&format!("for {lane} {other}"));
        }
    }
    if how.starts_with("exit ") {
        crate::left::tell();
    }
    line(&format!("end {how}"));
    // SAFETY: ends the process without touching anything.
    unsafe { libc::_exit(0) }
}

/// The run was not looked at to its end.
pub fn cut(why: &str) -> ! {
    end(&format!("cut {why}"))
}

/// The scheduler ends the run.
pub fn end_of_run(how: End) -> ! {
    match how {
        End::Stuck => end("stuck"),
        End::Over => end("exit 0"),
        End::Cut(why) => cut(why),
    }
}

/// A thread used what was freed: ends the process, from wherever it was. Nothing is asked of the schedule.
pub fn freed() -> ! {
    line("end freed");
    // SAFETY: ends the process without touching anything.
    unsafe { libc::_exit(0) }
}

/// The run cannot be driven on this library.
pub fn refuse(why: &str) -> ! {
    line(&format!("refused {why}"));
    // SAFETY: ends the process without touching anything.
    unsafe { libc::_exit(0) }
}
