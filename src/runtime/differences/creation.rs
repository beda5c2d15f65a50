//! How interpreters are made, and what is left if that fails.
//!
//! CPython: `Python/pylifecycle.c` (`new_interpreter`, `init_interp_main`), `Python/pystate.c` (`PyInterpreterState_New`, …).

use super::Difference;
use crate::runtime::profile::Profile;
use crate::runtime::stage::Stage;

/// Which interpreter is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Creation {
    /// The main one, with the runtime.
    Main,
    /// Any other.
    Sub,
}

/// What `PyInterpreterState_New` does that can make none, and with it the creation of a sub-interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoInterpreter {
    /// It returns null, and so does its caller.
    Null,
    /// The process ends with status 1.
    EndsProcess,
    /// Its caller puts back what it did not take away: the former thread state is attached twice.
    AttachesTwice,
}

/// What becomes of an interpreter whose making fails once it has a thread state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HalfMade {
    /// It stays as it is, current; some stages undo all and give no reason.
    Stays,
    /// The thread state is deleted while it is current.
    DeletesCurrent,
    /// It is deleted.
    Deleted,
    /// It is ended as `Py_EndInterpreter` does.
    Ended,
}

/// The releases that have a stage, and for which interpreters. Source: contract §A38, §INIT, §NEWINT; the texts and names of
/// functions in libpythons of 3.8.18 to 3.15.2.
fn releases(stage: Stage) -> (u8, u8, &'static [Creation]) {
    use Creation::{Main, Sub};
    const BOTH: &[Creation] = &[Main, Sub];
    const MAIN: &[Creation] = &[Main];
    const SUB: &[Creation] = &[Sub];
    match stage {
        Stage::NotStarted
        | Stage::Runtime
        | Stage::Preinitialize
        | Stage::Configure
        | Stage::Reset
        | Stage::Core
        | Stage::Main
        | Stage::Done
        | Stage::Faulthandler
        | Stage::Signals
        | Stage::Tracemalloc => (8, 15, MAIN),
        Stage::MainInterpreter
        | Stage::CopyConfig
        | Stage::FirstThreadState
        | Stage::Sys
        | Stage::Builtins
        | Stage::Importlib
        | Stage::ImportlibExternal
        | Stage::Encodings
        | Stage::Streams
        | Stage::MainModule
        | Stage::Site => (8, 15, BOTH),
        Stage::Settings | Stage::Allocator => (12, 15, BOTH),
        Stage::ObjectState | Stage::CrossInterpreter => (13, 15, BOTH),
        Stage::Gil => (9, 12, BOTH),
        Stage::Singletons | Stage::AtExit | Stage::UpdateConfig => (10, 15, BOTH),
        Stage::Collector | Stage::Types | Stage::Warnings | Stage::BuiltinsOpen => (9, 15, BOTH),
        Stage::Exceptions | Stage::Errors => (8, 8, BOTH),
        Stage::Modules | Stage::BuiltinExceptions | Stage::Stderr | Stage::Exception => (8, 8, SUB),
        Stage::ImportHooks => (8, 9, BOTH),
    }
}

impl Profile {
    /// Whether making an interpreter has a stage that can fail.
    #[must_use]
    pub fn runs_stage(self, stage: Stage, creation: Creation) -> bool {
        let (first, last, creations) = releases(stage);
        let everywhere = (first, last) == (8, 15);
        let here = (first..=last).contains(&self.minor());
        let has = if everywhere {
            true
        } else {
            self.when(Difference::RunsStage, here)
        };
        has && creations.contains(&creation)
    }

    /// The stages that can be made to fail, by name.
    pub fn stages_by_name(self) -> impl Iterator<Item = (Stage, &'static str)> {
        let runs = move |stage: Stage| {
            self.runs_stage(stage, Creation::Main) || self.runs_stage(stage, Creation::Sub)
        };
        let stages = Stage::ALL.iter().copied().filter(move |stage| runs(*stage));
        stages.filter_map(|stage| stage.name().map(|name| (stage, name)))
    }

    /// What happens when no interpreter can be made. Source: contract V32, V33; observed with an audit hook that refuses and
    /// with an allocator that fails: 3.8.18 to 3.12.1 return null, 3.13.0 exits, 3.13.18 and newer attach twice.
    #[must_use]
    pub fn no_interpreter(self) -> NoInterpreter {
        if !self.when(Difference::NoInterpreter, self.minor() >= 13) {
            NoInterpreter::Null
        } else if self.since(13, 8) || self.minor() < 13 {
            NoInterpreter::AttachesTwice
        } else {
            NoInterpreter::EndsProcess
        }
    }

