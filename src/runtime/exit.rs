//! What runs at the end: Python's atexit, `PyUnstable_AtExit`, `Py_AtExit`, and `Py_Exit`.
//!
//! CPython: `Modules/atexitmodule.c`, `Python/pylifecycle.c` (`Py_AtExit`, `call_ll_exitfuncs`, `Py_Exit`); 3.14.
//!
//! # Protocol
//!
//! All are last in, first out. Python's run in F6, over a copy of the list: what they register is thrown away. They may
//! be Python code, with check points of the eval breaker, or not. Those of
//! `PyUnstable_AtExit` run in F25, attached, when threads and modules are gone. Those of `Py_AtExit` run in F31, with no
//! interpreter left, each without the lock.
//!
//! # Invariants
//!
//! S41 PhaseOrder.

use super::callback::Callback;
use super::handle::InterpreterHandle;
use super::interpreter::EXIT_CALLBACKS_MAX;
use super::outcome::{Crash, Fatal, Over, Step};
use super::state::Caller;
use crate::sync::{choose_usually, scope};

/// The status of a process whose finalization failed to flush.
const STATUS_FLUSH_FAILED: i32 = 120;

impl Caller<'_> {
    /// `atexit.register` in the current interpreter; 0, or -1 without memory.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state.
    #[doc(alias = "atexit.register")]
    pub fn exit_callback(&self, callback: Callback) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        let added = self.interpreter(interpreter)?.exit_callbacks.push(callback);
        Ok(if added { 0 } else { -1 })
    }

    /// Registers a callback that runs when an interpreter is cleared; 0, or -1 without memory.
    ///
    /// # Errors
    ///
    /// Fatal without an attached thread state; use after free. Source: contract 2.2.
    #[doc(alias = "PyUnstable_AtExit")]
    pub fn unstable_at_exit(
        &self,
        interpreter: InterpreterHandle,
        callback: Callback,
    ) -> Step<i32> {
        if self.current().is_null() {
            return Err(self.fatal(Fatal::AtExitNull));
        }
        let added = self
            .interpreter(interpreter)?
            .exit_callbacks_native
            .push(callback);
        Ok(if added { 0 } else { -1 })
    }

    /// Registers a callback that runs after everything else; 0, or -1 when 32 are registered. Between two lives of the
    /// runtime it is forgotten ([`super::life`]).
    ///
    /// # Errors
    ///
    /// In 3.12 a crash before initialization and after finalization. Source: contract 2.2.
    #[doc(alias = "Py_AtExit")]
    pub fn at_exit(&self, callback: Callback) -> Step<i32> {
        if self.runtime.profile.at_exit_needs_the_runtime()
            && !self.runtime.runtime_initialized.read()
        {
            return Err(self.crash(Crash::Other));
        }
        let lock = self.runtime.at_exit_mutex.lock();
        let added = self.runtime.at_exit.push(callback);
        drop(lock);
        Ok(if added { 0 } else { -1 })
    }

    /// Finalizes and ends the process with `status`.
    ///
    /// # Errors
    ///
    /// Always: the process is over, or finalization ended the thread. Source: contract 2.2.
    #[doc(alias = "Py_Exit")]
    pub fn exit(&self, status: i32) -> Step<()> {
        let status = if self.finalize_ex()? < 0 {
            STATUS_FLUSH_FAILED
        } else {
            status
        };
        Err(self.end_process(Over::Exit(status)))
    }

    /// §FINAL F6: Python's callbacks, over a copy of the list, which is empty afterwards.
    pub(super) fn run_exit_callbacks(&self, interpreter: InterpreterHandle) -> Step<()> {
        let stack = &self.interpreter(interpreter)?.exit_callbacks;
        let mut copy = [Callback::NONE; EXIT_CALLBACKS_MAX];
        let mut count = 0;
        while let Some(callback) = stack.pop() {
            copy[count] = callback;
            count += 1;
        }
        for &callback in copy[..count].iter().rev() {
            if !stack.push(callback) {
                break;
            }
        }
        for callback in &copy[..count] {
            self.eval_if_python()?;
            let _unraisable = self.run(*callback)?;
            self.eval_if_python()?;
        }
        stack.clear();
        Ok(())
    }

    /// A callback of Python's may be Python code, with check points before and after what it does, or a C function without.
    fn eval_if_python(&self) -> Step<()> {
        let scope = scope();
        if self.eval_is_asked()? && choose_usually(2, 0) == 1 {
            let _unraisable = self.eval()?;
        }
        scope.end(&());
        Ok(())
    }

    /// §FINAL F25: the interpreter's C callbacks.
    pub(super) fn run_exit_callbacks_native(&self, interpreter: InterpreterHandle) -> Step<()> {
        let stack = &self.interpreter(interpreter)?.exit_callbacks_native;
        while let Some(callback) = stack.pop() {
            let _ignored = self.run(callback)?;
        }
        Ok(())
    }

    /// §FINAL F31: `call_ll_exitfuncs`.
    pub(super) fn run_at_exit(&self) -> Step<()> {
        let scope = scope();
        loop {
            scope.again(&());
            let lock = self.runtime.at_exit_mutex.lock();
            let callback = self.runtime.at_exit.pop();
            drop(lock);
            let Some(callback) = callback else { break };
            let _ignored = self.run(callback)?;
        }
        scope.end(&());
        Ok(())
    }
}
