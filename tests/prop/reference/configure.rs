//! The reference's configuration: the global flags, `PyConfig`, and who begins a life of the runtime.
//!
//! Contract 2.1 to 2.3, §INIT I1 to I4.

use super::{End, Mistake, Reference, Reply, Rule, Step, THREADS};

/// How a field says what its flag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Feeds {
    Same,
    Inverted,
    /// The flag is written only.
    Written,
    /// There is no flag.
    Nothing,
}

/// A field of `PyConfig`.
struct Field {
    name: &'static str,
    flag: &'static str,
    feeds: Feeds,
    python: i32,
    isolated: i32,
}

/// How many fields have a flag; these come first.
pub(crate) const FLAGS: usize = 17;
const FIELDS: usize = FLAGS + 2;
const USE_ENVIRONMENT: usize = 5;
const ISOLATED: usize = 8;
const USER_SITE: usize = 12;
const SIGNAL_HANDLERS: usize = FLAGS;
const INIT_MAIN: usize = FLAGS + 1;

const fn field(
    name: &'static str,
    flag: &'static str,
    feeds: Feeds,
    (python, isolated): (i32, i32),
) -> Field {
    Field {
        name,
        flag,
        feeds,
        python,
        isolated,
    }
}

use Feeds::{Inverted, Nothing, Same, Written};

/// Contract 2.1, in its order.
const TABLE: [Field; FIELDS] = [
    field("bytes_warning", "BytesWarningFlag", Same, (0, 0)),
    field("parser_debug", "DebugFlag", Same, (0, 0)),
    field("write_bytecode", "DontWriteBytecodeFlag", Inverted, (1, 1)),
    field("pathconfig_warnings", "FrozenFlag", Inverted, (1, 0)),
    field("use_hash_seed", "HashRandomizationFlag", Written, (0, 0)),
    field("use_environment", "IgnoreEnvironmentFlag", Inverted, (1, 0)),
    field("inspect", "InspectFlag", Same, (0, 0)),
    field("interactive", "InteractiveFlag", Same, (0, 0)),
    field("isolated", "IsolatedFlag", Same, (0, 1)),
    field(
        "legacy_windows_fs_encoding",
        "LegacyWindowsFSEncodingFlag",
        Same,
        (0, 0),
    ),
    field(
        "legacy_windows_stdio",
        "LegacyWindowsStdioFlag",
        Same,
        (0, 0),
    ),
    field("site_import", "NoSiteFlag", Inverted, (1, 1)),
    field(
        "user_site_directory",
        "NoUserSiteDirectory",
        Inverted,
        (1, 0),
    ),
    field("optimization_level", "OptimizeFlag", Same, (0, 0)),
    field("quiet", "QuietFlag", Same, (0, 0)),
    field("buffered_stdio", "UnbufferedStdioFlag", Inverted, (1, 1)),
    field("verbose", "VerboseFlag", Same, (0, 0)),
    field("install_signal_handlers", "", Nothing, (1, 0)),
    field("_init_main", "", Nothing, (1, 1)),
];

/// The name of a global flag.
pub(crate) fn flag_name(flag: usize) -> String {
    format!("Py_{}", TABLE[flag].flag)
}

/// One of the configurations that sequences choose among, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Choice(pub u8);

impl Choice {
    /// Whether it begins as the isolated one.
    pub(crate) fn is_isolated(self) -> bool {
        self.0.is_multiple_of(4)
    }

    /// The field that is set, and its value.
    fn set(self) -> (usize, i32) {
        let number = usize::from(self.0 / 4);
        (number % FIELDS, (number / FIELDS) as i32)
    }

    /// How it is written.
    pub(crate) fn text(self) -> String {
        let (field, value) = self.set();
        format!("{{ .{} = {value} }}", TABLE[field].name)
    }

    fn values(self) -> [i32; FIELDS] {
        let mut values = TABLE.map(|field| {
            if self.is_isolated() {
                field.isolated
            } else {
                field.python
            }
        });
        let (field, value) = self.set();
        values[field] = value;
        values
    }
}

/// A call about what initialization is configured with, or that may come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Configure {
    SetFlag(usize, i32),
    ReadFlag(usize),
    PreInitialize,
    /// `Py_InitializeFromConfig`; of none if there is none.
    Initialize(Option<Choice>),
    /// `_Py_InitializeMain`
    InitializeMain,
    /// A text that is always there.
    Text,
    EncodeLocale,
    SetArgv,
    ThreadsInitialized,
}