    /// What becomes of an interpreter that is half made. Source: contract §A38, §NEWINT; observed with an audit hook that
    /// refuses imports: 3.9.18 and 3.11.2 die of the thread state that is still current, 3.10.13 and 3.11.7 do not; 3.13.18
    /// and newer run `threading`'s shutdown.
    #[must_use]
    pub fn half_made(self) -> HalfMade {
        match self.minor() {
            _ if self.when(Difference::HalfMade, self.since(13, 8)) => HalfMade::Ended,
            8 => HalfMade::Stays,
            9 => HalfMade::DeletesCurrent,
            10 if !self.since(10, 13) => HalfMade::DeletesCurrent,
            11 if !self.since(11, 7) => HalfMade::DeletesCurrent,
            _ => HalfMade::Deleted,
        }
    }

    /// Whether an interpreter's first thread state is made before the configuration is copied, by a caller that still has
    /// its own. Source: contract §A38; observed with an allocator that fails: 3.12.1 returns null as if nothing had
    /// happened.
    #[must_use]
    pub fn thread_state_comes_first(self) -> bool {
        self.when(Difference::ThreadStateComesFirst, self.minor() <= 12)
    }

    /// Whether `PyInterpreterState_Delete` forgets the current thread state, whichever interpreter it belongs to, and
    /// leaves its GIL held. Source: observed, 3.9.18, 3.10.13 and 3.11.7, where the next attach waits for ever; not
    /// 3.8.18 and 3.12.1.
    #[must_use]
    pub fn delete_forgets_the_current(self) -> bool {
        self.when(
            Difference::DeleteForgetsTheCurrent,
            (9..=11).contains(&self.minor()),
        )
    }

    /// Whether `PyInterpreterState_Delete` is fatal for the interpreter of the current thread state. Source: observed,
    /// 3.8.18.
    #[must_use]
    pub fn delete_of_own_is_fatal(self) -> bool {
        self.when(Difference::DeleteOfOwnIsFatal, self.minor() <= 8)
    }

    /// Whether `PyInterpreterState_Clear` reads through what only the later stages set. Source: observed: `g20`,
    /// 3.10.13 and newer crash, 3.9.18 does not.
    #[must_use]
    pub fn clear_needs_all_stages(self) -> bool {
        self.when(Difference::ClearNeedsAllStages, self.minor() >= 10)
    }

    /// Whether `PyThreadState_New` reads through the null pointer when there is no memory. Source: observed with an
    /// allocator that fails: 3.11.7.
    #[must_use]
    pub fn null_state_is_read(self) -> bool {
        self.when(Difference::NullStateIsRead, self.minor() == 11)
    }

    /// Whether the thread state of a thread that could not be started is deleted. Before, it stays in the list, cleared.
    /// Source: observed: 3.8.18 to 3.13.0 leave it, 3.13.5 does not.
    #[must_use]
    pub fn failed_start_deletes_the_state(self) -> bool {
        self.when(Difference::FailedStartDeletesTheState, self.since(13, 1))
    }

    /// Whether `PyInterpreterState_New` before initialization gives the main interpreter, with the id -1. Before, it
    /// crashes. Source: P15.
    #[must_use]
    pub fn main_is_given_out_early(self) -> bool {
        self.when(Difference::MainIsGivenOutEarly, self.minor() >= 13)
    }

    /// Whether an interpreter takes its id before its memory, so that a failure uses one up. Source: observed with an
    /// allocator that fails: the next interpreter has the id 1 in 3.8.18 to 3.10.13, 2 in 3.11.7 and 3.12.1.
    #[must_use]
    pub fn id_comes_before_memory(self) -> bool {
        self.when(Difference::IdComesBeforeMemory, self.minor() >= 11)
    }

    /// The text of the status of a stage that failed: its function, where it has one, and one of its reasons. Source:
    /// observed where an import can be refused or memory be withheld; else what the libraries hold.
    #[must_use]
    pub fn stage_text(self, stage: Stage) -> &'static str {
        match self.minor() {
            _ if self.when(Difference::StageText, self.minor() >= 13) => newest(stage),
            8 => oldest(stage).unwrap_or_else(|| middle(stage)),
            9 => of_3_9(stage).unwrap_or_else(|| middle(stage)),
            12 => of_3_12(stage).unwrap_or_else(|| middle(stage)),
            _ => middle(stage),
        }
    }
}

