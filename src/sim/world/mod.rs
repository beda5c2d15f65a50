//! The world of one simulation: what every cell holds, where every thread stands, and how to go back.
//!
//! The world is the [`Controller`](crate::sync::hook::Controller) that the primitives ask (`control.rs`). It holds the value of every word itself; only
//! the contents of mutexes live outside, in the program's memory. It knows who is enabled and who waits for what, keeps
//! the state key up to date, and writes down what a step changes, so that the explorer can undo it (`trail.rs`).
//!
//! # The state key
//!
//! 128 bits, the exclusive or of one contribution for each cell and each thread, renewed lazily for what changed:
//!
//! | part | contributes |
//! | --- | --- |
//! | mutex | its owner, or the digest of its contents while it is free (an owner's history determines them) |
//! | word, semaphore, event | its value |
//! | condition variable | nothing: who waits is in the threads |
//! | epoch | nothing: per remembered value whether it changed since |
//! | thread | what it is about to do, and a digest of all it observed since its current statement or scope began |
//!
//! Real code is deterministic, so a thread with an equal history stands at the same place with equal locals.
//!
//! # Deterministic
//!
//! Cells are named by order of creation on one thread; threads by the index that the program gives them. No address,
//! no clock and no hash seed enters a key.
//!
//! # Fork
//!
//! A thread that forks stands before the choice of [`Branch`](crate::sync::Branch). As the child every other thread that was
//! started is [`Pending::Gone`]: it never runs again, and owns what it owned. A fork falls between two visible operations,
//! and in programs that fork also between the last one under a lock and its release: plain data that a thread changes without
//! any such operation in between is found as before or as after all of it.
//!
//! # Signals
//!
//! A thread for which a signal was sent may be interrupted before any of its operations, and while it waits (`interrupt.rs`).
//!
//! # Not explored
//!
//! Weak memory (that is loom's part): every access is sequentially consistent here.

mod control;
mod interrupt;
mod key;
mod meet;
mod pending;
mod trail;
mod tuning;

pub use pending::{Pending, Waits};
pub(super) use trail::Mark;
pub use tuning::{Silence, Tuning};

use super::fiber::Fiber;
use super::graph::Choice;
use crate::sync::hook::{CellId, CellKind, Contents, fold, with_controller};
use crate::sync::{Name, THREADS_MAX, ThreadIndex, enter_thread};
pub use meet::Meetings as Points;
use meet::Meetings;
use std::cell::{Cell, RefCell};
use trail::Trail;

/// Which thread owns nothing.
const NOBODY: u8 = u8::MAX;
/// Values of epochs that one thread remembers at once.
const REMEMBERED_MAX: usize = 2;
/// Mutexes that one program may have, so that the ones a thread holds fit a word.
const MUTEXES_MAX: usize = 64;

/// What is fixed about a cell once it is made.
#[derive(Clone, Copy, Debug)]
pub struct CellInfo {
    /// What it is.
    pub kind: CellKind,
    /// What it is called.
    pub name: Name,
    /// Which mutex it is among the mutexes.
    mutex: u8,
}

/// What a step may change about a cell.
#[derive(Clone, Copy, Debug)]
struct CellState {
    value: u64,
    /// Digest of a mutex's contents as last seen.
    content: u128,
    contribution: u128,
    stamp: u32,
    owner: u8,
    content_stale: bool,
    dirty: bool,
}

/// What a step may change about a thread.
#[derive(Clone, Copy, Debug)]
struct ThreadState {
    pending: Pending,
    /// What it is about to do when the handler of a signal is done; `NotStarted` if it runs none.
    beneath: Pending,
    /// The signals that were sent to it and did not arrive yet, as bits.
    signals: u64,
    /// What a choice came out as, and how a wait ended.
    answer: u16,
    /// It changed a watched cell since its last scheduling point.
    shows: bool,
    /// Operations since its last scheduling point.
    passed: u16,
    /// Statements since its last operation.
    idle: u16,
    history: u128,
    /// All that the thread ever observed, for the audit.
    full: u128,
    /// Digest of the frames below the current one.
    base: u128,
    remembered: [(CellId, u64); REMEMBERED_MAX],
    /// The mutexes that the thread owns, as bits.
    held: u64,
    contribution: u128,
    stamp: u32,
    dirty: bool,
}

