//! What a planned run leaves behind beside its lines: its decisions, and what is known of pending calls and of threads.

use super::record;
use crate::schedule::SlotId;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use tstate_driver::{Choice, Decision, Departure, Departures, Phase, Plan, Planned};

/// Decisions of a run that are kept.
const DECISIONS_MAX: usize = 1 << 14;
/// Callbacks of a scenario.
const CALLBACKS_MAX: usize = 256;
/// Threads of a scenario.
const THREADS_MAX: usize = 32;

/// One decision, as words.
type Words = [AtomicU64; 4];

/// The part of the shared memory for planned runs.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Memory {
    used: AtomicUsize,
    cut: AtomicBool,
    /// Threads of the program that went on late, as bits.
    busy: AtomicU32,
    two_holders: AtomicBool,
    /// Of each thread, how many events there were when it was parked for good, plus one; 0 if it was not.
    hung: [AtomicU32; THREADS_MAX],
    owed: [AtomicI64; CALLBACKS_MAX],
    decisions: [Words; DECISIONS_MAX],
}

/// What else could have been decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// Threads as bits: who could go on for nothing, at a cost; whose wait could time out for nothing, at a cost.
    Threads([u16; 4]),
    /// So many alternatives, for nothing.
    Picks(u16),
}

impl Noted {
    /// Whether nothing else could.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Threads(threads) => threads == [0; 4],
            Self::Picks(count) => count < 2,
        }
    }

    fn to_word(self) -> u64 {
        match self {
            Self::Threads(threads) => {
                let words = threads.into_iter().map(u64::from);
                words.fold(0, |word, bits| word << 16 | bits)
            }
            Self::Picks(count) => count.into(),
        }
    }

    fn from_word(word: u64, picks: bool) -> Self {
        if picks {
            Self::Picks(word as u16)
        } else {
            let part = |shift: u32| (word >> shift) as u16;
            Self::Threads([part(48), part(32), part(16), part(0)])
        }
    }

    /// As choices: those for nothing, and those at a cost.
    fn choices(self) -> (Vec<Choice>, Vec<Choice>) {
        let each = |bits: u16| (0..16_u8).filter(move |slot| bits & 1 << slot != 0);
        match self {
            Self::Picks(count) => ((0..count).map(Choice::Pick).collect(), Vec::new()),
            Self::Threads([free, costly, free_time_outs, costly_time_outs]) => {
                let both = |runs, time_outs| {
                    let runs = each(runs).map(Choice::Run);
                    runs.chain(each(time_outs).map(Choice::TimeOut)).collect()
                };
                (both(free, free_time_outs), both(costly, costly_time_outs))
            }
        }
    }
}

fn code(choice: Choice) -> u64 {
    match choice {
        Choice::Run(slot) => u64::from(slot),
        Choice::TimeOut(slot) => 1 << 16 | u64::from(slot),
        Choice::Pick(pick) => 2 << 16 | u64::from(pick),
    }
}

fn choice(code: u64) -> Choice {
    match code >> 16 & 3 {
        0 => Choice::Run(code as u8),
        1 => Choice::TimeOut(code as u8),
        _ => Choice::Pick(code as u16),
    }
}

/// Forgets the run before.
pub(super) fn clear(memory: &Memory) {
    memory.used.store(0, Ordering::Relaxed);
    memory.cut.store(false, Ordering::Relaxed);
    memory.busy.store(0, Ordering::Relaxed);
    memory.two_holders.store(false, Ordering::Relaxed);
    for hung in &memory.hung {
        hung.store(0, Ordering::Relaxed);
    }
    for owed in &memory.owed {
        owed.store(0, Ordering::Relaxed);
    }
}

/// Not a thread of the program.
const NO_LANE: u8 = u8::MAX;

/// Where a decision is made: on which thread, at which of its points, where that is.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The thread.
    pub thread: u8,
    /// Which of its points.
    pub point: u32,
    /// Which thread of the program that is.
    pub lane: Option<u8>,
    /// Its events by then.
    pub events: u32,
    /// Where in the library.
    pub place: u32,
    /// How far the runtime's life is.
    pub phase: Phase,
}

impl At {
    fn to_words(self) -> [u64; 2] {
        let bits = [
            self.phase.initialized,
            self.phase.finalizing,
            self.phase.attached,
        ];
        let phase = bits.iter().fold(0, |bits, bit| bits << 1 | u64::from(*bit));
        let thread = u64::from(self.thread) << 32 | u64::from(self.point);
        let place = u64::from(self.events) << 32 | u64::from(self.place);
        let lane = u64::from(self.lane.unwrap_or(NO_LANE));
        [thread | phase << 40 | lane << 48, place]
    }

