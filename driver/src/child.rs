//! One run, in a process of its own.
//!
//! # Protocol
//!
//! 1. The process is a copy of the server's; its only thread is the scenario's main thread. If the library was
//!    initialized before the copy, this thread did it.
//! 2. The machine is made under the controller, so that the scenario's primitives are cells of the schedule.
//! 3. Every event is a point where the schedule chooses: a thread stands before it until it may happen, notes it, and
//!    lets the schedule choose again.
//! 4. The run ends with the process: by `record::end`, by the library (`exit`, `abort`), by a signal, or by its limit of
//!    processor time.

use crate::controller::Native;
use crate::layer::{fence, inline, main_begins};
use crate::python::api::Pointer;
use crate::python::{Caller, Libpython, api, outside_of_frames, release};
use crate::quiet::Quiet;
use crate::record;
use crate::schedule::{Rules, SlotId, Waits, block, enter, me, own, pass, sampled, step};
use crate::sight;
use std::sync::{Arc, OnceLock};
use tstate::runtime::{CallbackId, Profile};
use tstate::sim::driver::{Listener, Machine, Python, Site, Value, evaluated};
use tstate::sim::events::{Event, EventKind, Events, Place, Seen, Witness};
use tstate::sim::scenario::calls::Call;
use tstate::sim::scenario::program::{BodyId, BodyKind, Program, Reads, StatementId};
use tstate::sync::hook::with_controller;
use tstate::sync::{Branch, ThreadIndex, Word, enter_thread};

/// Processor time of a run, in seconds, and where the kernel stops asking.
const PROCESSOR_TIME: (u64, u64) = (2, 3);

static MACHINE: OnceLock<Arc<Machine<Libpython>>> = OnceLock::new();

/// What a run is made of.
#[derive(Debug)]
pub struct Run {
    /// The scenario.
    pub program: Arc<Program>,
    /// The release that its claims are read for.
    pub profile: Profile,
    /// How the schedule chooses.
    pub rules: Rules,
    /// The library was initialized before the copy.
    pub ahead: bool,
    /// What `PyGILState_Check` said before that.
    pub checks_before: bool,
    /// Where standard error goes.
    pub errors: libc::c_int,
}

/// Stands before each event until the schedule lets it happen.
#[derive(Debug)]
struct Reporter(Quiet);

impl<P: Python> Witness<P> for Reporter {
    fn stands_before(&self, thread: ThreadIndex) {
        Quiet::stands();
        block(Waits::Event);
        let me = me();
        push(me, thread);
        if let Err(end) = own(|schedule| schedule.count_event(me)) {
            record::end_of_run(end);
        }
    }

    fn happens(&self, machine: &Machine<P>, event: Event) {
        record::line(&format!("event {event}"));
        if own(|schedule| schedule.is_planned()) {
            // Up to its next point the thread does nothing that others could see.
            note_owed(machine);
            self.0.happened(event.kind);
            return;
        }
        pass();
    }
}

/// Notes how many pending calls wait, by the callbacks.
fn note_owed<P: Python>(machine: &Machine<P>) {
    for number in 0..machine.program().bodies.len() {
        let body = BodyId(number as u8);
        let owed = if machine.ran_unasked(body) {
            -1
        } else {
            machine.owed(body)
        };
        record::note_owed(number, owed);
    }
}

/// Tells what happens and lets it happen.
#[derive(Debug)]
struct Free;

impl Free {
    fn tell(&self, thread: ThreadIndex, kind: EventKind) {
        let seen = Seen {
            initialized: false,
            finalizing: false,
            listed: 0,
            current: Place::Null,
            checks: false,
        };
        let event = Event { thread, kind, seen };
        let me = me();
        let counted = own(|schedule| {
            schedule.released(me);
            schedule.moved();
            record::line(&format!("event {event}"));
            schedule.count_event(me)
        });
        if let Err(end) = counted {
            record::end_of_run(end);
        }
    }
}

impl Listener<Libpython> for Free {
    fn begins(&self, _: &Machine<Libpython>, thread: ThreadIndex, statement: StatementId) {
        self.tell(thread, EventKind::Begins(statement));
    }

