//! Sub-interpreters: made, ended, and ended by finalization.
//!
//! CPython: `Python/pylifecycle.c` (`new_interpreter`, `Py_EndInterpreter`, `finalize_subinterpreters`); 3.8 to 3.15.
//!
//! # States
//!
//! | state of a slot | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | not listed | no interpreter | HEAD_LOCK |
//! | listed, no GIL | it is being made, or could not be | the creator |
//! | listed, a GIL | threads may attach | the holder of that GIL |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | not listed → listed, no GIL | [`Caller::new_interpreter`], W3 | any thread | HEAD_LOCK |
//! | listed, no GIL → listed, a GIL | W11 | the creator | – |
//! | listed → not listed | [`Caller::end_interpreter`], Z11; a configuration that is refused | its last thread; the creator | HEAD_LOCK |
//!
//! # Protocol
//!
//! New, since 3.12: W1 is the runtime initialized? · W2 `PyGILState_Check` is disabled for good · W3 audit, the interpreter ·
//! W5 detach · W6 to W9 the configuration, is it legal?, the allocator · W10 a thread state, bound · W11 the GIL, its own or
//! the main one's: attach · W12 the stages of the core and of the main part; since 3.13 with visits to the main interpreter,
//! whose GIL is waited for even by who gets one of its own ([`super::import`]). Between W5 and W11 the caller is nobody. A
//! stage that fails ends with the interpreter deleted, or ended if it has a thread state, and the former thread state
//! attached again. But: W3 has it attached twice; W8 undoes nothing; in 3.12, up to W11, it is current again without the GIL.
//!
//! Up to 3.11 the new thread state is swapped in with the one GIL kept, whoever holds it; then come the stages. Modules are
//! imported from files: the GIL is given up and taken again, which is fatal where nobody held it. A stage that fails ends
//! the process: by its status, and in 3.9 by deleting the thread state that is current.
//!
//! End: Z1 fatal unless current · Z2 announced · Z3 threads joined · Z4 pending calls (since 3.12) · Z5 atexit · Z7 the mark
//! (since 3.12) · Z8 the others cut off (since 3.14; before, fatal if there are any) · Z9, Z10 as §FINAL F18 to F26 · Z11 as
//! F30. Since 3.15 Z3 to Z5 go on until nothing new came up. The caller has no thread state then; up to 3.11 it keeps the
//! GIL.
//!
//! A thread state on the heap lives until its thread gives it up; the embedded first one goes with its interpreter, whoever
//! still refers to it (P54), and so does a GIL of its own, whoever waits for it.
//!
//! Differs: only [`super::INTERPRETERS_MAX`] exist at once; one more is what C does without memory.
//!
//! # Invariants
//!
//! S7 SharedGilIdentity, S15 InterpListWellFormed, S39 NoSubsAtFlag, S71 FailedNewInterpNoTrace, L13 EndInterpreterReturns.
//!
//! # Lock order
//!
//! HEAD_LOCK is a leaf.
//!
//! # Outcomes
//!
//! Fatal *thread is not current*, *thread still has a frame*, *not the last thread*, *Py_Initialize must be called first*; deadlock of the next attach
//! up to 3.11; use after free of embedded thread states.
//!
//! # Checked by
//!
//! `tests/releases.rs`, `scenarios/subinterpreter`.

use super::allocation::Memory;
use super::arena::{AttachState, EMBEDDED_FIRST, Whence};
use super::audit::AuditEvent;
use super::differences::{Creation, HalfMade, NoInterpreter, SubInterpretersEnd};
use super::finalize::Ending;
use super::handle::{InterpreterHandle, ThreadStateHandle, next_generation};
use super::interpreter::GilPointer;
use super::outcome::{Fatal, StatusError, Step};
use super::stage::Stage;
use super::state::Caller;
use crate::sync::{Ordering, scope};

