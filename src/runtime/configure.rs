//! Configuration: the global flags of C, `PyConfig` as far as the lifecycle reads it, and pre-initialization.
//!
//! CPython: `Python/initconfig.c` (`config_get_global_vars`, `config_set_global_vars`), `Python/preconfig.c`,
//! `Python/pylifecycle.c` (`Py_PreInitialize`, `_Py_InitializeMain`); 3.8 to 3.15.
//!
//! # Protocol
//!
//! The flags are ints of the process that anybody may read and write at any time. `Py_Initialize` and `Py_InitializeEx` read
//! them (I3) into a configuration; `Py_InitializeFromConfig` has one from its caller and reads none. Whatever was
//! configured is written back to all of them, with what is on or off as 0 or 1. An isolated configuration ignores the
//! environment and the user's folder, whatever their own fields say. Nothing reads a flag later, and finalization leaves them
//! as they are: what one life was configured with configures the next `Py_Initialize`.
//!
//! Pre-initialization (I1, I2) happens once in each life of the runtime, on the first call that needs it: `Py_PreInitialize`, a
//! setter of `PyConfig`, initialization. The thread that makes that call is the main thread, whoever initializes: pending calls
//! wait for it (P03).
//!
//! With `_init_main` 0 initialization stops behind its core: threads can attach, nothing that is written in Python is there,
//! `initialized` is 0. `_Py_InitializeMain`, or another initialization, goes on from there.
//!
//! Flags are followed only where the program names one ([`super::Runtime::observe_flags`]): nobody else sees them.
//!
//! Differs: environment variables are not read; the warnings of `Py_VerboseFlag` are not printed.
//!
//! # Invariants
//!
//! S38 InitLadder.
//!
//! # Memory order
//!
//! Relaxed: plain ints in C.
//!
//! # Outcomes
//!
//! Fatal *Py_ExitStatusException() must not be called on success*; a crash of `Py_EncodeLocale` and `PySys_SetArgvEx` in a thread
//! that is not attached.
//!
//! # Checked by
//!
//! `scenarios/surface`.

use super::lists::Lists;
use super::outcome::{Crash, Fatal, StatusError, Step};
use super::state::Caller;
use crate::sync::{AtomicU32, Ordering, Plain};

/// How a flag says what a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feeds {
    /// The number itself.
    Same,
    /// The other way round, as 0 or 1.
    Inverted,
    /// It is only written: 1 unless the seed of hashes is fixed.
    Written,
    /// No flag.
    Nothing,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $feeds:ident $($flag:literal)?, $python:literal, $isolated:literal;)+) => {
        /// A field of `PyConfig` that the lifecycle reads or a global flag stands for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ConfigField {
            $($(#[$doc])* $field,)+
        }

        impl ConfigField {
            /// All of them; those with a flag come first.
            pub const ALL: &[Self] = &[$(Self::$field,)+];

            /// How C calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)+ }
            }

            /// The global flag that stands for it.
            #[must_use]
            pub const fn flag(self) -> Option<&'static str> {
                match self { $(Self::$field => fields!(@flag $($flag)?),)+ }
            }

            const fn feeds(self) -> Feeds {
                match self { $(Self::$field => Feeds::$feeds,)+ }
            }

            /// Its value after `PyConfig_InitPythonConfig`, and after `PyConfig_InitIsolatedConfig`.
            const fn defaults(self) -> (i32, i32) {
                match self { $(Self::$field => ($python, $isolated),)+ }
            }
        }
    };
    (@flag) => { None };
    (@flag $flag:literal) => { Some($flag) };
}