    fn ends(
        &self,
        machine: &Machine<Libpython>,
        thread: ThreadIndex,
        statement: StatementId,
        _: Option<Value>,
    ) {
        self.tell(thread, EventKind::Ends(statement, None));
        note_owed(machine);
    }

    fn enters(&self, machine: &Machine<Libpython>, thread: ThreadIndex, body: BodyId) {
        self.tell(thread, EventKind::Enters(body));
        note_owed(machine);
    }

    fn leaves(&self, _: &Machine<Libpython>, thread: ThreadIndex) {
        self.tell(thread, EventKind::Leaves);
    }
}

/// Lets the others go on inside their calls as far as they are to be at the thread's next event.
fn push(me: SlotId, thread: ThreadIndex) {
    while own(|schedule| schedule.push_as_asked(me)) {
        block(Waits::Event);
    }
    let Some(aim) = own(|schedule| schedule.aim(me)) else {
        return;
    };
    let is_met = || Seen::now(machine(), thread) == aim;
    while !is_met() {
        if !own(|schedule| schedule.push_one(me)) {
            own(|schedule| schedule.miss());
            return;
        }
        block(Waits::Event);
    }
}

/// Runs the scenario in this process, which ends with it.
pub fn run(run: &Run) -> ! {
    redirect(run.errors);
    limit();
    fence::watch();
    if sampled::is_on()
        && let Err(error) = sampled::start()
    {
        record::refuse(&format!("no thread could be made: {error}"));
    }
    if run.ahead {
        enter(0, false, None);
    } else {
        main_begins();
    }
    own(|schedule| schedule.begin(run.rules.clone()));
    if run.rules.plan.is_some()
        && let Err(error) = inline::arm()
    {
        record::refuse(&error);
    }
    sight::begin();
    with_controller(&Native, || {
        let library = || Libpython::new(run.profile, run.ahead, run.checks_before);
        let listener: Arc<dyn Listener<Libpython>> = if run.rules.free {
            Arc::new(Free)
        } else {
            Arc::new(Events(Reporter(Quiet::of(&run.program))))
        };
        let machine = Machine::on(&run.program, library, Some(listener));
        MACHINE
            .get_or_init(|| machine)
            .run_thread(ThreadIndex::FIRST);
    });
    stands_before_the_end();
    let me = me();
    own(|schedule| schedule.slots[me].waits = Waits::Ended);
    record::end("exit 0")
}

/// The process is about to end: in a planned run others may go on before.
pub fn stands_before_the_end() {
    if own(|schedule| schedule.is_planned()) {
        step();
    }
}

fn redirect(errors: libc::c_int) {
    // SAFETY: descriptors are numbers; what is open stays open or is replaced.
    unsafe {
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        libc::dup2(nothing, 0);
        libc::dup2(nothing, 1);
        libc::dup2(errors, 2);
    }
}

fn limit() {
    let time = libc::rlimit {
        rlim_cur: PROCESSOR_TIME.0,
        rlim_max: PROCESSOR_TIME.1,
    };
    let core = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both are valid limits of this process.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CPU, &time);
        libc::setrlimit(libc::RLIMIT_CORE, &core);
    }
}

fn machine() -> &'static Machine<Libpython> {
    match MACHINE.get() {
        Some(machine) => machine,
        None => record::cut("internal: a thread before the run"),
    }
}

/// The thread of the program that owns what the scenario's cell stands for: a mutex, or the end of that thread.
pub fn owner_of(cell: u16) -> Option<u8> {
    let name = own(|schedule| schedule.cell_names.get(usize::from(cell)).copied())?;
    let index = usize::from(name.index?);
    let owner = match name.what {
        "mutex" => MACHINE.get()?.mutexes().get(index)?.owner()?,
        "ended" | "thread_handle.exiting" => ThreadIndex::new(index),
        _ => return None,
    };
    Some(owner.index() as u8)
}

/// Thread states that are in a list now are known from now on.
pub fn note_listed() {
    machine().runtime.note_listed();
}

