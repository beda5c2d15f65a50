//! Initialization, as named stages.
//!
//! CPython: `Python/pylifecycle.c` (`Py_InitializeFromConfig`, `pyinit_core`, `pyinit_main`); 3.8 to 3.15.
//!
//! # States
//!
//! [`super::Stage`]: how far the latest initialization has come; the initializer alone moves it.
//!
//! # Protocol
//!
//! The stages run in order. One that fails leaves everything as the stages before it made it: `Py_Initialize` ends the
//! process, `Py_InitializeFromConfig` returns the error. If the core was there it fails again when it is called again: the
//! exception that the stage left behind is still set (observed: 3.8.18, 3.11.7, 3.13.0). No lock keeps a second initializer out: two at once are undefined behaviour (U32), found
//! here by one exchange. From the stage of `encodings` on, which reads files, the GIL is given up now and then: who waits for it, with a
//! thread state of the half-made interpreter, runs in between. Up to 3.14 `initialized` turns 1 before `site` is imported, so a polling thread can get in; since
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
//! A crash for two initializers; the text of a stage that failed, with status 1; the fatal errors of a life that is not over.
//!
//! # Checked by
//!
//! `tests/pipeline.rs`.

use super::arena::Whence;
use super::callback::Callback;
use super::configure::{Config, ConfigField};
use super::differences::{Creation, PendingCallsOf};
use super::finalize::Phase;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::interpreter::GilPointer;
use super::outcome::{Crash, StatusError, Step};
use super::pending_queue::QueueLife;
use super::stage::Stage;
use super::state::Caller;
use crate::sync::{Ordering, Word, current_thread, is_alone};