fields! {
    /// Warnings about bytes and strings.
    BytesWarning = "bytes_warning", Same "Py_BytesWarningFlag", 0, 0;
    /// Debug output of the parser.
    ParserDebug = "parser_debug", Same "Py_DebugFlag", 0, 0;
    /// Whether bytecode is written to files.
    WriteBytecode = "write_bytecode", Inverted "Py_DontWriteBytecodeFlag", 1, 1;
    /// Whether a path that is not found is warned about.
    PathconfigWarnings = "pathconfig_warnings", Inverted "Py_FrozenFlag", 1, 0;
    /// Whether the seed of hashes is fixed.
    UseHashSeed = "use_hash_seed", Written "Py_HashRandomizationFlag", 0, 0;
    /// Whether environment variables are read.
    UseEnvironment = "use_environment", Inverted "Py_IgnoreEnvironmentFlag", 1, 0;
    /// Whether the program is followed by a prompt.
    Inspect = "inspect", Same "Py_InspectFlag", 0, 0;
    /// Whether there is a prompt.
    Interactive = "interactive", Same "Py_InteractiveFlag", 0, 0;
    /// Whether the environment and the user's folder are left out.
    Isolated = "isolated", Same "Py_IsolatedFlag", 0, 1;
    /// Windows only.
    LegacyWindowsFsEncoding = "legacy_windows_fs_encoding", Same "Py_LegacyWindowsFSEncodingFlag", 0, 0;
    /// Windows only.
    LegacyWindowsStdio = "legacy_windows_stdio", Same "Py_LegacyWindowsStdioFlag", 0, 0;
    /// Whether `site` is imported.
    SiteImport = "site_import", Inverted "Py_NoSiteFlag", 1, 1;
    /// Whether the user's folder of packages is looked at.
    UserSiteDirectory = "user_site_directory", Inverted "Py_NoUserSiteDirectory", 1, 0;
    /// How much bytecode is optimized.
    OptimizationLevel = "optimization_level", Same "Py_OptimizeFlag", 0, 0;
    /// Whether the prompt is not introduced.
    Quiet = "quiet", Same "Py_QuietFlag", 0, 0;
    /// Whether standard output is buffered.
    BufferedStdio = "buffered_stdio", Inverted "Py_UnbufferedStdioFlag", 1, 1;
    /// How much is told about imports, and by `PyThreadState_Clear`.
    Verbose = "verbose", Same "Py_VerboseFlag", 0, 0;
    /// Whether Python handles signals.
    InstallSignalHandlers = "install_signal_handlers", Nothing, 1, 0;
    /// Whether initialization goes on behind the core.
    InitMain = "_init_main", Nothing, 1, 1;
}

/// How many fields have a flag: C's global flags.
const FLAGS: usize = 17;
const FIELDS: usize = ConfigField::ALL.len();

impl ConfigField {
    /// The field that a global flag stands for.
    #[must_use]
    pub fn of_flag(name: &str) -> Option<Self> {
        let mut fields = Self::ALL.iter().copied();
        fields.find(|field| field.flag() == Some(name))
    }

    /// The field by its name in C.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// What initialization is configured with, as far as the lifecycle reads it.
#[doc(alias = "PyConfig")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    values: [i32; FIELDS],
}

impl Config {
    /// Python's own defaults.
    #[doc(alias = "PyConfig_InitPythonConfig")]
    #[must_use]
    pub fn python() -> Self {
        Self::filled(|(python, _)| python)
    }

    /// That of a program which is not to be influenced from outside.
    #[doc(alias = "PyConfig_InitIsolatedConfig")]
    #[must_use]
    pub fn isolated() -> Self {
        Self::filled(|(_, isolated)| isolated)
    }

    fn filled(choose: impl Fn((i32, i32)) -> i32) -> Self {
        let mut values = [0; FIELDS];
        for (value, field) in values.iter_mut().zip(ConfigField::ALL) {
            *value = choose(field.defaults());
        }
        Self { values }
    }

    /// The value of a field.
    #[must_use]
    pub fn value(&self, field: ConfigField) -> i32 {
        self.values[field as usize]
    }