/// Since 3.13.
fn newest(stage: Stage) -> &'static str {
    match stage {
        Stage::NotStarted | Stage::Reset | Stage::Core | Stage::Main | Stage::Done => "",
        Stage::Runtime => "_PyRuntimeState_Init: memory allocation failed",
        Stage::Preinitialize => "_PyPreConfig_Read: memory allocation failed",
        Stage::Configure => "_PyConfig_Read: memory allocation failed",
        Stage::MainInterpreter => "_PyInterpreterState_New: memory allocation failed",
        Stage::CopyConfig => "_PyConfig_Copy: memory allocation failed",
        Stage::Settings => {
            "init_interp_settings: per-interpreter obmalloc does not support single-phase init extension modules"
        }
        Stage::ObjectState => "_PyObject_InitState: memory allocation failed",
        Stage::Allocator | Stage::FirstThreadState => "new_interpreter: memory allocation failed",
        Stage::Gil => "init_interp_create_gil: memory allocation failed",
        Stage::Singletons => "_PyUnicode_InitGlobalObjects: memory allocation failed",
        Stage::Collector => "_PyGC_Init: memory allocation failed",
        Stage::Types | Stage::Exceptions | Stage::Errors => {
            "pycore_init_types: failed to initialize an exception type"
        }
        Stage::Warnings => "pycore_interp_init: can't initialize warnings",
        Stage::AtExit => "_PyAtExit_Init: memory allocation failed",
        Stage::Modules | Stage::Sys => "_PySys_Create: can't initialize sys module",
        Stage::Builtins => "pycore_init_builtins: can't initialize builtins module",
        Stage::BuiltinExceptions => "pycore_init_builtins: failed to add exceptions to builtins",
        Stage::Stderr => "_PySys_SetPreliminaryStderr: can't set preliminary stderr",
        Stage::ImportHooks | Stage::Importlib => {
            "_PyImport_InitCore: failed to initialize importlib"
        }
        Stage::CrossInterpreter => "_PyXI_Init: memory allocation failed",
        Stage::UpdateConfig => "init_interp_main: failed to update the Python config",
        Stage::ImportlibExternal => "_PyImport_InitExternal: external importer setup failed",
        Stage::Faulthandler => "_PyFaulthandler_Init: memory allocation failed",
        Stage::Encodings => "Failed to import encodings module",
        Stage::Signals => "init_interp_main: can't initialize signals",
        Stage::Tracemalloc => "_PyTraceMalloc_Init: memory allocation failed",
        Stage::Streams => "init_sys_streams: can't initialize sys standard streams",
        Stage::BuiltinsOpen => "init_set_builtins_open: can't initialize io.open",
        Stage::MainModule => "add_main_module: can't create __main__ module",
        Stage::Site => "init_import_site: Failed to import the site module",
        Stage::Exception => "new_interpreter: an exception is set",
    }
}

/// 3.10 to 3.12.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others are worded alike"
)]
fn middle(stage: Stage) -> &'static str {
    match stage {
        Stage::MainInterpreter => "pycore_create_interpreter: can't make main interpreter",
        Stage::FirstThreadState => "pycore_create_interpreter: can't make first thread",
        Stage::Importlib => "pycore_interp_init: failed to initialize importlib",
        Stage::ImportlibExternal => "init_importlib_external: external importer setup failed",
        Stage::Encodings => {
            "init_fs_encoding: failed to get the Python codec of the filesystem encoding"
        }
        Stage::Tracemalloc => "init_interp_main: can't initialize tracemalloc",
        other => newest(other),
    }
}

/// 3.12, where it differs from 3.11.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others are worded alike"
)]
fn of_3_12(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Importlib => "_PyImport_InitCore: failed to initialize importlib",
        Stage::ImportlibExternal => "_PyImport_InitExternal: external importer setup failed",
        Stage::Tracemalloc => newest(stage),
        _ => return None,
    })
}

/// 3.9, where it differs from 3.10.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others are worded alike"
)]
fn of_3_9(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Types => "_PyExc_Init: exceptions bootstrapping error.",
        Stage::Sys => "_PySys_InitMain: can't finish initializing sys",
        Stage::ImportHooks => {
            "_PyImportHooks_Init: initializing sys.meta_path, sys.path_hooks, or path_importer_cache failed"
        }
        Stage::Importlib => "init_importlib: can't import _frozen_importlib",
        Stage::UpdateConfig => "pyinit_main: can't finish initializing sys",
        _ => return None,
    })
}

/// 3.8, where it differs from 3.10.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others are worded alike"
)]
fn oldest(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Exceptions => "_PyExc_Init: exceptions bootstrapping error.",
        Stage::Modules => "new_interpreter: can't make modules dictionary",
        Stage::Sys => "new_interpreter: can't finish initializing sys",
        Stage::Builtins => "pycore_init_builtins: can't initialize builtins modules",
        Stage::Site => "init_import_size: Failed to import the site module",
        other => return of_3_9(other),
    })
}