impl Caller<'_> {
    /// Initializes the runtime and attaches the caller; nothing if it is initialized.
    ///
    /// # Errors
    ///
    /// The process is over if a stage fails. A crash if another thread initializes at the same time; what ended the thread
    /// in the site hook. Source: contract 2.2, §INIT.
    #[doc(alias = "Py_Initialize")]
    pub fn initialize(&self) -> Step<()> {
        self.initialize_ex(true)
    }

    /// The same, with handlers of signals or without.
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(alias = "Py_InitializeEx")]
    pub fn initialize_ex(&self, installs_signal_handlers: bool) -> Step<()> {
        if self.runtime.initialized.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.runtime.signals.will_install(installs_signal_handlers);
        self.run_stages_or_configure(None)?
            .map_err(|error| self.status(error))
    }

    /// As [`Caller::initialize`], from a configuration, or from none; behind the core only if that says so.
    ///
    /// # Errors
    ///
    /// As there, but a stage that fails is an error in the status. Source: contract 2.2.
    #[doc(alias = "Py_InitializeFromConfig")]
    pub fn initialize_from_config(&self, config: Option<&Config>) -> Step<Result<(), StatusError>> {
        let Some(config) = config else {
            return Ok(Err(StatusError::NoConfig));
        };
        let installs = config.value(ConfigField::InstallSignalHandlers) != 0;
        self.runtime.signals.will_install(installs);
        self.run_stages_or_configure(Some(config))
    }

    /// Goes on with an initialization that stopped behind its core; nothing in a runtime that is initialized.
    ///
    /// # Errors
    ///
    /// A crash in a thread that is not attached. Source: contract 2.2, §INIT; observed: 3.8.18 to 3.13.0, 3.15.2.
    #[doc(alias = "_Py_InitializeMain")]
    pub fn initialize_main(&self) -> Step<Result<(), StatusError>> {
        self.attached_or_crash()?;
        if self.runtime.initialized.load(Ordering::Relaxed) {
            return Ok(Ok(()));
        }
        self.run_stages_or_configure(Some(&Config::python()))
    }

    /// All stages, as configured or as the flags say. Where the core is there already the runtime is configured again. But if
    /// a stage behind the core failed, the exception that it left behind fails the next one that looks.
    fn run_stages_or_configure(&self, config: Option<&Config>) -> Step<Result<(), StatusError>> {
        if self.runtime.initializing.swap(true, Ordering::AcqRel) {
            return Err(self.crash(Crash::Other));
        }
        let stops = config.is_some_and(Config::stops_behind_the_core);
        let result = if !self.runtime.core_initialized.read() {
            self.run_stages(Stage::NotStarted, config)?
        } else if self.current().is_null() {
            Err(StatusError::NoThreadState)
        } else if self.runtime.initialized.load(Ordering::Relaxed) || stops {
            Ok(())
        } else if self.runtime.configuration.takes_core_only() {
            self.run_stages(Stage::Core, config)?
        } else {
            Err(StatusError::Stage(Stage::UpdateConfig))
        };
        self.runtime.initializing.store(false, Ordering::Release);
        Ok(result)
    }

    /// The stages behind `last`.
    fn run_stages(&self, last: Stage, config: Option<&Config>) -> Step<Result<(), StatusError>> {
        for &stage in Stage::ALL.iter().filter(|&&stage| stage > last) {
            self.runtime.stage.write(stage);
            if self.stage_fails(stage, Creation::Main) || !self.enter_stage(stage, config)? {
                return Ok(Err(StatusError::Stage(stage)));
            }
            if stage == Stage::Core && config.is_some_and(Config::stops_behind_the_core) {
                break;
            }
        }
        Ok(Ok(()))
    }

    /// Whether the program asked for this failure.
    pub(super) fn stage_fails(&self, stage: Stage, creation: Creation) -> bool {
        self.runtime.profile.runs_stage(stage, creation) && self.runtime.failures.takes_stage(stage)
    }

    /// What a stage does here; whether it succeeded.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other stages concern nothing that is modelled"
    )]
    fn enter_stage(&self, stage: Stage, config: Option<&Config>) -> Step<bool> {
        match stage {
            Stage::Runtime => self.initialize_runtime(),
            Stage::Configure => {
                let configuration = &self.runtime.configuration;
                let config = config.copied();
                configuration.apply(config.unwrap_or_else(|| configuration.of_flags()));
            }
            Stage::Reset => self.reset()?,
            Stage::MainInterpreter => self.create_main_interpreter()?,
            Stage::FirstThreadState => return self.create_main_thread_state(),
            Stage::Gil => self.create_main_gil()?,
            Stage::Core => {
                self.runtime.core_initialized.write(true);
                self.interpreter(InterpreterHandle::MAIN)?
                    .complete
                    .write(true);
            }
            Stage::Encodings => self.read_encodings()?,
            Stage::Main => {
                debug_assert!(
                    self.runtime.core_initialized.peek(),
                    "S38: core before main"
                );
                if !self.runtime.profile.initialized_after_site() {
                    self.runtime.initialized.store(true, Ordering::Relaxed);
                }
            }
            Stage::Signals => self.runtime.signals.install(),
            Stage::Site => self.import_site()?,
            Stage::Done if self.runtime.profile.initialized_after_site() => {
                self.runtime.initialized.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        Ok(true)
    }

    /// I4. A main interpreter that was given out before (P15) is not expected here.
    fn reset(&self) -> Step<()> {
        self.begin_life()?;
        self.runtime
            .finalizing
            .store(ThreadStateHandle::NULL.to_word(), Ordering::Relaxed);
        self.runtime.phase.write(Phase::NotStarted);
        self.runtime.lists.lock().reset();
        Ok(())
    }

    /// I1: the runtime as it was before it was ever used, for this thread.
    pub(super) fn initialize_runtime(&self) {
        let runtime = self.runtime;
        if runtime.runtime_initialized.read() {
            return;
        }
        runtime.runtime_initialized.write(true);
        self.forget_last_life();
        self.forget_ref_tracer();
        runtime.main_thread.write(current_thread());
        if runtime.used.read() {
            // Emptied, or copied from what it was at first: nothing is being finalized, and before there are slots.
            let null = ThreadStateHandle::NULL;
            runtime.finalizing.store(null.to_word(), Ordering::Relaxed);
            runtime.main_thread_state.write(null);
        }
        runtime.pending_main.reset();
        if runtime.profile.pending_calls_of() == PendingCallsOf::Runtime {
            // Its lock comes later, when there are threads.
            runtime.pending_main.set_life(QueueLife::Closed);
        } else {
            self.open_queue(&runtime.pending_main);
        }
        runtime.check_enabled.write(true);
        runtime.others_made.write(false);
        if !runtime.profile.slots_outlive_the_runtime() {
            for value in &runtime.tss {
                value.write(ThreadStateHandle::NULL);
            }
        }
        if !runtime.profile.slots_come_with_the_main_interpreter() {
            runtime.tss_created.store(true, Ordering::Relaxed);
        }
    }

    /// I5.
    fn create_main_interpreter(&self) -> Step<()> {
        let main = InterpreterHandle::MAIN;
        let interpreter = self.interpreter(main)?;
        interpreter.renew();
        let one_queue = self.runtime.profile.pending_calls_of() == PendingCallsOf::Runtime;
        self.open_queue(if one_queue {
            &self.runtime.pending_main
        } else {
            &interpreter.pending
        });
        interpreter.importer.reset();
        self.renew_main();
        self.free_embedded(main)?;
        self.runtime.lists.lock().insert_interpreter(main);
        if !self.runtime.profile.slots_come_with_the_gil() {
            self.remember_main_interpreter();
            if self.runtime.profile.slots_come_with_the_main_interpreter() {
                self.runtime.tss_created.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// `autoInterpreterState`: where Ensure makes thread states.
    fn remember_main_interpreter(&self) {
        let main = InterpreterHandle::MAIN.to_word();
        self.runtime.auto_interpreter.store(main, Ordering::Relaxed);
    }

    /// I6; whether there was memory.
    fn create_main_thread_state(&self) -> Step<bool> {
        let made = self.create_thread_state(InterpreterHandle::MAIN, Whence::Init)?;
        if made.is_null() {
            return Ok(false);
        }
        self.runtime.main_thread_state.write(made);
        self.bind_thread_state(made)?;
        Ok(true)
    }

    /// I7.
    fn create_main_gil(&self) -> Step<()> {
        let mut first = self.runtime.main_thread_state.read();
        let profile = self.runtime.profile;
        if profile.current_is_of_process() {
            // `PyThreadState_Swap`, which takes no GIL.
            let current = &self.runtime.current_of_process;
            current.store(first.to_word(), Ordering::Relaxed);
        }
        if profile.slots_come_with_the_gil() {
            // `_PyGILState_Init`, then `PyEval_InitThreads` for the thread state that is current.
            self.remember_main_interpreter();
            self.runtime.tss_created.store(true, Ordering::Relaxed);
            first = self.current();
        }
        let interpreter = self.interpreter(InterpreterHandle::MAIN)?;
        if interpreter.gil_own.is_held() && !interpreter.gil_own.is_holder(current_thread()) {
            // A thread of the last life, which came when that was over: now there are two.
            self.runtime.corrupted.write(true);
        }
        interpreter.gil_own.create();
        interpreter.gil.write(GilPointer::Own);
        if profile.current_is_of_process() {
            self.attach_current(first)
        } else {
            self.attach(first)
        }
    }

    /// I9: files are read with the GIL given up, which makes a difference only if there is somebody to take it.
    fn read_encodings(&self) -> Step<()> {
        if is_alone() {
            return Ok(());
        }
        let current = self.eval_save_thread()?;
        self.eval_restore_thread(current)
    }

    /// I9: files are read with the GIL given up, then the hook runs. Nothing, unless something hangs on it.
    fn import_site(&self) -> Step<()> {
        let hook = self.runtime.site_hook.read();
        if hook.id().is_none() || !self.runtime.configuration.imports_site() {
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