    /// With another value of a field.
    #[must_use]
    pub fn with(mut self, field: ConfigField, value: i32) -> Self {
        self.values[field as usize] = value;
        self
    }

    fn is(&self, field: ConfigField) -> bool {
        self.value(field) != 0
    }

    /// Whether initialization stops behind its core.
    pub(super) fn stops_behind_the_core(&self) -> bool {
        !self.is(ConfigField::InitMain)
    }

    /// I3: isolation includes others.
    fn completed(self) -> Self {
        if !self.is(ConfigField::Isolated) {
            return self;
        }
        self.with(ConfigField::UseEnvironment, 0)
            .with(ConfigField::UserSiteDirectory, 0)
    }
}

/// The flags, and what of the configuration in force is asked for after I3.
#[derive(Debug)]
pub(super) struct Configuration {
    /// Whether the program names a flag.
    observed: Plain<bool>,
    flags: [AtomicU32; FLAGS],
    /// Whether the next life imports `site`. Rule, of both: the initializer.
    site_import: Plain<bool>,
    /// Whether initialization stopped behind its core.
    core_only: Plain<bool>,
}

impl Configuration {
    pub(super) fn new() -> Self {
        Self {
            observed: Plain::new("flags.observed", false),
            flags: std::array::from_fn(|flag| AtomicU32::new(("flags", flag), 0)),
            site_import: Plain::new("config.site_import", true),
            core_only: Plain::new("config.core_only", false),
        }
    }

    pub(super) fn observe(&self) {
        self.observed.write(true);
    }

    /// Whether `site` is imported in this life.
    pub(super) fn imports_site(&self) -> bool {
        self.site_import.peek()
    }

    /// Whether initialization stopped behind its core and can go on; from here on it does.
    pub(super) fn takes_core_only(&self) -> bool {
        let stopped = self.core_only.peek();
        if stopped {
            self.core_only.write(false);
        }
        stopped
    }

    /// A global flag, for an observer; 0 if none stands for the field.
    #[cfg(feature = "sim")]
    pub(super) fn peek(&self, field: ConfigField) -> i32 {
        let flag = self.flags.get(field as usize);
        flag.map_or(0, |flag| flag.peek().cast_signed())
    }

    fn load(&self, field: ConfigField) -> i32 {
        self.flags[field as usize]
            .load(Ordering::Relaxed)
            .cast_signed()
    }

    fn store(&self, field: ConfigField, value: i32) {
        self.flags[field as usize].store(value.cast_unsigned(), Ordering::Relaxed);
    }

    /// What `Py_InitializeEx` makes of the flags.
    pub(super) fn of_flags(&self) -> Config {
        let mut config = Config::python();
        if !self.observed.peek() {
            return config;
        }
        for &field in ConfigField::ALL {
            config = match field.feeds() {
                Feeds::Same => config.with(field, self.load(field)),
                Feeds::Inverted => config.with(field, i32::from(self.load(field) == 0)),
                Feeds::Written | Feeds::Nothing => config,
            };
        }
        config
    }

    /// I3: the configuration in force, which the flags are told of.
    pub(super) fn apply(&self, config: Config) {
        let config = config.completed();
        let site = config.is(ConfigField::SiteImport);
        if self.site_import.peek() != site {
            self.site_import.write(site);
        }
        if config.stops_behind_the_core() {
            self.core_only.write(true);
        }
        if !self.observed.peek() {
            return;
        }
        for &field in ConfigField::ALL {
            match field.feeds() {
                Feeds::Same => self.store(field, config.value(field)),
                Feeds::Inverted | Feeds::Written => {
                    self.store(field, i32::from(!config.is(field)));
                }
                Feeds::Nothing => {}
            }
        }
    }
}