impl Reference {
    pub(super) fn call_of_configuration(
        &mut self,
        thread: usize,
        configure: Configure,
    ) -> Step<Reply> {
        match configure {
            Configure::SetFlag(flag, value) => {
                self.flags[flag] = value;
                Ok(Reply::Silent)
            }
            Configure::ReadFlag(_) => Ok(Reply::Silent),
            Configure::PreInitialize => {
                self.preinitialize(thread);
                Ok(Reply::Number(0))
            }
            Configure::Initialize(None) => Ok(Reply::Number(1)),
            Configure::Initialize(Some(choice)) => {
                let mut values = choice.values();
                let installs = !self.wrong(Mistake::ConfigInstallsNothing);
                self.installs = installs && values[SIGNAL_HANDLERS] != 0;
                if self.wrong(Mistake::ConfigReadsFlags) {
                    values[..FLAGS].copy_from_slice(&self.values_of_flags()[..FLAGS]);
                }
                if !self.core {
                    self.begin(thread, values)?;
                } else if self.current(thread).is_none() && !self.wrong(Mistake::ConfigNeedsNoState)
                {
                    return Ok(Reply::Number(1));
                } else if values[INIT_MAIN] != 0 {
                    self.complete();
                }
                Ok(Reply::Number(0))
            }
            Configure::InitializeMain => {
                self.running(thread)?;
                // Without a core there is nothing to go on with, and the call crashes or begins one.
                if !self.core {
                    return Err(End::Undefined);
                }
                self.complete();
                Ok(Reply::Number(0))
            }
            Configure::Text => Ok(Reply::Said("!= NULL")),
            Configure::EncodeLocale => {
                if self.is(Rule::EncodingReadsTheState) {
                    self.running(thread)?;
                }
                Ok(Reply::Nothing)
            }
            Configure::SetArgv => {
                self.running(thread)?;
                Ok(Reply::Nothing)
            }
            Configure::ThreadsInitialized => {
                let looks = self.is(Rule::ThreadsNeedTheGil);
                if looks {
                    self.may_walk(thread)?;
                }
                let holds = !looks || self.main().is_some();
                Ok(Reply::Number(i64::from(holds)))
            }
        }
    }

    /// `Py_InitializeEx(0)`.
    pub(super) fn initialize(&mut self, thread: usize) -> Step<()> {
        if self.initialized {
            return Ok(());
        }
        self.installs = false;
        if !self.core {
            let values = self.values_of_flags();
            return self.begin(thread, values);
        }
        if self.current(thread).is_none() {
            return Err(End::Fatal("failed to read thread state"));
        }
        self.complete();
        Ok(())
    }

    fn values_of_flags(&self) -> [i32; FIELDS] {
        let mut values = TABLE.map(|field| field.python);
        for (flag, field) in TABLE[..FLAGS].iter().enumerate() {
            let said = self.flags[flag];
            match field.feeds {
                Same => values[flag] = said,
                Inverted => values[flag] = i32::from(said == 0),
                Written | Nothing => {}
            }
        }
        values
    }

    fn begin(&mut self, thread: usize, mut values: [i32; FIELDS]) -> Step<()> {
        self.preinitialize(thread);
        if self.wrong(Mistake::InitializerIsMain) {
            self.main_thread = thread;
        }
        if values[ISOLATED] != 0 && !self.wrong(Mistake::IsolationIsAlone) {
            (values[USE_ENVIRONMENT], values[USER_SITE]) = (0, 0);
        }
        for (flag, field) in TABLE[..FLAGS].iter().enumerate() {
            match field.feeds {
                _ if self.wrong(Mistake::FlagsAreNotWritten) => {}
                Same if self.wrong(Mistake::CountsAreSwitches) => {
                    self.flags[flag] = i32::from(values[flag] != 0);
                }
                Same => self.flags[flag] = values[flag],
                Inverted | Written => self.flags[flag] = i32::from(values[flag] == 0),
                Nothing => {}
            }
        }
        self.begin_core(thread)?;
        self.core = true;
        if values[INIT_MAIN] != 0 || self.wrong(Mistake::CoreIsAll) {
            self.complete();
        }
        Ok(())
    }

    /// §FINAL: what one life was configured with the next one begins with.
    pub(super) fn leave_flags(&mut self) {
        if self.wrong(Mistake::FlagsGoWithTheRuntime) {
            self.flags = [0; FLAGS];
        }
    }

    /// What is behind the core, if it is not there.
    fn complete(&mut self) {
        if !self.initialized && self.installs {
            self.signals.install();
        }
        self.initialized = true;
    }

    /// I1: whoever comes first is the main thread, whatever it came for.
    fn preinitialize(&mut self, thread: usize) {
        if self.runtime_initialized {
            return;
        }
        self.runtime_initialized = true;
        self.main_thread = thread;
        self.finalizer = None;
        self.main_state = None;
        if !self.is(Rule::SlotOutlives) {
            self.slots = [None; THREADS];
        }
        self.key = !self.is(Rule::KeyComesWithMain);
        self.check_enabled = true;
        self.refusing = false;
        self.signal_pending = false;
        self.forget_calls();
        self.forget_ref_tracer();
    }
}