impl ThreadState {
    const NEW: Self = Self {
        pending: Pending::NotStarted,
        beneath: Pending::NotStarted,
        signals: 0,
        answer: 0,
        shows: false,
        passed: 0,
        idle: 0,
        history: 0,
        full: 0,
        base: 0,
        remembered: [(CellId::NONE, 0); REMEMBERED_MAX],
        held: 0,
        contribution: 0,
        stamp: 0,
        dirty: true,
    };
}

#[derive(Debug)]
struct State {
    infos: Vec<CellInfo>,
    cells: Vec<CellState>,
    threads: Vec<ThreadState>,
    contents: Vec<Option<*const (dyn Contents + 'static)>>,
    mutexes: Vec<CellId>,
    key: u128,
    dirty_cells: Vec<u16>,
    trail: Trail,
    meetings: Meetings,
    tuning: Tuning,
    log: Option<Vec<Choice>>,
    /// The cells touched in the current step, and whether they were written.
    footprint: Vec<(u16, bool)>,
}

/// One simulation.
#[derive(Debug)]
pub struct World {
    state: RefCell<State>,
    current: Cell<ThreadIndex>,
    observing: Cell<bool>,
    fibers: RefCell<Vec<Fiber>>,
    handler: Cell<Option<Handler>>,
}

/// The program's handler of signals; whether the thread goes on.
type Handler = *const (dyn Fn(u8) -> bool + 'static);

/// How a thread stands, for reports and verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not started.
    NotStarted,
    /// Could take a step.
    Enabled,
    /// Waits for something.
    Blocked(Waits),
    /// Never runs again, by its own operation.
    Hung,
    /// Its body ended.
    Ended,
    /// It is not in the forked process that the run went on as.
    Gone,
}

impl World {
    /// A world without cells and with this many threads.
    ///
    /// # Panics
    ///
    /// If there are more than [`THREADS_MAX`].
    #[must_use]
    pub fn new(threads: usize, tuning: Tuning) -> Self {
        assert!(
            threads <= THREADS_MAX,
            "programs with more threads are refused where they are read"
        );
        let state = State {
            infos: Vec::new(),
            cells: Vec::new(),
            threads: vec![ThreadState::NEW; threads],
            contents: Vec::new(),
            mutexes: Vec::new(),
            key: 0,
            dirty_cells: Vec::new(),
            trail: Trail::default(),
            meetings: Meetings::default(),
            tuning,
            log: None,
            footprint: Vec::new(),
        };
        Self {
            state: RefCell::new(state),
            current: Cell::new(ThreadIndex::FIRST),
            observing: Cell::new(false),
            fibers: RefCell::default(),
            handler: Cell::new(None),
        }
    }

    /// Runs `body` with this world as the controller.
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        with_controller(self, body)
    }

    /// Ends the fibers: what they borrow may go away.
    pub(super) fn clear(&self) {
        self.fibers.borrow_mut().clear();
    }