/// Whether the thread of the program has ended, and neither began the process nor stayed behind in another.
pub fn is_over(lane: u8) -> bool {
    let thread = ThreadIndex::new(usize::from(lane));
    let machine = machine();
    // That it ended is a cell of the schedule, which only those see that are under the controller.
    let ended = || machine.ended(thread);
    thread != machine.first() && !machine.is_gone(thread) && with_controller(&Native, ended)
}

/// The assertion that failed, if one did.
pub fn failed() -> Option<Site> {
    machine().failed()
}

/// A signal arrives inside the call under way, if one has come for the calling thread.
pub fn look_for_signals() {
    if let (Some(machine), Some(_)) = (MACHINE.get(), lane()) {
        with_controller(&Native, || machine.look_for_signals_inside());
    }
}

/// Whether there is a run in this process.
pub fn is_running() -> bool {
    MACHINE.get().is_some()
}

/// Whether the scenario has signals or async exceptions.
pub fn signals() -> bool {
    Reads::of(machine().program()).signals
}

/// Whether the scenario may fork.
pub fn forks() -> bool {
    machine().program().forks()
}

/// Whether the scenario makes that call.
pub fn calls(call: Call) -> bool {
    machine().program().calls(call)
}

/// Whether the scenario names a global flag.
pub fn names_flags() -> bool {
    machine().program().names_flags()
}

/// The library forks, on the calling thread.
pub fn fork() -> Branch {
    machine().fork()
}

/// How many forks the run followed into the child.
pub fn generation() -> u8 {
    machine().generation()
}

/// Which thread of the scenario the calling thread is.
fn lane() -> Option<ThreadIndex> {
    let me = me();
    let lane = own(|schedule| schedule.slots[me].lane);
    lane.map(|lane| ThreadIndex::new(usize::from(lane)))
}

/// The body of a thread that the scenario started natively.
pub fn run_lane(lane: u8) {
    let thread = ThreadIndex::new(usize::from(lane));
    enter_thread(thread);
    with_controller(&Native, || machine().run_thread(thread));
}

/// A thread that the library started.
pub fn run_library_thread(function: &mut dyn FnMut() -> usize) -> usize {
    let lane = lane();
    if let Some(thread) = lane {
        enter_thread(thread);
    }
    with_controller(&Native, || {
        let result = function();
        if let Some(thread) = lane {
            let _left = machine().leave_thread(thread, false);
        }
        result
    })
}

/// The body of a thread that `threading` started.
pub fn run_python_body(thread: usize) {
    let _ran = machine().run_python_body(ThreadIndex::new(thread));
}

/// The library ends the calling thread; whether that was against its will.
///
/// Up to 3.9.5 (bpo-44434) the threads of `threading` end so when all is done: then their thread state is gone already.
pub fn thread_exits() -> bool {
    let Some(thread) = lane() else { return true };
    let machine = machine();
    let body = &machine.program().bodies[machine.program().threads[thread.index()].body.index()];
    let is_python = matches!(body.kind, BodyKind::Python | BodyKind::Daemon);
    let is_done = release().ends_threads_by_exit() && api::gil_state_this().is_null();
    let exited = !(is_python && is_done);
    let _left = machine.leave_thread(thread, exited);
    exited
}

/// Runs a callback of the scenario as an audit hook.
pub fn audit(id: CallbackId, event: &str) -> i32 {
    callback(id, machine().text(event).to_word())
}

/// Runs a callback of the scenario as a function that evaluates frames.
pub fn evaluate(id: CallbackId, state: Pointer) {
    let state = machine().runtime.state(state);
    callback_with(id, &evaluated(state));
}

/// Runs a callback of the scenario and returns what it returns.
pub fn callback(id: CallbackId, argument: u64) -> i32 {
    let machine = machine();
    let caller: Caller<'_> = machine.runtime.caller(machine);
    outside_of_frames(|| machine.callback(&caller, id, argument).unwrap_or(0))
}

/// Runs a callback of the scenario that is given these arguments, as words, and returns what it returns.
pub fn callback_with(id: CallbackId, arguments: &[u64]) -> i32 {
    let machine = machine();
    let caller: Caller<'_> = machine.runtime.caller(machine);
    outside_of_frames(|| {
        let result = machine.callback_with(&caller, id, arguments);
        result.unwrap_or(0)
    })
}
