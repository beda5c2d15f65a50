//! What a row of the table says, and the constant functions that write one.

use super::{Call, Origin};
use crate::runtime::profile::{MINOR_MAX, MINOR_MIN, Profile};

/// A reference to a row: its group and its place in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallRef {
    pub(super) group: u8,
    pub(super) place: u8,
}

/// The types of C values, as far as scenarios tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// No value.
    Void,
    /// A value whose type is not known before the scenario runs.
    Any,
    /// Any integer.
    Int,
    /// `PyGILState_STATE`
    GilState,
    /// `PyThreadState *`
    ThreadState,
    /// `PyInterpreterState *`
    Interpreter,
    /// `PyObject *`
    Object,
    /// `PyFrameObject *`
    Frame,
    /// `PyStatus`
    Status,
    /// `const char *`, `const wchar_t *`
    Text,
    /// A function pointer.
    Function,
    /// `void *`: any pointer.
    Pointer,
    /// `PyMutex`
    Mutex,
    /// `Py_tss_t`
    TssKey,
    /// `PyConfig`
    Config,
    /// `PyPreConfig`
    PreConfig,
    /// `PyInterpreterConfig`
    InterpreterConfig,
    /// `PyCriticalSection`
    CriticalSection,
    /// `PyCriticalSection2`
    CriticalSection2,
    /// `PyInterpreterGuard *`
    Guard,
    /// `PyInterpreterView *`
    View,
    /// `PyThreadStateToken *`
    Token,
}

impl Type {
    /// How C writes it.
    #[must_use]
    pub fn c_name(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Any => "auto",
            Self::Int => "int",
            Self::GilState => "PyGILState_STATE",
            Self::ThreadState => "PyThreadState *",
            Self::Interpreter => "PyInterpreterState *",
            Self::Object => "PyObject *",
            Self::Frame => "PyFrameObject *",
            Self::Status => "PyStatus",
            Self::Text => "const char *",
            Self::Function => "function",
            Self::Pointer => "void *",
            Self::Mutex => "PyMutex *",
            Self::TssKey => "Py_tss_t *",
            Self::Config => "PyConfig *",
            Self::PreConfig => "PyPreConfig *",
            Self::InterpreterConfig => "PyInterpreterConfig *",
            Self::CriticalSection => "PyCriticalSection *",
            Self::CriticalSection2 => "PyCriticalSection2 *",
            Self::Guard => "PyInterpreterGuard *",
            Self::View => "PyInterpreterView *",
            Self::Token => "PyThreadStateToken *",
        }
    }

    /// Whether a name of this type holds a number or a handle, rather than being the thing itself.
    #[must_use]
    pub fn is_value(self) -> bool {
        match self {
            Self::Void
            | Self::Mutex
            | Self::TssKey
            | Self::Config
            | Self::PreConfig
            | Self::InterpreterConfig
            | Self::CriticalSection
            | Self::CriticalSection2 => false,
            Self::Any
            | Self::Int
            | Self::GilState
            | Self::ThreadState
            | Self::Interpreter
            | Self::Object
            | Self::Frame
            | Self::Status
            | Self::Text
            | Self::Function
            | Self::Pointer
            | Self::Guard
            | Self::View
            | Self::Token => true,
        }
    }

    /// Whether it is a pointer, so that `NULL` is one of its values.
    #[must_use]
    pub fn is_pointer(self) -> bool {
        !matches!(self, Self::Void | Self::Int | Self::GilState | Self::Status)
    }

    /// Whether a value of this type can be passed where `parameter` is wanted.
    #[must_use]
    pub fn fits(self, parameter: Self) -> bool {
        let number = |kind| matches!(kind, Self::Int | Self::GilState);
        self == parameter
            || self == Self::Any
            || parameter == Self::Any
            || number(self) && number(parameter)
            // A callback's argument is often a mere number.
            || self == Self::Int && parameter == Self::Pointer
            // A token is a pointer to `void`: the thread state that was attached, or none's.
            || matches!(
                (self, parameter),
                (Self::Token, Self::ThreadState) | (Self::ThreadState, Self::Token)
            )
            || self == Self::Pointer && parameter.is_pointer()
            || parameter == Self::Pointer && self.is_pointer()
    }
}

