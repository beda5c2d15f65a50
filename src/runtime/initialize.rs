//! Initialization, as named stages.
//!
//! CPython: `Python/pylifecycle.c` (`Py_InitializeFromConfig`, `pyinit_core`, `pyinit_main`); 3.8 to 3.15.
//!
//! # States
//!
//! [`Stage`]: how far the latest initialization has come; the initializer alone moves it.
//!
//! # Protocol
//!
//! The stages run in order. No lock keeps a second initializer out: two at once are undefined behaviour (U32), found
//! here by one exchange. Up to 3.14 `initialized` turns 1 before `site` is imported, so a polling thread can get in; since
//! 3.15 after it (gh-146302). What is left of a former life is in [`super::life`].
//!
//! # Invariants
//!
//! S38 InitLadder, S42 ReinitFresh.
//!
//! # Memory order
//!
//! `initialized` is stored relaxed: it orders nothing, as in 3.14.
//!
//! # Outcomes
//!
//! A crash for two initializers; fatal *can't make first thread*; those of a life that is not over.

use super::arena::Whence;
use super::callback::Callback;
use super::finalize::Phase;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::GilPointer;
use super::outcome::{Crash, Fatal, Step};
use super::state::Caller;
use crate::sync::{Ordering, Word, current_thread};

/// A stage of initialization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// No initialization has begun.
    NotStarted,
    /// I1: the runtime itself, once in each of its lives.
    Runtime,
    /// I2: pre-initialization.
    Preinitialize,
    /// I3: the configuration is read.
    Configure,
    /// I4: finalization is forgotten, interpreter ids begin again.
    Reset,
    /// I5: the main interpreter.
    MainInterpreter,
    /// I6: its first thread state.
    FirstThreadState,
    /// I7: the GIL, taken.
    Gil,
    /// I8: types, builtins, sys, the import core.
    Core,
    /// I9: everything else; `initialized` turns 1, up to 3.14.
    Main,
    /// I9, its end: `site` is imported.
    Site,
    /// All stages are done; `initialized` turns 1, since 3.15.
    Done,
}

super::handle::word_for_enum!(Stage {
    NotStarted,
    Runtime,
    Preinitialize,
    Configure,
    Reset,
    MainInterpreter,
    FirstThreadState,
    Gil,
    Core,
    Main,
    Site,
    Done,
});

