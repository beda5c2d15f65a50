//! Audit hooks: who adds them, and what tells them of an event.
//!
//! CPython: `Python/sysmodule.c` (`PySys_AddAuditHook`, `PySys_Audit`, `sys_audit_tstate`, `_PySys_ClearAuditHooks`); 3.8 to
//! 3.15.
//!
//! # States
//!
//! Hooks are added at the end and stay until finalization clears them; those added before initialization outlast it.
//!
//! # Protocol
//!
//! Adding one is an event itself: an older hook that refuses it has it left out, and the caller is told of no error. An
//! event runs the hooks in order, in the caller's interpreter, until one refuses; without an attached thread state it runs
//! none.
//!
//! Each [`AuditEvent`] names what raises it; a refusal fails that call, or is ignored where the call cannot fail. A program
//! raises events of its own ([`Caller::sys_audit`]).
//!
//! Differs: the exception of a refusal is always a `RuntimeError`; hooks of `sys.addaudithook` are not known; nor are the
//! arguments of an event, and the events of what Python's own modules do inside (imports of imports, `compile`, `open`).
//!
//! # Invariants
//!
//! *HooksInOrder*: the places with a hook come before those without one.
//!
//! # Lock order
//!
//! The lock is a leaf; events are read without it.

use super::callback::{Callback, CallbackId};
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{AtomicU64, Mutex, Ordering, Plain, Word};

/// Hooks that one process takes.
pub const AUDIT_HOOKS_MAX: usize = 4;

macro_rules! events {
    ($($(#[$doc:meta])+ $event:ident = $name:literal,)+) => {
        /// What hooks are told of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditEvent {
            $($(#[$doc])+ $event,)+
        }

        impl AuditEvent {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$event,)+];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }
        }
    };
}

events! {
    /// A hook is added.
    AddHook = "sys.addaudithook",
    /// An interpreter is made.
    InterpreterNew = "cpython.PyInterpreterState_New",
    /// An interpreter is cleared.
    InterpreterClear = "cpython.PyInterpreterState_Clear",
    /// Finalization clears the hooks.
    ClearHooks = "cpython._PySys_ClearAuditHooks",
    /// A profile function is set.
    SetProfile = "sys.setprofile",
    /// A trace function is set.
    SetTrace = "sys.settrace",
    /// `os.fork()`, before anything is locked.
    Fork = "os.fork",
    /// `sys._current_frames()`.
    CurrentFrames = "sys._current_frames",
    /// `Py_RunMain` runs what standard input holds, which is where a program comes from here.
    RunStdin = "cpython.run_stdin",
    /// A module is imported that is not there yet.
    Import = "import",
    /// `threading` starts a thread, in 3.12.
    StartNewThread = "_thread.start_new_thread",
    /// The same, since 3.13.
    StartJoinableThread = "_thread.start_joinable_thread",
}

/// The hooks of a process.
#[derive(Debug)]
pub(super) struct AuditHooks {
    /// Whether the program adds any. Rule: its set-up.
    used: Plain<bool>,
    lock: Mutex<()>,
    /// Callbacks as words, oldest first; [`Callback::NONE`] behind the last.
    hooks: [AtomicU64; AUDIT_HOOKS_MAX],
}

impl AuditHooks {
    pub(super) fn new() -> Self {
        Self {
            used: Plain::new("audit.used", false),
            lock: Mutex::new("audit.lock", ()),
            hooks: std::array::from_fn(|place| {
                AtomicU64::new(("audit.hook", place), Callback::NONE.to_word())
            }),
        }
    }

    /// In a forked child: a free lock.
    pub(super) fn renew_lock(&self) {
        self.lock.renew(|()| ());
    }

    /// A thread that is gone has the lock.
    pub(super) fn keep_lock(&self) {
        self.lock.hold();
    }

    pub(super) fn used(&self) {
        self.used.write(true);
    }
}

impl Caller<'_> {
    /// Adds an audit hook; 0, also if an older hook refuses it, or -1 without memory.
    ///
    /// # Errors
    ///
    /// What ended the thread in an older hook. Source: contract 2.7; observed: an older hook that refuses *sys.addaudithook*,
    /// 3.8.18 to 3.15.2.
    #[doc(alias = "PySys_AddAuditHook")]
    pub fn add_audit_hook(&self, hook: Callback) -> Step<i32> {
        if !self.audit(AuditEvent::AddHook)? {
            return Ok(0);
        }
        let hooks = &self.runtime.audit_hooks;
        let lock = hooks.lock.lock();
        let mut added = -1;
        for place in &hooks.hooks {
            if place.load(Ordering::SeqCst) == Callback::NONE.to_word() {
                place.store(hook.to_word(), Ordering::SeqCst);
                added = 0;
                break;
            }
        }
        drop(lock);
        Ok(added)
    }

    /// Tells the hooks of an event of the program's own, whose name the host knows by this word; 0, or -1 if one refuses.
    ///
    /// # Errors
    ///
    /// What ended the thread in a hook. Source: contract §A38, `PySys_Audit`; observed: without a thread state no hook is told.
    #[doc(alias = "PySys_Audit")]
    pub fn sys_audit(&self, event: u64) -> Step<i32> {
        let passed = self.tell_hooks(|hook| self.host.call(self, hook, event))?;
        Ok(if passed { 0 } else { -1 })
    }

    /// Tells the hooks of an event; whether none refused.
    pub(super) fn audit(&self, event: AuditEvent) -> Step<bool> {
        self.tell_hooks(|hook| self.host.audit(self, hook, event))
    }

    fn tell_hooks(&self, tell: impl Fn(CallbackId) -> Step<i32>) -> Step<bool> {
        let hooks = &self.runtime.audit_hooks;
        if !hooks.used.peek() {
            return Ok(true);
        }
        let current = self.current();
        if current.is_null() {
            return Ok(true);
        }
        for place in &hooks.hooks {
            let hook = Callback::from_word(place.load(Ordering::SeqCst));
            let Some(id) = hook.id() else { break };
            // Whose interpreter's hooks there are is read through it.
            self.live(current)?;
            if tell(id)? == -1 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `_PySys_ClearAuditHooks`: no hook is told of anything any more. A refusal changes nothing.
    pub(super) fn clear_audit_hooks(&self) -> Step<()> {
        let hooks = &self.runtime.audit_hooks;
        if !hooks.used.peek() {
            return Ok(());
        }
        let _ignored = self.audit(AuditEvent::ClearHooks)?;
        for place in &hooks.hooks {
            place.store(Callback::NONE.to_word(), Ordering::SeqCst);
        }
        Ok(())
    }
}
