//! `import NAME`: the lock of the module that is being imported, what an import gives up meanwhile, and where it goes.
//!
//! CPython: `Lib/importlib/_bootstrap.py` (`_ModuleLock`, `_find_and_load`), `Python/import.c` (`import_run_extension`,
//! `switch_to_main_interpreter`); 3.8 to 3.15.
//!
//! # States
//!
//! A module of one interpreter:
//!
//! | state | meaning | who owns the data in it |
//! | --- | --- | --- |
//! | unknown, not locked | nobody imports it | – |
//! | unknown, locked | a thread is importing it | that thread |
//! | known | it is in `sys.modules` | the holder of the GIL |
//!
//! # Protocol
//!
//! Import: bytecode · known? done · look for the module's lock, in bytecode under the import lock ([`super::import_lock`]) · lock
//! it: taken by this thread, the unfinished module is good enough;
//! taken by another, detach, wait until it is given back, attach, look again · in module teardown it raises · files are
//! read: detach, attach · since 3.13, in an interpreter that is not the main one: visit the main one (gh-117953) · known;
//! give the lock back · bytecode.
//!
//! Visit: an extension module's init function runs in the main interpreter, with a thread state made for that, which is
//! swapped in and out: so the GIL of the main interpreter is waited for, also by a thread whose interpreter has its own. A
//! new interpreter imports some of them before its first thread state is given out.
//!
//! Who is ended or parked in an import keeps the lock: the next importer of that module waits for ever, and if it was the
//! import lock, every importer and whoever forks. A forked child has the modules' locks as they were. The lock belongs
//! to a thread, not to a thread state, and goes with its interpreter.
//!
//! Differs: an import is of one module, so the detection of cycles of module locks has nothing to detect. A module that was
//! once imported stays known. One visit stands for those of all the extension modules that an import loads.
//!
//! # Invariants
//!
//! S8 OwnGilIndependence, with the exception that it names; *ImportedOnce*: a module gets known once in each life of its
//! interpreter.
//!
//! # Lock order
//!
//! The mutex is a leaf; the GIL is given up before it is waited on.
//!
//! # Outcomes
//!
//! Deadlock with who holds a GIL or the lock; hang at finalization with the lock taken.
//!
//! # Checked by
//!
//! `scenarios/import`, `tests/loom/import.rs`.

use super::arena::Whence;
use super::audit::AuditEvent;
use super::handle::{InterpreterHandle, ThreadStateHandle};
use super::outcome::Step;
use super::state::Caller;
use crate::sync::{Condvar, Mutex, Plain, current_thread, scope};

/// Modules that one program imports.
pub const MODULES_MAX: usize = 4;

/// The name of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(u8);

impl ModuleId {
    /// `threading`, which the first start of a thread imports too.
    pub const THREADING: Self = Self(0);

    /// The module with this number.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`MODULES_MAX`]: the number is checked where programs are accepted.
    #[must_use]
    pub const fn new(index: usize) -> Self {
        assert!(index < MODULES_MAX, "more modules than MODULES_MAX");
        Self(index as u8)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }

    fn bit(self) -> u8 {
        1 << self.0
    }
}

/// What one interpreter has imported, and who imports.
#[derive(Debug)]
pub(super) struct Imports {
    /// `sys.modules`: a bit for each module. Rule: the GIL.
    known: Plain<u8>,
    /// Whether modules are torn down: what is not known cannot be found any more. Rule: the GIL.
    torn_down: Plain<bool>,
    /// Whether there is anything to forget. Rule: the GIL.
    used: Plain<bool>,
    /// The owner of each module's lock, plus one.
    owners: Mutex<[u8; MODULES_MAX]>,
    given_back: Condvar,
}

/// Whose a module's lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Locked {
    Now,
    Already,
    ByAnother,
}

impl Imports {
    pub(super) fn new(slot: usize) -> Self {
        Self {
            known: Plain::new(("interpreter.modules", slot), 0),
            torn_down: Plain::new(("interpreter.modules_torn_down", slot), false),
            used: Plain::new(("interpreter.modules_used", slot), false),
            owners: Mutex::new(("interpreter.module_locks", slot), [0; MODULES_MAX]),
            given_back: Condvar::new(("interpreter.module_lock_given_back", slot)),
        }
    }

    /// As in a new life of the interpreter. Its locks are new ones: who waits for an old one waits for ever.
    pub(super) fn reset(&self) {
        self.torn_down.write(false);
        if self.used.read() {
            self.used.write(false);
            self.known.write(0);
            *self.owners.lock() = [0; MODULES_MAX];
        }
    }

    /// In a forked child: what modules' locks are made of is free. They belong to whom they belonged.
    pub(super) fn renew(&self) {
        self.owners.renew(|owners| owners);
        self.given_back.renew();
    }

    /// §FINAL F18 begins.
    pub(super) fn tear_down(&self) {
        self.torn_down.write(true);
    }

