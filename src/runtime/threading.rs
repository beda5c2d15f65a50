//! Threads made by `threading`: started by an attached thread, run with a state of their own, joined.
//!
//! CPython: `Modules/_threadmodule.c` (`do_start_new_thread`, `thread_run`, `ThreadHandle_join`, `thread_shutdown`; up to
//! 3.12 `t_bootstrap`, `release_sentinel`), `Lib/threading.py`.
//!
//! # States
//!
//! | handle | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | `NotStarted` | no thread | whoever starts it |
//! | `Starting` | its thread state is being made | the starter |
//! | `Running` | the OS thread exists, or is about to | the thread |
//! | `Done` | joined, or could not be started | nobody |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | NotStarted → Starting → Running | [`Caller::thread_start`] | the starter | the GIL |
//! | Starting → Done | start failed | the starter | the GIL |
//! | Running → Done | [`Caller::thread_join`] | a joiner, attached again | the GIL |
//!
//! # Protocol
//!
//! Start: `threading` is imported ([`super::import`]) · refused at finalization · non-daemon: listed for shutdown · a thread state is made, unbound · the OS thread ·
//! wait, detached, until it has attached. Differs: the handle is running before the OS thread is created, so the thread
//! need not wait for that; nobody can tell. A thread that never attaches leaves its starter waiting (gh-87950).
//! Run: must it hang? then skip to the exit, its reference leaked · bind, attach · tell the starter · the body · clear,
//! delete · exit: not listed any more, joiners go on. A thread that hangs never gets to its exit.
//! Join: refused at finalization unless the thread is on its way out · detach, wait, attach. Differs: one wait stands
//! for the wait for the exit and the join of the OS thread, which follows it at once.
//!
//! A signal interrupts the wait of a join: handlers and pending calls run, attached, and the wait goes on, unless one of them
//! raised.
//!
//! Start, join, `import` and `_shutdown` are Python code, and so is what surrounds a thread's body: check points of the
//! eval breaker lie before and after what they do.
//!
//! Releases differ in these steps:
//!
//! * start is never refused up to 3.11; in 3.12.0 to 3.12.2 as soon as finalization is announced (F3);
//! * run does not ask whether it must hang up to 3.10: it writes to its thread state, which finalization may have freed;
//! * up to 3.12 there is no handle. A lock stands for the thread, which goes with its thread state: the clearing (3.8: the
//!   deletion) releases it, whoever clears. So a joiner may go on while the thread is still on its way out, and goes on
//!   when finalization clears the state of a thread that will never run again.
//!
//! # Invariants
//!
//! S23 RefcountBalance (a thread that skips keeps its reference), L11 JoinEnds.
//!
//! # Memory order
//!
//! `is_exiting` is stored with release after the thread's last step and loaded with acquire by joiners.
//!
//! # Outcomes
//!
//! Deadlock of a join or of a start; hang at finalization; use after free of the thread state of a thread that begins late.

use super::arena::Whence;
use super::differences::{StartRefused, ThreadEnd};
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::import::ModuleId;
use super::interpreter::Interpreter;
use super::outcome::{Crash, Ended, Step};
use super::state::Caller;
use crate::sync::{AtomicBool, Event, Ordering, Plain, ThreadIndex, current_thread, scope};

/// Whether finalization waits for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// It does.
    No,
    /// It does not.
    Yes,
}

/// The state of a thread handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandleState {
    /// `THREAD_HANDLE_NOT_STARTED`.
    NotStarted,
    /// `THREAD_HANDLE_STARTING`.
    Starting,
    /// `THREAD_HANDLE_RUNNING`.
    Running,
    /// `THREAD_HANDLE_DONE`.
    Done,
}

super::handle::word_for_enum!(HandleState {
    NotStarted,
    Starting,
    Running,
    Done
});

/// The handle of one thread.
#[derive(Debug)]
pub(super) struct ThreadHandle {
    /// Rule: the GIL.
    state: Plain<HandleState>,
    /// The thread state made for it. Rule: written before the thread is started.
    thread_state: Plain<ThreadStateHandle>,
    /// `Thread._started`. Rule: the GIL.
    is_started: Plain<bool>,
    started: Event,
    is_exiting: AtomicBool,
    /// `thread_is_exiting`; up to 3.12 the release of `_tstate_lock`.
    exiting: Event,
}

impl ThreadHandle {
    pub(super) fn new(thread: usize) -> Self {
        Self {
            state: Plain::new(("thread_handle.state", thread), HandleState::NotStarted),
            thread_state: Plain::new(("thread_handle.tstate", thread), ThreadStateHandle::NULL),
            is_started: Plain::new(("thread_handle.is_started", thread), false),
            started: Event::new(("thread_handle.started", thread)),
            is_exiting: AtomicBool::new(("thread_handle.is_exiting", thread), false),
            exiting: Event::new(("thread_handle.exiting", thread)),
        }
    }

    /// The process is over: joiners find that out.
    pub(super) fn let_joiners_end(&self) {
        self.started.set();
        self.exiting.set();
    }