    fn from_words([thread, place]: [u64; 2]) -> Self {
        let bit = |number: u32| thread >> (40 + number) & 1 == 1;
        Self {
            thread: (thread >> 32) as u8,
            point: thread as u32,
            lane: Some((thread >> 48) as u8).filter(|lane| *lane != NO_LANE),
            events: (place >> 32) as u32,
            place: place as u32,
            phase: Phase {
                initialized: bit(2),
                finalizing: bit(1),
                attached: bit(0),
            },
        }
    }
}

/// A decision was made that could have been another.
pub fn note_decision(at: At, chosen: Choice, default: Choice, others: Noted) {
    let memory = &record().planned;
    let used = memory.used.load(Ordering::Relaxed);
    let Some(words) = memory.decisions.get(used) else {
        memory.cut.store(true, Ordering::Relaxed);
        return;
    };
    let [thread, place] = at.to_words();
    let choices = code(chosen) | code(default) << 32;
    for (word, value) in words.iter().zip([thread, choices, others.to_word(), place]) {
        word.store(value, Ordering::Relaxed);
    }
    memory.used.store(used + 1, Ordering::Release);
}

/// What else could have been decided at the thread's point is not told: another point stands for it.
pub fn tell_no_others(thread: SlotId, point: u32) {
    let memory = &record().planned;
    let used = memory.used.load(Ordering::Relaxed).min(DECISIONS_MAX);
    let is_there = |words: &&Words| {
        let at = At::from_words([words[0].load(Ordering::Relaxed), 0]);
        (SlotId::from(at.thread), at.point) == (thread, point)
    };
    let mut newest = memory.decisions[..used].iter().rev();
    if let Some(words) = newest.find(is_there) {
        words[2].store(0, Ordering::Relaxed);
    }
}

/// A thread of the program went on late in the run.
pub fn note_busy(lane: u8) {
    let bit = 1_u32.checked_shl(lane.into()).unwrap_or(0);
    record().planned.busy.fetch_or(bit, Ordering::Relaxed);
}

/// A thread of the program is parked for good, behind so many events.
pub fn note_hung(lane: u8, events: u32) {
    if let Some(hung) = record().planned.hung.get(usize::from(lane)) {
        hung.store(events + 1, Ordering::Relaxed);
    }
}

/// A thread gave away the GIL with the thread state that another has attached.
pub fn note_two_holders() {
    record().planned.two_holders.store(true, Ordering::Relaxed);
}

/// How many pending calls to this callback were accepted and have not run.
pub fn note_owed(callback: usize, owed: i64) {
    if let Some(place) = record().planned.owed.get(callback) {
        place.store(owed, Ordering::Relaxed);
    }
}

/// What a run by this plan did, of a program with so many callbacks; whom its threads wait for is said in the lines.
pub fn planned(plan: &Plan, callbacks: usize, waits_for: Vec<Option<u8>>) -> Planned {
    let memory = &record().planned;
    let used = memory.used.load(Ordering::Acquire).min(DECISIONS_MAX);
    let mut departures = Vec::new();
    let mut decisions = Vec::new();
    for words in &memory.decisions[..used] {
        let [thread, choices, others, place] =
            [0, 1, 2, 3].map(|word| words[word].load(Ordering::Relaxed));
        let at = At::from_words([thread, place]);
        let At {
            thread,
            point,
            lane,
            events,
            place,
            phase,
        } = at;
        let (chosen, default) = (choice(choices), choice(choices >> 32));
        if chosen != default {
            departures.push(Departure {
                thread,
                point,
                choice: chosen,
            });
        }
        if plan.tell {
            let others = Noted::from_word(others, matches!(default, Choice::Pick(_)));
            let (mut free, mut costly) = others.choices();
            for list in [&mut free, &mut costly] {
                list.retain(|other| *other != chosen && *other != default);
            }
            decisions.push(Decision {
                thread,
                point,
                lane,
                events,
                place,
                phase,
                chosen,
                free,
                costly,
            });
        }
    }
    let wanted = plan.departures.0.iter();
    let unkept = wanted.filter(|wanted| !departures.contains(wanted)).count();
    let busy = memory.busy.load(Ordering::Relaxed);
    let owed = memory.owed[..callbacks.min(CALLBACKS_MAX)].iter();
    Planned {
        unkept: unkept as u32,
        departures: Departures(departures),
        decisions_total: used as u32,
        cut: memory.cut.load(Ordering::Relaxed),
        decisions,
        waits_for,
        owed: owed.map(|owed| owed.load(Ordering::Relaxed)).collect(),
        busy: (0..32).filter(|lane| busy & 1 << lane != 0).collect(),
        two_holders: memory.two_holders.load(Ordering::Relaxed),
        hung: hung(memory),
    }
}

/// Which threads were parked for good, and behind how many events.
fn hung(memory: &Memory) -> Vec<(u8, u32)> {
    let all = memory.hung.iter().enumerate();
    let all = all.filter_map(|(lane, hung)| {
        let events = hung.load(Ordering::Relaxed).checked_sub(1)?;
        Some((lane as u8, events))
    });
    all.collect()
}
