//! Running the program of an interpreter, its `__main__`, and destroying interpreters: `Py_RunMain`, and Python's module
//! `interpreters`.
//!
//! CPython: `Modules/main.c` (`Py_RunMain`, `Py_BytesMain`); `Modules/_interpretersmodule.c` (`interp_exec`, `interp_destroy`), `Python/crossinterp.c` (`_PyXI_Enter`,
//! `_PyXI_Exit`, `_PyXI_EndInterpreter`), `Python/pystate.c` (`_PyInterpreterState_SetRunningMain`); the module from 3.13 on.
//!
//! # States
//!
//! | `threads.main` | meaning | who may change it |
//! | --- | --- | --- |
//! | clear | nobody runs the interpreter's `__main__` | who comes to run it |
//! | set | a thread runs it | that thread |
//!
//! # Protocol
//!
//! Run: N1 is the interpreter in the list? · N2 a thread state of it, bound to this thread (none, if one is current) · N3
//! swap to it · N4 `threads.main`: set, or refused because it is · N5 the code, between two boundaries of bytecode · N6 clear
//! it · N7 clear the thread state, swap back, delete it.
//!
//! `Py_RunMain`: N4 to N6 with the attached thread state, then finalization.
//!
//! Destroy: D1 is it in the list? · D2 refused if it is the current one · D3 refused if it is the main one, or runs · D4 a
//! thread state of it, bound · D5 swap to it · D6 [`Caller::end_interpreter`] · D7 swap back.
//!
//! The race (gh-127041): A has looked (D3) and gives the GIL up to swap (D5), or never shared one. B enters (N3) and runs. A
//! ends the interpreter under it: fatal *not the last thread* up to 3.13, since 3.14 B is cut off, and hangs at its next
//! attach. A destroyer that takes `threads.main` for itself before it lets go of the GIL would not lose this race.
//!
//! Differs: N1 and D1 look for the interpreter itself, where CPython looks for its id; whether a script is well-formed, and what
//! it shares, is nobody's business here.
//!
//! # Invariants
//!
//! S39 NoSubsAtFlag, L13 EndInterpreterReturns (violated: who ends the interpreter waits for a thread that is parked).
//!
//! # Memory order
//!
//! `threads.main` is relaxed: under a shared GIL it needs no more, and with own GILs it protects nothing (D3).
//!
//! # Lock order
//!
//! HEAD_LOCK is a leaf.
//!
//! # Outcomes
//!
//! Fatal *not the last thread* (3.13); hang of who runs (3.14 and newer); use after free of the interpreter.
//!
//! # Checked by
//!
//! `scenarios/subinterpreter/destroy-*`.

use super::arena::Whence;
use super::audit::AuditEvent;
use super::callback::Callback;
use super::configure::Config;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::Step;
use super::state::Caller;
use crate::sync::Ordering;

/// What a function of Python's returns that raised.
const RAISED: i32 = -1;
/// The exit code of a program whose finalization failed.
const FINALIZATION_FAILED: i32 = 120;