    /// How many threads there are.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.state.borrow().threads.len()
    }

    /// Forgets which cells were touched.
    pub(super) fn start_footprint(&self) {
        self.state.borrow_mut().footprint.clear();
    }

    /// The cells touched since, and whether they were written.
    pub(super) fn footprint(&self) -> Vec<(u16, bool)> {
        self.state.borrow().footprint.clone()
    }

    /// Makes the fibers; `root` runs a thread's body, `handler` a signal's. The threads with an index in `started` may run at once.
    ///
    /// # Safety
    ///
    /// `root`, `handler` and the world must outlive the fibers, which [`World::clear`] or dropping the world ends.
    #[expect(unsafe_code, reason = "fibers borrow the program and the world")]
    pub(super) unsafe fn populate(
        &self,
        root: &dyn Fn(ThreadIndex),
        handler: &dyn Fn(u8) -> bool,
        started: &[ThreadIndex],
    ) {
        // SAFETY: only the lifetime changes; the caller keeps it while the fibers live, which alone use it.
        self.handler.set(Some(unsafe {
            std::mem::transmute::<&dyn Fn(u8) -> bool, &'static dyn Fn(u8) -> bool>(handler)
        }));
        let threads = self.state.borrow().threads.len();
        let world: *const Self = self;
        let mut fibers = Vec::new();
        for index in 0..threads {
            let thread = ThreadIndex::new(index);
            let body = move || {
                root(thread);
                // SAFETY: the caller keeps the world in place while its fibers live.
                unsafe { &*world }.end_thread();
            };
            // SAFETY: as the caller promises.
            fibers.push(unsafe { Fiber::new(body) });
        }
        *self.fibers.borrow_mut() = fibers;
        let mut state = self.state.borrow_mut();
        for thread in started {
            state.set_pending(*thread, Pending::Start);
        }
    }

    /// The program's handler of a signal, on the running fiber; whether its thread goes on.
    fn call_handler(&self, signal: u8) -> bool {
        let handler = self.handler.get().expect("set with the fibers");
        #[expect(unsafe_code, reason = "fibers borrow the program")]
        // SAFETY: who made the fibers keeps the handler while they live.
        unsafe {
            (*handler)(signal)
        }
    }

    fn end_thread(&self) -> ! {
        let thread = self.current.get();
        {
            let mut state = self.state.borrow_mut();
            let held = state.threads[thread.index()].held;
            state.change_thread(thread, |end| {
                *end = ThreadState {
                    pending: Pending::Ended,
                    held,
                    ..cleared(end)
                }
            });
        }
        self.suspend_for_ever()
    }

    fn suspend_for_ever(&self) -> ! {
        loop {
            self.suspend();
        }
    }

    /// The fiber of a thread; a pointer, as no borrow may be held while control is elsewhere.
    fn fiber(&self, thread: ThreadIndex) -> *const Fiber {
        let fibers = self.fibers.borrow();
        &raw const fibers[thread.index()]
    }

    fn suspend(&self) {
        loop {
            self.suspend_once();
            let Some(signal) = self.handles() else { return };
            self.handle(signal);
        }
    }

    fn suspend_once(&self) {
        let fiber = self.fiber(self.current.get());
        #[expect(unsafe_code, reason = "no borrow may be held while the fiber is away")]
        // SAFETY: the fibers are made before the first one runs and stay until none runs.
        unsafe {
            (*fiber).suspend();
        }
    }

    /// Resumes a thread that stands before an operation it can do now, until it stands before its next.
    pub(super) fn run(&self, thread: ThreadIndex) {
        self.state
            .borrow_mut()
            .save_fiber(thread, &self.fibers.borrow()[thread.index()]);
        self.current.set(thread);
        enter_thread(thread);
        let fiber = self.fiber(thread);
        #[expect(unsafe_code, reason = "no borrow may be held while the fiber runs")]
        // SAFETY: the fibers are made before the first one runs and stay until none runs.
        unsafe {
            (*fiber).resume();
        }
    }

    /// The thread that ran last.
    #[must_use]
    pub fn current(&self) -> ThreadIndex {
        self.current.get()
    }

    /// What is fixed about a cell.
    #[must_use]
    pub fn info(&self, cell: CellId) -> CellInfo {
        self.state.borrow().infos[usize::from(cell.0)]
    }

    /// How a thread stands.
    #[must_use]
    pub fn standing(&self, thread: ThreadIndex) -> Standing {
        let pending = self.pending(thread);
        if matches!(pending, Pending::NotStarted) {
            Standing::NotStarted
        } else if matches!(pending, Pending::Hung) {
            Standing::Hung
        } else if matches!(pending, Pending::Ended) {
            Standing::Ended
        } else if matches!(pending, Pending::Gone) {
            Standing::Gone
        } else {
            let is_blocked = !self.enabled(thread) && self.signals(thread) == 0;
            let waits = pending.waits().filter(|_| is_blocked);
            waits.map_or(Standing::Enabled, Standing::Blocked)
        }
    }

    /// Whether every other thread is not started, gone, hung or ended.
    fn nobody_lives_but(&self, thread: ThreadIndex) -> bool {
        let state = self.state.borrow();
        let mut threads = state.threads.iter().enumerate();
        threads.all(|(index, other)| index == thread.index() || !other.pending.lives())
    }

    /// What a thread is about to do.
    #[must_use]
    pub fn pending(&self, thread: ThreadIndex) -> Pending {
        self.state.borrow().threads[thread.index()].pending
    }

    /// The threads of which the running step wakes one, as bits; 0 if it does not stand before that choice.
    pub(super) fn waiters_of_wake(&self) -> u16 {
        let state = self.state.borrow();
        let Pending::Wake(condvar) = state.threads[self.current.get().index()].pending else {
            return 0;
        };
        let waiters = state.waiters(condvar);
        waiters.fold(0, |bits, thread| bits | pending::bit(thread))
    }

    /// Who owns a mutex.
    #[must_use]
    pub fn owner(&self, mutex: CellId) -> Option<ThreadIndex> {
        let owner = self.state.borrow().cells[usize::from(mutex.0)].owner;
        (owner != NOBODY).then(|| ThreadIndex::new(usize::from(owner)))
    }

    /// Whether the thread owns a mutex of this name.
    #[must_use]
    pub fn owns(&self, thread: ThreadIndex, what: &str) -> bool {
        let state = self.state.borrow();
        let mut owned = state
            .mutexes
            .iter()
            .filter(|mutex| usize::from(state.cell(**mutex).owner) == thread.index());
        owned.any(|mutex| state.infos[usize::from(mutex.0)].name.what == what)
    }

    /// Whether the thread can do its pending operation now. A timed wait is not enabled by this: its time-out is a
    /// choice of its own.
    #[must_use]
    pub fn enabled(&self, thread: ThreadIndex) -> bool {
        let state = self.state.borrow();
        match state.threads[thread.index()].pending {
            Pending::NotStarted
            | Pending::Hung
            | Pending::Ended
            | Pending::Gone
            | Pending::Handles(_)
            | Pending::Waiting { .. } => false,
            Pending::Start | Pending::Access(..) | Pending::Post(_) | Pending::Pause => true,
            Pending::Interrupted(_) => true,
            Pending::Choose(..) | Pending::Wake(_) | Pending::Unlock(_) | Pending::Fork => true,
            Pending::Lock(mutex) | Pending::Relock { mutex, .. } => {
                state.cell(mutex).owner == NOBODY
            }
            Pending::TryLock(_) => true,
            Pending::Acquire(semaphore) | Pending::AcquireUnlessInterrupted(semaphore) => {
                state.cell(semaphore).value > 0
            }
            Pending::Event(event) => state.cell(event).value != 0,
            Pending::Until(condition) => {
                drop(state);
                crate::sync::observe(|| condition.holds())
            }
        }
    }

    /// A timed wait ends without a notification: the thread now stands before its lock. No step of the thread.
    pub(super) fn time_out(&self, thread: ThreadIndex) {
        self.end_wait(thread, true);
    }

    /// A wait ends for no reason. No step of the thread.
    pub(super) fn wake_spuriously(&self, thread: ThreadIndex) {
        self.end_wait(thread, false);
    }

    fn end_wait(&self, thread: ThreadIndex, timed_out: bool) {
        let mut state = self.state.borrow_mut();
        let Pending::Waiting { mutex, .. } = state.threads[thread.index()].pending else {
            unreachable!("only a waiting thread is woken");
        };
        state.set_pending(thread, Pending::Relock { mutex, timed_out });
    }

    /// Answers a choice of the thread, which runs next.
    pub(super) fn answer(&self, thread: ThreadIndex, answer: u16) {
        self.state
            .borrow_mut()
            .change_thread(thread, |state| state.answer = answer);
    }

    /// Whether only cells where threads meet are scheduling points.
    pub(super) fn has_few_points(&self) -> bool {
        self.state.borrow().tuning.few_points
    }

    /// Whether the exploration has learned of a cell that must be a scheduling point, since the last call.
    pub(super) fn learned_of_point(&self) -> bool {
        self.state.borrow_mut().meetings.take_news()
    }

    /// Makes scheduling points of the cells that another world learned of, in the mode with few.
    pub(super) fn adopt_points(&self, points: &Points) {
        self.state.borrow_mut().meetings.adopt(points);
    }

    /// The cells that are known to be scheduling points.
    pub(super) fn known_points(&self) -> Points {
        self.state.borrow().meetings.clone()
    }

    /// Notes a choice for the schedule, where one is written down.
    pub(super) fn note(&self, choice: Choice) {
        if let Some(log) = &mut self.state.borrow_mut().log {
            log.push(choice);
        }
    }

    /// From here on writes down every step, those included that are no scheduling points in the mode with few.
    pub(super) fn write_down(&self) {
        self.state.borrow_mut().log = Some(Vec::new());
    }

    /// The steps written down.
    pub(super) fn written_down(&self) -> Vec<Choice> {
        self.state.borrow().log.clone().unwrap_or_default()
    }

    /// The state key now.
    pub(super) fn key(&self) -> u128 {
        let mut state = self.state.borrow_mut();
        state.refresh();
        state.key
    }

    /// The state key now, with all that every thread ever observed: for the audit.
    pub(super) fn full_key(&self) -> u128 {
        let key = self.key();
        self.state
            .borrow()
            .threads
            .iter()
            .fold(key, |key, thread| fold(key, 0, thread.full))
    }

    /// The first thread that goes on without a scheduling point: it begins, or an event it waited for is set.
    pub(super) fn first_eager(&self) -> Option<ThreadIndex> {
        let state = self.state.borrow();
        let eager = |thread: &ThreadState| {
            let pending = thread.pending;
            if let Pending::Event(event) = pending {
                state.cell(event).value != 0
            } else if let Pending::Relock { mutex, .. } = pending {
                state.silenced(Silence::RelockPoint) && state.cell(mutex).owner == NOBODY
            } else {
                matches!(pending, Pending::Start)
            }
        };
        state.threads.iter().position(eager).map(ThreadIndex::new)
    }

    /// Where the trail stands; everything changed from here on can be undone.
    pub(super) fn mark(&self) -> Mark {
        let mut state = self.state.borrow_mut();
        state.refresh();
        let key = state.key;
        state.trail.mark(key, self.current.get())
    }

    /// Puts back the state at `mark`.
    pub(super) fn undo(&self, mark: &Mark) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        debug_assert!(state.dirty_cells.len() <= state.cells.len());
        for cell in state.dirty_cells.drain(..) {
            state.cells[usize::from(cell)].dirty = false;
        }
        state.trail.undo(
            mark,
            &mut state.cells,
            &mut state.threads,
            &self.fibers.borrow(),
        );
        state.key = mark.key;
        self.current.set(mark.current);
    }

    /// Bytes that the trail takes now.
    pub(super) fn trail_bytes(&self) -> usize {
        self.state.borrow().trail.bytes()
    }
}

