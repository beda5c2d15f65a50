//! The stages in which an interpreter is made, the main one with the runtime around it.
//!
//! CPython: `Python/pylifecycle.c` (`pyinit_config`, `pycore_create_interpreter`, `pycore_interp_init`, `init_interp_main`,
//! `new_interpreter`); 3.8 to 3.15.
//!
//! # States
//!
//! [`Stage`], in the order in which the newest release runs them; which of them a release has is
//! [`Profile::runs_stage`](super::Profile::runs_stage). A stage with a name can be made to fail.
//!
//! # Invariants
//!
//! *NamedOnce*: no two stages have one name.

macro_rules! stages {
    ($($(#[$doc:meta])+ $stage:ident $(= $name:literal)?,)+) => {
        /// A stage of making an interpreter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Stage {
            $($(#[$doc])+ $stage,)+
        }

        super::handle::word_for_enum!(Stage { $($stage),+ });

        impl Stage {
            /// What scenarios call it; none for a stage that cannot fail.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$stage => stages!(@name $($name)?),)+
                }
            }
        }
    };
    (@name) => { None };
    (@name $name:literal) => { Some($name) };
}

stages! {
    /// No initialization has begun.
    NotStarted,
    /// I1: the runtime itself, once in each of its lives.
    Runtime = "runtime",
    /// I2: pre-initialization.
    Preinitialize = "preinitialize",
    /// I3: the configuration is read.
    Configure = "read_config",
    /// I4: finalization is forgotten, interpreter ids begin again.
    Reset,
    /// I5, W3: the interpreter.
    MainInterpreter = "interpreter",
    /// W6: the configuration is copied, from the current interpreter or the main one.
    CopyConfig = "config",
    /// W7: what `PyInterpreterConfig` says.
    Settings = "settings",
    /// W8: the state of objects.
    ObjectState = "object_state",
    /// W9: the allocator.
    Allocator = "obmalloc",
    /// I6, W10: its first thread state.
    FirstThreadState = "thread_state",
    /// I7, W11: the GIL, taken.
    Gil = "gil",
    /// I8: objects that exist once.
    Singletons = "singletons",
    /// I8: the collector.
    Collector = "gc",
    /// I8: types, and exceptions among them.
    Types = "types",
    /// 8: exceptions.
    Exceptions = "exceptions",
    /// 9: errors.
    Errors = "errors",
    /// I8: the state of warnings.
    Warnings = "warnings",
    /// I8: what `atexit` keeps.
    AtExit = "atexit",
    /// 10: the dictionary of modules.
    Modules = "modules",
    /// 11 to 13: `sys`.
    Sys = "sys",
    /// 14: `builtins`.
    Builtins = "builtins",
    /// 15: exceptions among the builtins.
    BuiltinExceptions = "builtin_exceptions",
    /// 16: a first `sys.stderr`.
    Stderr = "stderr",
    /// 17: the lists of import hooks.
    ImportHooks = "import_hooks",
    /// I8: what interpreters hand to each other.
    CrossInterpreter = "cross_interpreter",
    /// 18: `importlib`, frozen.
    Importlib = "importlib",
    /// I8: `core_initialized` turns 1.
    Core,
    /// I9: the configuration with its paths.
    UpdateConfig = "update_config",
    /// 19: imports from files.
    ImportlibExternal = "importlib_external",
    /// I9: `faulthandler`.
    Faulthandler = "faulthandler",
    /// 20: `encodings`, from files: the GIL is given up.
    Encodings = "encodings",
    /// I9: signal handlers.
    Signals = "signals",
    /// I9: `tracemalloc`.
    Tracemalloc = "tracemalloc",
    /// 21: `sys.stdin` and the others.
    Streams = "streams",
    /// I9: `builtins.open`.
    BuiltinsOpen = "builtins_open",
    /// 22: `__main__`.
    MainModule = "main_module",
    /// I9: `initialized` turns 1, up to 3.14.
    Main,
    /// 23, I9, its end: `site` is imported.
    Site = "site",
    /// 24: an exception that a step left behind.
    Exception = "exception",
    /// All stages are done; `initialized` turns 1, since 3.15.
    Done,
}

impl Stage {
    /// The stage that scenarios call by this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut stages = Self::ALL.iter().copied();
        stages.find(|stage| stage.name() == Some(name))
    }
}