/// A parameter of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// A value; of a structure its address.
    In(Type),
    /// `&x`: the call stores its second result there.
    Out(Type),
    /// A callback that is given this many parameters.
    Callback(u8),
}

/// How much of a call the model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Relevant to concurrency: an operation with interleaving points of its own.
    Core,
    /// Simple state: one atomic read or write.
    Data,
    /// No state of the model.
    Surface,
}

/// What a call needs of the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attachment {
    /// An attached thread state.
    Attached,
    /// No attached thread state.
    Detached,
    /// Either.
    Any,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A C function, or a macro that looks like one.
    Function,
    /// A macro that opens or closes a block.
    Macro,
    /// A word of the language, or a function of Python, where C has no function.
    Word,
    /// A global variable of C.
    Global,
    /// A C type.
    Type,
    /// A field of a C structure.
    Field,
    /// A C constant.
    Constant,
}

/// One entry of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What it is.
    pub kind: Kind,
    /// The C name.
    pub name: &'static str,
    /// Other names of the same function, in every release.
    pub aliases: &'static [&'static str],
    /// What it is given.
    pub parameters: &'static [Parameter],
    /// How many of the first parameters may be left out.
    pub optional: u8,
    /// What it returns.
    pub result: Type,
    /// The first minor release that has it.
    pub since: u8,
    /// The last minor release that has it.
    pub until: u8,
    /// The minor release between these that lacks it; 0 if none does.
    pub lacks: u8,
    /// The minor release that deprecates it; 0 if none does.
    pub deprecated: u8,
    /// How much of it the model holds.
    pub class: Class,
    /// What it needs of the calling thread.
    pub attachment: Attachment,
    /// Whether it can wait for another thread.
    pub blocks: bool,
    /// One line about it.
    pub summary: &'static str,
    /// The fatal errors it can end with, as parts of their texts.
    pub fatal: &'static [&'static str],
    /// What the runtime implements of it.
    pub modelled: Option<Call>,
}

/// How the model has what a program would call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modelled {
    /// Scenarios call it, or write it as a block.
    Yes,
    /// An internal of CPython that scenarios do not call: its steps are part of those calls that use it.
    Inside,
    /// Scenarios that call it are refused.
    No,
}

/// Macros that scenarios write as blocks.
const BLOCKS: [&str; 6] = [
    "Py_BEGIN_ALLOW_THREADS",
    "Py_BLOCK_THREADS",
    "Py_END_ALLOW_THREADS",
    "Py_END_CRITICAL_SECTION",
    "Py_END_CRITICAL_SECTION2",
    "Py_UNBLOCK_THREADS",
];

impl Row {
    /// How the model has what a program would call; nothing for names and values.
    #[must_use]
    pub fn is_modelled(&self) -> Option<Modelled> {
        match self.kind {
            Kind::Function | Kind::Macro | Kind::Word => {}
            Kind::Global | Kind::Type | Kind::Field | Kind::Constant => return None,
        }
        Some(if self.modelled.is_some() || BLOCKS.contains(&self.name) {
            Modelled::Yes
        } else if self.origins().contains(&Origin::Internals) {
            Modelled::Inside
        } else {
            Modelled::No
        })
    }
}

impl CallRef {
    /// The row.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &super::rows()[self.group as usize][self.place as usize]
    }
}

impl Row {
    /// Whether the profile's release has the call. `sound` has what the newest has.
    #[must_use]
    pub fn exists_in(&self, profile: Profile) -> bool {
        self.exists_in_minor(profile.minor())
    }

    /// Whether releases 3.`minor` have it.
    #[must_use]
    pub fn exists_in_minor(&self, minor: u8) -> bool {
        (self.since..=self.until).contains(&minor) && minor != self.lacks
    }

    /// The form of a call as C declares it.
    #[must_use]
    pub fn signature(&self) -> String {
        let parameter = |parameter: &Parameter| match parameter {
            Parameter::In(kind) => kind.c_name().to_owned(),
            Parameter::Out(kind) => format!("{}*", kind.c_name()),
            Parameter::Callback(_) => "callback".to_owned(),
        };
        let parameters: Vec<String> = self.parameters.iter().map(parameter).collect();
        let call = format!("{}({})", self.name, parameters.join(", "));
        let text = match self.kind {
            Kind::Function | Kind::Word => format!("{} {call}", self.result.c_name()),
            Kind::Macro if self.parameters.is_empty() => self.name.to_owned(),
            Kind::Macro => call,
            Kind::Global => format!("int {}", self.name),
            Kind::Type | Kind::Field | Kind::Constant => self.name.to_owned(),
        };
        text.replace("* ", "*")
    }