fn cleared(thread: &ThreadState) -> ThreadState {
    ThreadState {
        stamp: thread.stamp,
        contribution: thread.contribution,
        ..ThreadState::NEW
    }
}

impl State {
    fn cell(&self, cell: CellId) -> &CellState {
        &self.cells[usize::from(cell.0)]
    }

    /// Notes that the running step touches a cell.
    fn touch(&mut self, cell: CellId, writes: bool) {
        if self.tuning.footprints && !self.footprint.contains(&(cell.0, writes)) {
            self.footprint.push((cell.0, writes));
        }
    }

    /// The cell, about to be changed: saved for undo and due for a new contribution.
    fn change(&mut self, cell: CellId) -> &mut CellState {
        self.touch(cell, true);
        let state = &mut self.cells[usize::from(cell.0)];
        if state.stamp != self.trail.stamp() {
            self.trail.save_cell(cell.0, state);
            state.stamp = self.trail.stamp();
        }
        if !state.dirty {
            state.dirty = true;
            self.dirty_cells.push(cell.0);
        }
        state
    }

    fn change_thread(&mut self, thread: ThreadIndex, change: impl FnOnce(&mut ThreadState)) {
        let state = &mut self.threads[thread.index()];
        if state.stamp != self.trail.stamp() {
            self.trail.save_thread(thread, state);
            state.stamp = self.trail.stamp();
        }
        state.dirty = true;
        change(state);
    }

    fn set_pending(&mut self, thread: ThreadIndex, pending: Pending) {
        self.change_thread(thread, |state| state.pending = pending);
    }

    fn save_fiber(&mut self, thread: ThreadIndex, fiber: &Fiber) {
        self.trail.save_fiber(thread, fiber);
        self.change_thread(thread, |_| ());
    }

    fn silenced(&self, silence: Silence) -> bool {
        self.tuning.silence == Some(silence)
    }
}