/// How a sub-interpreter is made.
#[doc(alias = "PyInterpreterConfig")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterpreterConfig {
    /// Share the main interpreter's allocator.
    pub use_main_obmalloc: i64,
    /// Allow `os.fork()`.
    pub allow_fork: i64,
    /// Allow `os.exec*()`.
    pub allow_exec: i64,
    /// Allow threads.
    pub allow_threads: i64,
    /// Allow daemon threads.
    pub allow_daemon_threads: i64,
    /// Refuse extensions for one interpreter only.
    pub check_multi_interp_extensions: i64,
    /// Which GIL: 0 and 1 share the main interpreter's, 2 has its own.
    pub gil: i64,
}

impl InterpreterConfig {
    /// That of `Py_NewInterpreter`.
    #[doc(alias = "_PyInterpreterConfig_LEGACY_INIT")]
    pub const LEGACY: Self = Self {
        use_main_obmalloc: 1,
        allow_fork: 1,
        allow_exec: 1,
        allow_threads: 1,
        allow_daemon_threads: 1,
        check_multi_interp_extensions: 0,
        gil: 1,
    };

    /// `init_interp_settings`, W7.
    fn error(&self) -> Option<StatusError> {
        if self.use_main_obmalloc == 0 && self.check_multi_interp_extensions == 0 {
            Some(StatusError::Obmalloc)
        } else if !(0..=2).contains(&self.gil) {
            Some(StatusError::Gil)
        } else {
            None
        }
    }
}

/// What [`Caller::new_interpreter_from_config`] gives: the new thread state, null without memory up to 3.12; or an error.
type Made = Result<ThreadStateHandle, StatusError>;