impl Caller<'_> {
    /// Writes a global flag: the next `Py_Initialize` reads it. Source: contract 2.1.
    ///
    /// # Errors
    ///
    /// A crash if no flag stands for the field.
    pub fn set_global_flag(&self, field: ConfigField, value: i32) -> Step<()> {
        if field.flag().is_none() {
            return Err(self.crash(Crash::Other));
        }
        self.runtime.configuration.store(field, value);
        Ok(())
    }

    /// Pre-initializes, which makes the calling thread the main thread; nothing in a runtime that is pre-initialized.
    /// With no configuration an error, and nothing happens.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.2; observed: P03.
    #[doc(alias = "Py_PreInitialize")]
    #[doc(alias = "Py_PreInitializeFromArgs")]
    #[doc(alias = "Py_PreInitializeFromBytesArgs")]
    pub fn preinitialize(&self, configured: bool) -> Step<Result<(), StatusError>> {
        if !configured {
            return Ok(Err(StatusError::NoPreConfig));
        }
        self.initialize_runtime();
        Ok(Ok(()))
    }

    /// Sets arguments in a configuration, which pre-initializes.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.2; observed: P03.
    #[doc(alias = "PyConfig_SetArgv")]
    pub fn set_config_argv(&self) -> Step<Result<(), StatusError>> {
        self.preinitialize(true)
    }

    /// What the runtime is or was made of, as a text that is always there.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.3.
    #[doc(alias = "Py_GetVersion")]
    #[doc(alias = "Py_GetPlatform")]
    #[doc(alias = "Py_GetCopyright")]
    #[doc(alias = "Py_GetCompiler")]
    #[doc(alias = "Py_GetBuildInfo")]
    #[doc(alias = "Py_DecodeLocale")]
    pub fn constant_text(&self, _name: &str) -> Step<bool> {
        Ok(true)
    }

    /// Sets a parameter of the process that the next initialization reads: nothing of the lifecycle.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.3.
    #[doc(alias = "Py_SetProgramName")]
    #[doc(alias = "Py_SetPythonHome")]
    pub fn set_parameter(&self, _name: &str) -> Step<()> {
        Ok(())
    }

    /// Ends the process as a status says.
    ///
    /// # Errors
    ///
    /// Always: the text of the error with status 1; fatal for a status that is none. Source: contract 2.2.
    #[doc(alias = "Py_ExitStatusException")]
    pub fn exit_status_exception(&self, error: Option<StatusError>) -> Step<()> {
        Err(match error {
            Some(error) => self.status(error),
            None => self.fatal(Fatal::StatusIsSuccess),
        })
    }

    /// Sets `sys.argv` of the current interpreter.
    ///
    /// # Errors
    ///
    /// A crash in a thread that is not attached. Source: contract 2.3; observed: 3.8.18 to 3.15.2.
    #[doc(alias = "PySys_SetArgvEx")]
    #[doc(alias = "PySys_SetArgv")]
    pub fn set_argv(&self) -> Step<()> {
        self.attached_or_crash().map(drop)
    }

    /// Encodes a text as the file system does.
    ///
    /// # Errors
    ///
    /// Since 3.12 a crash in a thread that is not attached. Source: contract 2.3; observed: 3.8.18 to 3.15.2.
    #[doc(alias = "Py_EncodeLocale")]
    pub fn encode_locale(&self) -> Step<()> {
        if self.runtime.profile.encode_locale_needs_state() {
            self.attached_or_crash()?;
        }
        Ok(())
    }

    /// Whether there is a GIL.
    ///
    /// # Errors
    ///
    /// None. Source: contract 2.5; observed: always 1 up to 3.11, since 3.12 from initialization to finalization.
    #[doc(alias = "PyEval_ThreadsInitialized")]
    pub fn threads_initialized(&self) -> Step<i32> {
        if !self.runtime.profile.threads_initialized_asks_for_the_gil() {
            return Ok(1);
        }
        // Read as it is: also by who has HEAD_LOCK over a fork.
        let main = self.look_at_lists(Lists::main);
        Ok(i32::from(!main.is_null()))
    }
}