    pub(super) fn knows(&self, module: ModuleId) -> bool {
        self.known.read() & module.bit() != 0
    }

    fn try_lock(&self, module: ModuleId) -> Locked {
        self.used.write(true);
        let own = current_thread().index() as u8 + 1;
        let mut owners = self.owners.lock();
        match owners[module.index()] {
            0 => {
                owners[module.index()] = own;
                Locked::Now
            }
            owner if owner == own => Locked::Already,
            _ => Locked::ByAnother,
        }
    }

    fn unlock(&self, module: ModuleId) {
        let mut owners = self.owners.lock();
        owners[module.index()] = 0;
        self.given_back.notify_all();
    }

    /// The process is over: who waits finds that out.
    pub(super) fn wake_all(&self) {
        let owners = self.owners.lock();
        self.given_back.notify_all();
        drop(owners);
    }
}

impl Caller<'_> {
    /// `import NAME`, in the current interpreter: 0, or -1 if an exception ended it.
    ///
    /// Blocks while another thread imports the same module, while one holds the GIL that files are read without, and since
    /// 3.13 in an interpreter that is not the main one while a thread holds the main one's.
    ///
    /// # Errors
    ///
    /// A crash without an attached thread state; hang at finalization; what ended the thread in a callback. Source: language
    /// `import NAME`; contract S8; gh-117953.
    #[doc(alias = "PyImport_ImportModule")]
    pub fn import_module(&self, module: ModuleId) -> Step<i32> {
        if self.eval()? != 0 {
            return Ok(-1);
        }
        if self.find_and_load(module)? != 0 {
            return Ok(-1);
        }
        self.eval()
    }

    /// `_find_and_load`: 0, or -1 if it raises.
    pub(super) fn find_and_load(&self, module: ModuleId) -> Step<i32> {
        let current = self.attached_or_crash()?;
        let interpreter = self.interpreter_of(current)?;
        let imports = &self.interpreter(interpreter)?.imports;
        if imports.knows(module) {
            return Ok(0);
        }
        if !self.audit(AuditEvent::Import)? {
            return Ok(-1);
        }
        if self.look_for_module_lock(interpreter)? != 0 {
            return Ok(-1);
        }
        if !self.lock_module(current, interpreter, module)? {
            return Ok(0);
        }
        let loaded = if imports.knows(module) {
            0
        } else {
            self.load(current, interpreter, module)?
        };
        imports.unlock(module);
        Ok(loaded)
    }

    /// `_get_module_lock`: bytecode under the import lock. 0, or -1 if an exception ended it.
    fn look_for_module_lock(&self, interpreter: InterpreterHandle) -> Step<i32> {
        self.acquire_import_lock(interpreter)?;
        let raised = self.eval()?;
        self.release_import_lock(interpreter)?;
        Ok(raised)
    }

    /// `_ModuleLock.acquire`: whether it was not this thread's already.
    fn lock_module(
        &self,
        current: ThreadStateHandle,
        interpreter: InterpreterHandle,
        module: ModuleId,
    ) -> Step<bool> {
        let imports = &self.interpreter(interpreter)?.imports;
        let scope = scope();
        let locked = loop {
            scope.again(&());
            match imports.try_lock(module) {
                Locked::Now => break true,
                Locked::Already => break false,
                Locked::ByAnother => {
                    self.detach(current)?;
                    let is_free = |owners: &[u8; MODULES_MAX]| owners[module.index()] == 0;
                    self.wait_until_free(&imports.owners, &imports.given_back, is_free)?;
                    self.attach(current)?;
                }
            }
        };
        scope.end(&locked);
        Ok(locked)
    }

    /// With the module's lock: 0, or -1 if nobody can find it any more.
    fn load(
        &self,
        current: ThreadStateHandle,
        interpreter: InterpreterHandle,
        module: ModuleId,
    ) -> Step<i32> {
        let owner = self.interpreter(interpreter)?;
        if owner.imports.torn_down.read() {
            return Ok(-1);
        }
        self.detach(current)?;
        self.attach(current)?;
        self.load_extensions(interpreter)?;
        if module == ModuleId::THREADING {
            self.note_threading(current, interpreter)?;
        }
        owner
            .imports
            .known
            .write(owner.imports.known.read() | module.bit());
        Ok(0)
    }

    /// `import_run_extension`, once for all extension modules.
    pub(super) fn load_extensions(&self, interpreter: InterpreterHandle) -> Step<()> {
        let visits = self.runtime.profile.extensions_visit_main();
        if !visits || interpreter == InterpreterHandle::MAIN {
            return Ok(());
        }
        self.visit_main()
    }

    /// `switch_to_main_interpreter`, and back.
    fn visit_main(&self) -> Step<()> {
        let from = self.current();
        let entered = self.enter_interpreter(InterpreterHandle::MAIN, Whence::Exec)?;
        if entered.is_null() {
            return Ok(());
        }
        self.leave_interpreter(entered, from)
    }
}
