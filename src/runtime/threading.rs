//! Threads made by `threading`: started by an attached thread, run with a state of their own, joined.
//!
//! CPython: `Modules/_threadmodule.c` (`do_start_new_thread`, `thread_run`, `ThreadHandle_join`, `thread_shutdown`);
//! 3.14.
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
//! Start: refused at finalization · non-daemon: listed for shutdown · a thread state is made, unbound · the OS thread.
//! Differs: the handle is running before the OS thread is created, so the thread need not wait for that; nobody can tell.
//! Run: must it hang? then skip to the exit, its reference leaked · bind, attach · the body · clear, delete · exit: not
//! listed any more, joiners go on. A thread that hangs never gets to its exit.
//! Join: refused at finalization unless the thread is on its way out · detach, wait, attach. Differs: one wait stands
//! for the wait for the exit and the join of the OS thread, which follows it at once.
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
//! Deadlock of a join; hang at finalization.

use super::arena::Whence;
use super::finalize::Phase;
use super::handle::ThreadStateHandle;
use super::outcome::{Crash, Step};
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
    is_exiting: AtomicBool,
    /// `thread_is_exiting`.
    exiting: Event,
}

impl ThreadHandle {
    pub(super) fn new(thread: usize) -> Self {
        Self {
            state: Plain::new(("thread_handle.state", thread), HandleState::NotStarted),
            thread_state: Plain::new(("thread_handle.tstate", thread), ThreadStateHandle::NULL),
            is_exiting: AtomicBool::new(("thread_handle.is_exiting", thread), false),
            exiting: Event::new(("thread_handle.exiting", thread)),
        }
    }

    /// The process is over: joiners find that out.
    pub(super) fn let_joiners_end(&self) {
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
    /// `import threading`, in the current interpreter.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state.
    pub fn import_threading(&self) -> Step<()> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        let interpreter = self.interpreter(interpreter)?;
        if !interpreter.threading_imported.read() {
            interpreter.threading_imported.write(true);
            if self.runtime.profile.importer_is_joined() {
                interpreter.importer.note(current);
            }
        }
        Ok(())
    }

    /// `threading.Thread.start`: 0, or -1 if Python refuses.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; what ended the thread in a destructor. Source: contract §THREADS.
    #[doc(alias = "threading.Thread.start")]
    pub fn thread_start(&self, thread: ThreadIndex, daemon: Daemon) -> Step<i32> {
        self.import_threading()?;
        let interpreter = self.interpreter_of(self.current())?;
        let handle = &self.runtime.thread_handles[thread.index()];
        let refused = !self.interpreter(interpreter)?.finalizer.read().is_null();
        if refused || handle.state.read() != HandleState::NotStarted {
            return Ok(-1);
        }
        if daemon == Daemon::No {
            self.runtime.lists.lock().add_shutdown_handle(thread);
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
            if self.host.spawn(thread) {
                return Ok(0);
            }
            self.thread_state_clear(made)?;
            self.delete_thread_state(made, false)?;
        }
        handle.state.write(HandleState::Done);
        self.runtime.lists.lock().remove_shutdown_handle(thread);
        Ok(-1)
    }

    /// What an OS thread made by `threading` runs: `body`, with the thread state that its starter made.
    ///
    /// # Errors
    ///
    /// Hang at finalization; what ended the thread in `body` or in a destructor. Source: contract §THREADS.
    pub fn python_thread(&self, body: impl FnOnce() -> Step<()>) -> Step<()> {
        let thread = current_thread();
        let handle = &self.runtime.thread_handles[thread.index()];
        let thread_state = handle.thread_state.read();
        if !self.must_leave(thread_state)? {
            self.bind_thread_state(thread_state)?;
            self.eval_acquire_thread(thread_state)?;
            body()?;
            self.thread_state_clear(thread_state)?;
            if self.current() != thread_state {
                return Err(self.crash(Crash::NoThreadState));
            }
            self.thread_state_delete_current()?;
        }
        self.runtime.lists.lock().remove_shutdown_handle(thread);
        handle.is_exiting.store(true, Ordering::Release);
        handle.exiting.set();
        Ok(())
    }

    /// `threading.Thread.join`: 0, or -1 if Python refuses.
    ///
    /// Blocks, detached, until the thread is on its way out.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization. Source: contract §THREADS.
    #[doc(alias = "threading.Thread.join")]
    pub fn thread_join(&self, thread: ThreadIndex) -> Step<i32> {
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
        self.detach(current)?;
        handle.exiting.wait();
        self.attach(current)?;
        handle.state.write(HandleState::Done);
        Ok(0)
    }

    /// §FINAL F4, `threading._shutdown`: joins every listed thread but this one; gives up if a join is refused.
    pub(super) fn shut_down_threads(&self) -> Step<()> {
        self.runtime.phase.write(Phase::JoinThreads);
        let scope = scope();
        loop {
            scope.again(&());
            let listed = self
                .runtime
                .lists
                .lock()
                .first_shutdown_handle(current_thread());
            let Some(thread) = listed else { break };
            if self.thread_join(thread)? != 0 {
                break;
            }
        }
        scope.end(&());
        self.join_importer()
    }
}