impl Caller<'_> {
    /// Runs a callback as the program of an interpreter, on this thread: 0, or -1 if it is gone, runs already, or the
    /// callback fails.
    ///
    /// Blocks while another thread holds the GIL of that interpreter, and then of the caller's.
    ///
    /// # Errors
    ///
    /// What ended the thread, or the process, in a callback. Source: the C sources named in the module's head.
    #[doc(alias = "_interpreters.exec")]
    pub fn interpreters_run(&self, interpreter: InterpreterHandle, program: Callback) -> Step<i32> {
        let former = self.attached_or_crash()?;
        if !self.runtime.lists.lock().is_listed(interpreter) {
            return Ok(RAISED);
        }
        let entered = if self.interpreter_of(former)? == interpreter {
            former
        } else {
            self.enter_interpreter(interpreter, Whence::Exec)?
        };
        if entered.is_null() {
            return Ok(RAISED);
        }
        let running = &self.interpreter(interpreter)?.running;
        let result = if running.load(Ordering::Relaxed) {
            RAISED
        } else {
            running.store(true, Ordering::Relaxed);
            let result = self.run_program(program)?;
            self.interpreter(interpreter)?
                .running
                .store(false, Ordering::Relaxed);
            result
        };
        if entered != former {
            self.leave_interpreter(entered, former)?;
        }
        Ok(result)
    }

    /// Ends another interpreter: 0, or -1 if it is gone, the current one, the main one, or runs.
    ///
    /// Blocks as [`Caller::end_interpreter`] and while another thread holds the GIL of the caller's interpreter.
    ///
    /// # Errors
    ///
    /// As [`Caller::end_interpreter`]. Source: the C sources named in the module's head; gh-127041.
    #[doc(alias = "_interpreters.destroy")]
    pub fn interpreters_destroy(&self, interpreter: InterpreterHandle) -> Step<i32> {
        let former = self.attached_or_crash()?;
        if !self.runtime.lists.lock().is_listed(interpreter)
            || interpreter == self.interpreter_of(former)?
            || interpreter == InterpreterHandle::MAIN
            || self
                .interpreter(interpreter)?
                .running
                .load(Ordering::Relaxed)
        {
            return Ok(RAISED);
        }
        if !self.interpreter(interpreter)?.complete.read() {
            // `PyInterpreterState_New` alone made it: nothing in it can be cleared.
            self.interpreter_state_delete(interpreter)?;
            return Ok(0);
        }
        let entered = self.enter_interpreter(interpreter, Whence::Fini)?;
        if entered.is_null() {
            return Err(self.crash(super::outcome::Crash::Other));
        }
        self.end_interpreter(entered)?;
        self.thread_state_swap(former)?;
        Ok(0)
    }

    /// Runs the main program, then finalizes whatever came of it: the exit code, 1 if the program failed, another thread runs one or
    /// an audit hook refuses it, 120 if finalization failed.
    ///
    /// Blocks as [`Caller::finalize_ex`].
    ///
    /// # Errors
    ///
    /// A crash in a thread that is not attached; as [`Caller::finalize_ex`]. Source: contract 2.2.
    #[doc(alias = "Py_RunMain")]
    pub fn run_main(&self) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        let running = &self.interpreter(interpreter)?.running;
        let failed = running.load(Ordering::Relaxed) || {
            running.store(true, Ordering::Relaxed);
            let result = if self.audit(AuditEvent::RunStdin)? {
                self.run_program(self.runtime.main_hook.read())?
            } else {
                RAISED
            };
            running.store(false, Ordering::Relaxed);
            result != 0
        };
        let finalized = self.finalize_ex()?;
        Ok(if finalized < 0 {
            FINALIZATION_FAILED
        } else {
            i32::from(failed)
        })
    }

    /// Initializes from arguments, then [`Caller::run_main`].
    ///
    /// # Errors
    ///
    /// The process is over if initialization fails; as [`Caller::run_main`]. Source: contract 2.2.
    #[doc(alias = "Py_Main")]
    #[doc(alias = "Py_BytesMain")]
    pub fn main(&self) -> Step<i32> {
        self.initialize_from_config(Some(&Config::python()))?
            .map_err(|error| self.status(error))?;
        self.run_main()
    }

    /// Registers what [`Caller::run_main`] runs.
    ///
    /// # Errors
    ///
    /// None.
    pub fn at_main(&self, program: Callback) -> Step<()> {
        self.runtime.main_hook.write(program);
        Ok(())
    }

    /// A thread state of the interpreter, bound to this thread and attached; null without memory.
    pub(super) fn enter_interpreter(
        &self,
        interpreter: InterpreterHandle,
        whence: Whence,
    ) -> Step<ThreadStateHandle> {
        let made = self.create_thread_state(interpreter, whence)?;
        if !made.is_null() {
            self.bind_listed(made)?;
            self.thread_state_swap(made)?;
        }
        Ok(made)
    }

    /// Undoes [`Caller::enter_interpreter`]: `former` was attached before.
    pub(super) fn leave_interpreter(
        &self,
        entered: ThreadStateHandle,
        former: ThreadStateHandle,
    ) -> Step<()> {
        self.thread_state_clear(entered)?;
        self.thread_state_swap(former)?;
        self.thread_state_delete(entered)
    }

    /// N5.
    fn run_program(&self, program: Callback) -> Step<i32> {
        if self.eval()? != 0 || self.run(program)? != 0 {
            return Ok(RAISED);
        }
        self.eval()
    }
}