impl Caller<'_> {
    /// Initializes the runtime and attaches the caller; nothing if it is initialized.
    ///
    /// # Errors
    ///
    /// A crash if another thread initializes at the same time; what ended the thread in the site hook. Source:
    /// contract 2.2, §INIT.
    #[doc(alias = "Py_Initialize")]
    #[doc(alias = "Py_InitializeEx")]
    pub fn initialize(&self) -> Step<()> {
        if self.runtime.initialized.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.runtime.initializing.swap(true, Ordering::AcqRel) {
            return Err(self.crash(Crash::Other));
        }
        for &stage in Stage::ALL {
            self.runtime.stage.write(stage);
            self.enter_stage(stage)?;
        }
        self.runtime.initializing.store(false, Ordering::Release);
        Ok(())
    }

    fn enter_stage(&self, stage: Stage) -> Step<()> {
        match stage {
            Stage::Runtime => {
                self.initialize_runtime();
                Ok(())
            }
            Stage::Reset => {
                self.begin_life()?;
                self.runtime
                    .finalizing
                    .store(ThreadStateHandle::NULL.to_word(), Ordering::Relaxed);
                self.runtime.phase.write(Phase::NotStarted);
                self.runtime.lists.lock().reset();
                Ok(())
            }
            Stage::MainInterpreter => self.create_main_interpreter(),
            Stage::FirstThreadState => self.create_main_thread_state(),
            Stage::Gil => self.create_main_gil(),
            Stage::Core => {
                self.runtime.core_initialized.write(true);
                Ok(())
            }
            Stage::Main => {
                debug_assert!(
                    self.runtime.core_initialized.peek(),
                    "S38: core before main"
                );
                if !self.runtime.profile.initialized_after_site() {
                    self.runtime.initialized.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Stage::Site => self.import_site(),
            Stage::Done => {
                if self.runtime.profile.initialized_after_site() {
                    self.runtime.initialized.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Stage::NotStarted | Stage::Preinitialize | Stage::Configure => Ok(()),
        }
    }

    /// I1: the runtime as it was before it was ever used, for this thread.
    fn initialize_runtime(&self) {
        let runtime = self.runtime;
        if runtime.runtime_initialized.read() {
            return;
        }
        runtime.runtime_initialized.write(true);
        self.forget_last_life();
        runtime.main_thread.write(current_thread());
        runtime.main_thread_state.write(ThreadStateHandle::NULL);
        runtime.pending_main.reset();
        self.open_queue(&runtime.pending_main);
        runtime.check_enabled.write(true);
        if !runtime.profile.slots_outlive_the_runtime() {
            for value in &runtime.tss {
                value.write(ThreadStateHandle::NULL);
            }
        }
        if !runtime.profile.slots_come_with_the_gil() {
            runtime.tss_created.store(true, Ordering::Relaxed);
        }
    }

    /// I5.
    fn create_main_interpreter(&self) -> Step<()> {
        let main = InterpreterHandle::MAIN;
        let interpreter = self.interpreter(main)?;
        interpreter.renew();
        self.open_queue(&interpreter.pending);
        interpreter.importer.reset();
        self.renew_main();
        self.free_embedded(main)?;
        self.runtime.lists.lock().insert_interpreter(main);
        if !self.runtime.profile.slots_come_with_the_gil() {
            self.remember_main_interpreter();
        }
        Ok(())
    }

    /// `autoInterpreterState`: where Ensure makes thread states.
    fn remember_main_interpreter(&self) {
        let main = InterpreterHandle::MAIN.to_word();
        self.runtime.auto_interpreter.store(main, Ordering::Relaxed);
    }

    /// I6.
    fn create_main_thread_state(&self) -> Step<()> {
        let made = self.create_thread_state(InterpreterHandle::MAIN, Whence::Init)?;
        if made.is_null() {
            return Err(self.fatal(Fatal::FirstThread));
        }
        self.runtime.main_thread_state.write(made);
        self.bind_thread_state(made)
    }

    /// I7.
    fn create_main_gil(&self) -> Step<()> {
        let first = self.runtime.main_thread_state.read();
        if self.runtime.profile.slots_come_with_the_gil() {
            // `PyThreadState_Swap`, which takes no GIL, then `_PyGILState_Init`.
            let word = first.to_word();
            self.runtime
                .current_of_process
                .store(word, Ordering::Relaxed);
            self.remember_main_interpreter();
            self.runtime.tss_created.store(true, Ordering::Relaxed);
        }
        let interpreter = self.interpreter(InterpreterHandle::MAIN)?;
        interpreter.gil_own.create();
        interpreter.gil.write(GilPointer::Own);
        self.attach(first)
    }

    /// I9: files are read with the GIL given up, then the hook runs. Nothing, unless something hangs on it.
    fn import_site(&self) -> Step<()> {
        let hook = self.runtime.site_hook.read();
        if hook.id().is_none() {
            return Ok(());
        }
        let current = self.eval_save_thread()?;
        self.eval_restore_thread(current)?;
        self.run(hook).map(drop)
    }

    /// Registers what the import of `site` runs.
    ///
    /// # Errors
    ///
    /// None.
    pub fn at_site(&self, callback: Callback) -> Step<()> {
        self.runtime.site_hook.write(callback);
        Ok(())
    }

    /// Whether the runtime is initialized. Source: contract 2.2.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "Py_IsInitialized")]
    pub fn is_initialized(&self) -> Step<i32> {
        Ok(i32::from(self.runtime.initialized.load(Ordering::Relaxed)))
    }

    /// Whether finalization has begun to bar other threads; stays 1 until the next initialization. Source: contract
    /// 2.2.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "Py_IsFinalizing")]
    #[doc(alias = "_Py_IsFinalizing")]
    pub fn is_finalizing(&self) -> Step<i32> {
        let finalizing =
            ThreadStateHandle::from_word(self.runtime.finalizing.load(Ordering::Relaxed));
        Ok(i32::from(!finalizing.is_null()))
    }
}