impl Caller<'_> {
    /// Makes a sub-interpreter that shares the GIL and attaches its first thread state, in place of the caller's.
    ///
    /// Blocks while another thread holds the GIL.
    ///
    /// # Errors
    ///
    /// Fatal before initialization, and up to 3.11 if nobody holds the GIL; a crash beside its holder. Source: contract 2.10,
    /// §NEWINT, §A38; observed: `g11_newinterp_before_init`, `g15_newinterp_detached`.
    #[doc(alias = "Py_NewInterpreter")]
    pub fn new_interpreter(&self) -> Step<ThreadStateHandle> {
        self.new_interpreter_from_config(&InterpreterConfig::LEGACY)?
            .map_err(|error| self.status(error))
    }

    /// As [`Caller::new_interpreter`], configured.
    ///
    /// Blocks while another thread holds the GIL that is shared, or taken again.
    ///
    /// # Errors
    ///
    /// As [`Caller::new_interpreter`], but an error status before initialization. Source: contract 2.10, §NEWINT, P04.
    #[doc(alias = "Py_NewInterpreterFromConfig")]
    pub fn new_interpreter_from_config(&self, config: &InterpreterConfig) -> Step<Made> {
        if !self.runtime.initialized.load(Ordering::Relaxed) {
            return Ok(Err(StatusError::InitializeFirst));
        }
        self.runtime.check_enabled.write(false);
        let interpreter = match self.make_interpreter()? {
            Ok(interpreter) => interpreter,
            Err(error) => return self.without_interpreter(error),
        };
        if self.runtime.profile.swap_takes_gil() {
            self.attach_new(interpreter, config)
        } else {
            self.swap_in_new(interpreter)
        }
    }

    /// W3: an interpreter at the head of the list, without GIL and thread state, unless a hook refuses or there is no memory.
    pub(super) fn make_interpreter(&self) -> Step<Result<InterpreterHandle, StatusError>> {
        if !self.audit(AuditEvent::InterpreterNew)? {
            return Ok(Err(StatusError::Audit));
        }
        let id_first = self.runtime.profile.id_comes_before_memory();
        if !id_first {
            self.allocate(Memory::Raw)?;
        } else if !self.runtime.profile.runtime_locks_detach() {
            // The lock of its pending calls.
            self.trace_raw_allocation()?;
        }
        let fails = self.stage_fails(Stage::MainInterpreter, Creation::Sub)
            || self.runtime.failures.takes_allocation();
        let mut lists = self.runtime.lists.lock();
        if id_first {
            self.allocate(Memory::Raw)?;
        }
        let Some(slot) = lists.unused_interpreter().filter(|_| !fails) else {
            if id_first {
                lists.use_up_interpreter_id();
            }
            drop(lists);
            return Ok(Err(StatusError::Stage(Stage::MainInterpreter)));
        };
        let interpreter = &self.runtime.interpreters[slot];
        interpreter.renew();
        if !self.runtime.profile.swap_takes_gil() {
            // There is one GIL.
            interpreter.gil.write(GilPointer::Main);
        }
        let handle = InterpreterHandle::new(slot, interpreter.generation.read());
        lists.insert_interpreter(handle);
        self.runtime.others_made.write(true);
        drop(lists);
        self.open_queue(&interpreter.pending);
        Ok(Ok(handle))
    }

    /// W3 failed.
    fn without_interpreter(&self, error: StatusError) -> Step<Made> {
        match self.runtime.profile.no_interpreter() {
            NoInterpreter::Null => Ok(Ok(ThreadStateHandle::NULL)),
            NoInterpreter::EndsProcess => Err(self.status(error)),
            NoInterpreter::AttachesTwice => {
                self.attach_saved(self.current())?;
                Ok(Err(error))
            }
        }
    }

    /// W5 to W13, since 3.12.
    fn attach_new(&self, interpreter: InterpreterHandle, config: &InterpreterConfig) -> Step<Made> {
        let profile = self.runtime.profile;
        if profile.thread_state_comes_first()
            && self.stage_fails(Stage::FirstThreadState, Creation::Sub)
        {
            self.delete_interpreter(interpreter)?;
            return Ok(Ok(ThreadStateHandle::NULL));
        }
        let saved = self.current();
        if !saved.is_null() {
            self.detach(saved)?;
        }
        for stage in [
            Stage::CopyConfig,
            Stage::Settings,
            Stage::ObjectState,
            Stage::Allocator,
        ] {
            let refused = (stage == Stage::Settings).then(|| config.error()).flatten();
            let error = self.stage_fails(stage, Creation::Sub);
            let error = refused.or(error.then_some(StatusError::Stage(stage)));
            let Some(error) = error else { continue };
            if stage != Stage::ObjectState {
                self.delete_interpreter(interpreter)?;
                self.attach_again(saved)?;
            }
            return Ok(Err(error));
        }
        let owner = self.interpreter(interpreter)?;
        owner.threads_allowed.write(config.allow_threads != 0);
        owner
            .daemons_allowed
            .write(config.allow_daemon_threads != 0);
        owner.fork_allowed.write(config.allow_fork != 0);
        let made = if !profile.thread_state_comes_first()
            && self.stage_fails(Stage::FirstThreadState, Creation::Sub)
        {
            ThreadStateHandle::NULL
        } else {
            self.create_thread_state(interpreter, Whence::Init)?
        };
        if made.is_null() {
            return self.without_thread_state(interpreter, saved);
        }
        self.bind_thread_state(made)?;
        if self.stage_fails(Stage::Gil, Creation::Sub) {
            self.delete_interpreter(interpreter)?;
            self.attach_again(saved)?;
            return Ok(Err(StatusError::Stage(Stage::Gil)));
        }
        if config.gil == 2 {
            owner.gil_own.create();
            owner.gil.write(GilPointer::Own);
        } else {
            owner.gil.write(GilPointer::Main);
        }
        self.attach(made)?;
        self.load_extensions(interpreter)?;
        match self.run_later_stages(made)? {
            None => {
                self.note_names(owner, config.use_main_obmalloc == 0);
                Ok(Ok(made))
            }
            Some(stage) => {
                self.undo_half_made(interpreter, made)?;
                self.attach_saved(saved)?;
                Ok(Err(StatusError::Stage(stage)))
            }
        }
    }

    /// W10 failed.
    fn without_thread_state(
        &self,
        interpreter: InterpreterHandle,
        saved: ThreadStateHandle,
    ) -> Step<Made> {
        self.delete_interpreter(interpreter)?;
        self.attach_saved(saved)?;
        if self.runtime.profile.thread_state_comes_first() {
            return Ok(Ok(ThreadStateHandle::NULL));
        }
        Ok(Err(StatusError::Stage(Stage::FirstThreadState)))
    }

    /// W12, with the new thread state attached: the stage that failed. Files are read from `encodings` on, with the GIL
    /// given up meanwhile.
    fn run_later_stages(&self, made: ThreadStateHandle) -> Step<Option<Stage>> {
        for &stage in Stage::ALL.iter().filter(|stage| **stage > Stage::Gil) {
            if stage == Stage::Encodings {
                self.attached_or_crash()?;
                self.detach(made)?;
                self.attach(made)?;
            }
            if self.stage_fails(stage, Creation::Sub) {
                return Ok(Some(stage));
            }
        }
        let interpreter = self.interpreter_of(made)?;
        self.interpreter(interpreter)?.complete.write(true);
        Ok(None)
    }

    /// WE with a thread state: nothing is left of the interpreter, and nothing is attached.
    fn undo_half_made(&self, interpreter: InterpreterHandle, made: ThreadStateHandle) -> Step<()> {
        if self.runtime.profile.half_made() == HalfMade::Ended {
            return self.end_interpreter(made);
        }
        self.thread_state_clear(made)?;
        self.delete_interpreter(interpreter)
    }

    /// WE, its end: the caller's former thread state, if there was one, is attached.
    fn attach_saved(&self, saved: ThreadStateHandle) -> Step<()> {
        if saved.is_null() {
            return Ok(());
        }
        self.attach(saved)
    }

    /// WE before there is a GIL: the caller's former thread state is current again, in 3.12 without the GIL.
    fn attach_again(&self, saved: ThreadStateHandle) -> Step<()> {
        if saved.is_null() || self.runtime.profile.refusal_takes_the_gil_back() {
            return self.attach_saved(saved);
        }
        self.runtime.corrupted.write(true);
        self.set_current(saved);
        self.thread_state(saved)?
            .set_by_owner(AttachState::Attached);
        Ok(())
    }

    /// Up to 3.11: the thread state is swapped in, whoever holds the GIL; then files are read.
    fn swap_in_new(&self, interpreter: InterpreterHandle) -> Step<Made> {
        let made = if self.stage_fails(Stage::FirstThreadState, Creation::Sub) {
            self.null_thread_state()?
        } else {
            self.create_thread_state(interpreter, Whence::Init)?
        };
        if made.is_null() {
            self.interpreter_state_delete(interpreter)?;
            return Ok(Ok(made));
        }
        self.bind_thread_state(made)?;
        let saved = self.swap_pointer(made)?;
        let early = [Stage::CopyConfig, Stage::Gil];
        let early = early
            .into_iter()
            .find(|stage| self.stage_fails(*stage, Creation::Sub));
        let failed = match early {
            Some(stage) => Some(stage),
            None => self.run_later_stages(made)?,
        };
        let Some(stage) = failed else {
            return Ok(Ok(made));
        };
        match self.runtime.profile.half_made() {
            HalfMade::DeletesCurrent => Err(self.fatal(Fatal::StillCurrent)),
            HalfMade::Stays if gives_no_reason(stage) => {
                self.thread_state_clear(made)?;
                self.swap_pointer(saved)?;
                self.delete_thread_state(made, false)?;
                self.delete_interpreter(interpreter)?;
                Ok(Ok(ThreadStateHandle::NULL))
            }
            HalfMade::Stays | HalfMade::Deleted | HalfMade::Ended => {
                Ok(Err(StatusError::Stage(stage)))
            }
        }
    }

    /// Ends the interpreter of the attached thread state, which the caller is left without.
    ///
    /// Blocks while non-daemon threads of the interpreter run and while other threads hold its GIL.
    ///
    /// # Errors
    ///
    /// Fatal unless the thread state is current, if it evaluates, and up to 3.13 if it is not the only one of its interpreter; what ended the
    /// thread in a callback; use after free. Source: contract 2.10, §ENDINT; observed: `g04_end_other_states`,
    /// `g10_end_main`, `g10_end_not_current`.
    #[doc(alias = "Py_EndInterpreter")]
    pub fn end_interpreter(&self, handle: ThreadStateHandle) -> Step<()> {
        let interpreter = self.interpreter_of(handle)?;
        if handle != self.current() {
            return Err(self.fatal(Fatal::EndNotCurrent));
        }
        self.attached_or_crash()?;
        if self.has_frame(handle)? {
            return Err(self.fatal(Fatal::StillHasFrame));
        }
        let ending = Ending {
            interpreter,
            finalizer: handle,
            whole: false,
        };
        self.prefinalize(ending)?;
        if self.runtime.profile.others_are_shut_down() {
            self.mark_interpreter(ending)?;
            self.cut_off_others(ending)?;
        } else {
            if !self.runtime.lists.lock().is_alone(interpreter, handle) {
                return Err(self.fatal(Fatal::NotTheLastThread));
            }
            if self.runtime.profile.swap_takes_gil() {
                self.mark_interpreter(ending)?;
            }
        }
        self.tear_down(ending)?;
        self.delete_interpreter(interpreter)
    }

    /// §FINAL F7: ends the sub-interpreters that are left, newest first, each with a thread state made for that.
    pub(super) fn end_sub_interpreters(&self) -> Step<()> {
        // Nobody has made one (W3). Differs: CPython looks at the list, under HEAD_LOCK.
        if !self.runtime.others_made.read() || self.newest_sub_interpreter().is_null() {
            return Ok(());
        }
        let finalizer = self.current();
        self.detach(finalizer)?;
        let scope = scope();
        loop {
            scope.again(&());
            let interpreter = self.newest_sub_interpreter();
            if interpreter.is_null() {
                break;
            }
            if self.runtime.profile.sub_interpreters_end() == SubInterpretersEnd::AfterModules {
                self.delete_newest(interpreter)?;
            }
            let made = self.create_thread_state(interpreter, Whence::Fini)?;
            if made.is_null() {
                return Err(self.fatal(Fatal::ThreadStateAllocation));
            }
            self.bind_thread_state(made)?;
            self.attach(made)?;
            self.end_interpreter(made)?;
        }
        scope.end(&());
        self.attach(finalizer)
    }

    fn newest_sub_interpreter(&self) -> InterpreterHandle {
        self.runtime.lists.lock().newest_sub_interpreter()
    }

    /// 3.13: the newest thread state is attached, cleared and deleted, whoever it belongs to.
    fn delete_newest(&self, interpreter: InterpreterHandle) -> Step<()> {
        let newest = self.runtime.lists.lock().threads_head(interpreter);
        if newest.is_null() {
            return Ok(());
        }
        self.attach(newest)?;
        self.thread_state_clear(newest)?;
        self.detach(newest)?;
        self.thread_state_delete(newest)
    }

    /// §ENDINT Z11, under HEAD_LOCK: the storage is given back, the embedded thread state with it, whatever its references
    /// say. The main interpreter's is static since 3.11; before, it is only doomed here.
    pub(super) fn free_interpreter(&self, handle: InterpreterHandle) {
        let Some(slot) = handle.slot() else {
            return;
        };
        let interpreter = &self.runtime.interpreters[slot];
        if handle == InterpreterHandle::MAIN {
            let is_static = self.runtime.profile.main_interpreter_is_static();
            interpreter.doomed.write(!is_static);
            return;
        }
        self.lose_names(interpreter);
        interpreter
            .generation
            .write(next_generation(handle.generation()));
        if !interpreter.preallocated.swap(true, Ordering::SeqCst) {
            let arena = &self.runtime.thread_states;
            let embedded = EMBEDDED_FIRST + slot;
            let _freed = arena.free(embedded, arena.slot(embedded).generation());
        }
    }
}

/// The stages of 3.8 that undo all that was made and return null: H in contract §A38.
fn gives_no_reason(stage: Stage) -> bool {
    matches!(stage, Stage::Builtins | Stage::Exception)
}