    /// What a call can end in, other than by returning, or make the process end in, as claims write outcomes.
    #[must_use]
    pub fn endings(&self) -> Vec<String> {
        let call = matches!(self.kind, Kind::Function | Kind::Macro | Kind::Word);
        let given = |wanted: &[Type]| {
            let is = |parameter: &Parameter| matches!(parameter, Parameter::In(kind) if wanted.contains(kind));
            self.parameters.iter().any(is)
        };
        let handles = [
            Type::ThreadState,
            Type::Interpreter,
            Type::Guard,
            Type::View,
            Type::Token,
        ];
        let takes_gil = self.blocks && self.class != Class::Data;
        let mut endings: Vec<String> = self
            .fatal
            .iter()
            .map(|text| format!("fatal(\"{text}\")"))
            .collect();
        for (ending, holds) in [
            (
                "crash(no_thread_state)",
                self.attachment == Attachment::Attached,
            ),
            ("crash(use_after_free)", given(&handles)),
            ("deadlock", self.blocks),
            ("hang", takes_gil),
            ("exit", takes_gil),
        ] {
            if call && holds {
                endings.push(ending.to_owned());
            }
        }
        endings
    }

    /// How many of the first parameters a call with this many arguments leaves out.
    #[must_use]
    pub fn skipped(&self, arguments: usize) -> usize {
        let optional = usize::from(self.optional);
        let short = optional > 0 && arguments + optional == self.parameters.len();
        if short { optional } else { 0 }
    }

    /// What a call with this many arguments returns: what it would store, if the address for it is left out.
    #[must_use]
    pub fn result_for(&self, arguments: usize) -> Type {
        match self.parameters.first() {
            Some(Parameter::Out(kind)) if self.skipped(arguments) > 0 => *kind,
            _ => self.result,
        }
    }

    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        result: Type,
        class: Class,
    ) -> Self {
        Self {
            kind: Kind::Function,
            name,
            aliases: &[],
            parameters,
            optional: 0,
            result,
            since: MINOR_MIN,
            until: MINOR_MAX,
            lacks: 0,
            deprecated: 0,
            class,
            attachment: Attachment::Any,
            blocks: false,
            summary: "",
            fatal: &[],
            modelled: None,
        }
    }

    pub(super) const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) const fn alias(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The first `count` parameters may be left out.
    pub(super) const fn optional(self, count: u8) -> Self {
        Self {
            optional: count,
            ..self
        }
    }

    pub(super) const fn since(self, since: u8) -> Self {
        Self { since, ..self }
    }

    pub(super) const fn until(self, until: u8) -> Self {
        Self { until, ..self }
    }

    pub(super) const fn deprecated(self, deprecated: u8) -> Self {
        Self { deprecated, ..self }
    }

    pub(super) const fn without(self, lacks: u8) -> Self {
        Self { lacks, ..self }
    }

    pub(super) const fn attached(self) -> Self {
        Self {
            attachment: Attachment::Attached,
            ..self
        }
    }

    pub(super) const fn detached(self) -> Self {
        Self {
            attachment: Attachment::Detached,
            ..self
        }
    }

    pub(super) const fn blocks(self) -> Self {
        Self {
            blocks: true,
            ..self
        }
    }

    pub(super) const fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    pub(super) const fn fatal(self, fatal: &'static [&'static str]) -> Self {
        Self { fatal, ..self }
    }

    pub(super) const fn runs(self, call: Call) -> Self {
        Self {
            modelled: Some(call),
            ..self
        }
    }
}

pub(super) const fn core(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Type,
) -> Row {
    Row::new(name, parameters, result, Class::Core)
}

pub(super) const fn data(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Type,
) -> Row {
    Row::new(name, parameters, result, Class::Data)
}

pub(super) const fn surface(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Type,
) -> Row {
    Row::new(name, parameters, result, Class::Surface)
}

/// An entry that is no call.
pub(super) const fn entry(kind: Kind, name: &'static str, summary: &'static str) -> Row {
    Row::new(name, &[], Type::Void, Class::Surface)
        .kind(kind)
        .says(summary)
}