    /// In a forked child, of a thread that is not in it: done, unless it was never started.
    pub(super) fn be_done_after_fork(&self) {
        if self.state.read() != HandleState::NotStarted {
            self.state.write(HandleState::Done);
            self.exit();
        }
    }

    /// Joiners go on.
    fn exit(&self) {
        self.is_exiting.store(true, Ordering::Release);
        self.exiting.set();
    }

    /// Whether the thread is past its exit, for an observer.
    #[cfg(feature = "sim")]
    pub(super) fn peek_ended(&self) -> bool {
        self.exiting.peek()
    }

    #[cfg(feature = "sim")]
    /// The thread state made for the thread, for an observer.
    pub(super) fn peek_thread_state(&self) -> ThreadStateHandle {
        self.thread_state.peek()
    }

    pub(super) fn peek_state(&self) -> HandleState {
        self.state.peek()
    }
}

impl Caller<'_> {
    /// The body of `threading` runs: its `_MainThread` is the thread that imports it.
    pub(super) fn note_threading(
        &self,
        current: ThreadStateHandle,
        interpreter: InterpreterHandle,
    ) -> Step<()> {
        if self.runtime.profile.importer_is_joined() {
            self.interpreter(interpreter)?.importer.note(current);
        }
        Ok(())
    }

    /// `threading.Thread.start`: 0, or -1 if Python refuses or an exception ended it.
    ///
    /// Blocks, detached, until the thread has attached.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization; what ended the thread in a callback. Source: contract
    /// §THREADS; observed: `l2_daemon`, `l3_nondaemon`.
    #[doc(alias = "threading.Thread.start")]
    pub fn thread_start(&self, thread: ThreadIndex, daemon: Daemon) -> Step<i32> {
        if self.eval()? != 0 {
            return Ok(-1);
        }
        if self.find_and_load(ModuleId::THREADING)? != 0 {
            return Ok(-1);
        }
        if !self.start_new_thread(thread, daemon)? {
            return Ok(-1);
        }
        self.wait_until_started(thread)?;
        self.eval()
    }

    /// `do_start_new_thread`: whether there is a thread.
    fn start_new_thread(&self, thread: ThreadIndex, daemon: Daemon) -> Step<bool> {
        let interpreter = self.interpreter_of(self.current())?;
        let handle = &self.runtime.thread_handles[thread.index()];
        if let Some(event) = self.runtime.profile.thread_start_event()
            && !self.audit(event)?
        {
            return Ok(false);
        }
        if self.start_is_refused(interpreter, daemon)?
            || handle.state.read() != HandleState::NotStarted
        {
            return Ok(false);
        }
        if daemon == Daemon::No {
            self.runtime
                .lists
                .lock()
                .add_shutdown_handle(interpreter, thread);
        }
        handle.state.write(HandleState::Starting);
        let whence = match daemon {
            Daemon::Yes if self.runtime.profile.prefinalization_is_repeated() => {
                Whence::ThreadingDaemon
            }
            Daemon::Yes | Daemon::No => Whence::Threading,
        };
        let made = self.create_thread_state(interpreter, whence)?;
        handle.thread_state.write(made);
        if !made.is_null() {
            handle.state.write(HandleState::Running);
            if !self.runtime.failures.takes_thread_start() && self.host.spawn(thread) {
                return Ok(true);
            }
            self.thread_state_clear(made)?;
            if self.runtime.profile.failed_start_deletes_the_state() {
                self.delete_thread_state(made, false)?;
            }
        }
        handle.state.write(HandleState::Done);
        self.runtime.lists.lock().remove_shutdown_handle(thread);
        Ok(false)
    }

    /// *can't create new thread at interpreter shutdown*, *thread is not supported for isolated subinterpreters*, *daemon
    /// threads are disabled in this (sub)interpreter*.
    fn start_is_refused(&self, interpreter: InterpreterHandle, daemon: Daemon) -> Step<bool> {
        let interpreter = self.interpreter(interpreter)?;
        let allowed = interpreter.threads_allowed.read()
            && (daemon == Daemon::No || interpreter.daemons_allowed.read());
        if !allowed {
            return Ok(true);
        }
        Ok(self.is_refused_at_finalization(interpreter))
    }

    /// Whether an interpreter is too far in its finalization for a new thread or a fork.
    pub(super) fn is_refused_at_finalization(&self, interpreter: &Interpreter) -> bool {
        match self.runtime.profile.start_refused() {
            StartRefused::Never => false,
            StartRefused::Announced => interpreter.finalizing.read(),
            StartRefused::Marked => !interpreter.finalizer.read().is_null(),
        }
    }

    /// `self._started.wait()`.
    fn wait_until_started(&self, thread: ThreadIndex) -> Step<()> {
        let handle = &self.runtime.thread_handles[thread.index()];
        let current = self.attached_or_crash()?;
        self.detach(current)?;
        handle.started.wait();
        if self.runtime.over().is_some() {
            return Err(Ended::ProcessOver);
        }
        self.attach(current)
    }

    /// What an OS thread made by `threading` runs: `body`, with the thread state that its starter made.
    ///
    /// # Errors
    ///
    /// Hang at finalization; what ended the thread in `body` or in a destructor; use after free up to 3.10. Source: contract
    /// §THREADS.
    pub fn python_thread(&self, body: impl FnOnce() -> Step<()>) -> Step<()> {
        let thread = current_thread();
        let handle = &self.runtime.thread_handles[thread.index()];
        let thread_state = handle.thread_state.read();
        let asks = self.runtime.profile.new_thread_asks_whether_it_is_late();
        if !asks || !self.must_leave(thread_state)? {
            self.bind_listed(thread_state)?;
            self.eval_acquire_thread(thread_state)?;
            handle.is_started.write(true);
            handle.started.set();
            // `_bootstrap_inner`: bytecode before and after `run`. An exception there is printed, and ends the thread.
            if self.eval()? == 0 {
                body()?;
                self.eval()?;
            }
            self.thread_state_clear(thread_state)?;
            if self.current() != thread_state {
                return Err(self.crash(Crash::NoThreadState));
            }
            self.thread_state_delete_current()?;
        }
        if self.runtime.profile.thread_end() == ThreadEnd::ThreadExits {
            self.runtime.lists.lock().remove_shutdown_handle(thread);
            handle.exit();
        }
        Ok(())
    }

    /// `release_sentinel`, up to 3.12: the lock of the thread whose state is at this end is released.
    pub(super) fn release_joiners(&self, tstate: ThreadStateHandle, end: ThreadEnd) {
        if self.runtime.profile.thread_end() != end {
            return;
        }
        for (index, handle) in self.runtime.thread_handles.iter().enumerate() {
            let made = handle.thread_state.read();
            if !made.is_null() && made == tstate {
                let thread = ThreadIndex::new(index);
                self.runtime.lists.lock().remove_shutdown_handle(thread);
                handle.exit();
            }
        }
    }

    /// `threading.Thread.join`: 0, or -1 if Python refuses or an exception ended it.
    ///
    /// Blocks, detached, until the thread is on its way out.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization; what ended the thread in a callback. Source: contract
    /// §THREADS.
    #[doc(alias = "threading.Thread.join")]
    pub fn thread_join(&self, thread: ThreadIndex) -> Step<i32> {
        if self.eval_pending_calls()? != 0 {
            return Ok(-1);
        }
        let joined = self.join_handle(thread)?;
        // Not even a join that is refused without a wait keeps the GIL all the time.
        let raised = self.eval()?;
        Ok(if joined == 0 { raised } else { -1 })
    }

    /// `ThreadHandle_join`: 0, or -1 if it raises.
    fn join_handle(&self, thread: ThreadIndex) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let handle = &self.runtime.thread_handles[thread.index()];
        match handle.state.read() {
            HandleState::NotStarted | HandleState::Starting => return Ok(-1),
            HandleState::Done => return Ok(0),
            HandleState::Running => {}
        }
        let is_exiting = handle.is_exiting.load(Ordering::Acquire);
        if !is_exiting {
            let refused =
                self.runtime.profile.join_refused_at_finalization() && self.is_finalizing()? != 0;
            if thread == current_thread() || refused {
                return Ok(-1);
            }
        }
        let lock_is_free =
            is_exiting && self.runtime.profile.thread_end() != ThreadEnd::ThreadExits;
        if !lock_is_free && self.wait_for_exit(current, handle)? != 0 {
            return Ok(-1);
        }
        handle.state.write(HandleState::Done);
        Ok(0)
    }

    /// Waits, detached, until the thread is on its way out; 0, or -1 if a signal that came meanwhile raised an exception.
    fn wait_for_exit(&self, current: ThreadStateHandle, handle: &ThreadHandle) -> Step<i32> {
        let scope = scope();
        let result = loop {
            scope.again(&());
            self.detach(current)?;
            let is_over = || handle.exiting.peek() || self.runtime.over().is_some();
            let interrupted = self.wait_or_signal(&is_over, || handle.exiting.wait());
            if self.runtime.over().is_some() {
                return Err(Ended::ProcessOver);
            }
            self.attach(current)?;
            if !interrupted {
                break 0;
            }
            if self.make_pending_calls()? != 0 {
                break -1;
            }
        };
        scope.end(&result);
        Ok(result)
    }

    /// §FINAL F4, `threading._shutdown`: joins every listed thread but this one; gives up if a join is refused, or if an
    /// exception ends it, which is printed. Whether the joins were not given up.
    pub(super) fn shut_down_threads(&self, interpreter: InterpreterHandle) -> Step<bool> {
        if self.eval_pending_calls()? != 0 {
            // It had not begun, and begins again where finalization does.
            return Ok(true);
        }
        let mut waited = true;
        let scope = scope();
        loop {
            scope.again(&());
            let listed = self
                .runtime
                .lists
                .lock()
                .first_shutdown_handle(interpreter, current_thread());
            let Some(thread) = listed else { break };
            if self.join_handle(thread)? != 0 {
                waited = false;
                break;
            }
        }
        scope.end(&waited);
        self.join_importer(interpreter)?;
        let _printed = self.eval()?;
        Ok(waited)
    }
}
