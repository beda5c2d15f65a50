//! The resolved program: what the driver interprets and the judge reads.
//!
//! Every name is a dense number here, every constant is folded, and the statements of the whole program are numbered
//! in preorder. Names and spans are kept beside the code, for reports only.

mod claim;
mod code;
mod visit;

pub use claim::{Claim, ClaimKind, CrashKind, Outcome, Release, Restriction};
pub use code::{
    Argument, Block, CallExpr, Comparison, Expression, Limit, Operator, ResultClaim,
    ResultClaimKind, StateFunction, Statement, StatementKind, Step, ThreadRef, VariableRef,
};

pub use visit::Reads;

use super::calls::{Call, Type};
pub use super::syntax::BodyKind;
use crate::runtime::profile::Profile;
use crate::sim::diagnostic::{Diagnostic, Span};

macro_rules! identifiers {
    ($($(#[$document:meta])* $name:ident($number:ty);)*) => {$(
        $(#[$document])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl $name {
            /// The number as an index.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

identifiers! {
    /// A body: index into [`Program::bodies`].
    BodyId(u8);
    /// An OS thread that a scenario names: index into [`Program::threads`]; `main` is 0.
    ThreadId(u8);
    /// A statement: index into [`Program::statements`]; unique and in preorder over the program.
    StatementId(u16);
    /// A name that a body binds: index into [`Body::variables`], one slot per activation of the body.
    VariableId(u16);
    /// A native flag: index into [`Program::flags`].
    FlagId(u16);
    /// A native mutex: index into [`Program::mutexes`].
    MutexId(u16);
    /// A native semaphore: index into [`Program::semaphores`].
    SemaphoreId(u16);
    /// A Python object: index into [`Program::objects`].
    ObjectId(u16);
    /// A `PyMutex`: index into [`Program::py_mutexes`].
    PyMutexId(u16);
    /// A `Py_tss_t`: index into [`Program::tss_keys`].
    TssKeyId(u16);
    /// A structure: index into [`Program::structures`].
    StructureId(u16);
    /// A text: index into [`Program::texts`].
    TextId(u16);
    /// A historical bug named on the `faults` line: index into [`Program::faults`].
    FaultId(u8);
}

/// A scenario in which every name is resolved.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The line that tells the story.
    pub scenario: Option<Box<str>>,
    /// The `///` comments before it.
    pub documentation: String,
    /// The profiles to explore under, in ascending order, each once.
    pub profiles: Vec<Profile>,
    /// The `python` line, if there is one.
    pub profiles_span: Option<Span>,
    /// The names on the `faults` line.
    pub faults: Vec<Declared>,
    /// Where to cut the search short.
    pub bounds: Bounds,
    /// The bodies in the order of the file.
    pub bodies: Vec<Body>,
    /// The body of `thread main`.
    pub main: BodyId,
    /// Every OS thread that can exist: one per body and start of it; `main` first, then in the order of the bodies.
    pub threads: Vec<Thread>,
    /// Native flags, clear at first.
    pub flags: Vec<Declared>,
    /// Native mutexes, free at first.
    pub mutexes: Vec<Declared>,
    /// Native semaphores.
    pub semaphores: Vec<Semaphore>,
    /// Python objects; `new` makes them.
    pub objects: Vec<Object>,
    /// `PyMutex`es. One declared in a body has an entry for each instance of the body.
    pub py_mutexes: Vec<Declared>,
    /// TSS keys, likewise.
    pub tss_keys: Vec<Declared>,
    /// Structures, declared or written in place.
    pub structures: Vec<Structure>,
    /// String constants.
    pub texts: Vec<Box<str>>,
    /// The number of statements and where each stands, by [`StatementId`].
    pub statements: Vec<StatementInfo>,
    /// The claims in the order of the file.
    pub claims: Vec<Claim>,
    /// What is odd but can be explored.
    pub warnings: Vec<Diagnostic>,
}

/// A declared name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// As written.
    pub name: Box<str>,
    /// Where it is declared.
    pub span: Span,
}

/// A native semaphore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semaphore {
    /// Its name.
    pub declared: Declared,
    /// Its value at first.
    pub initial: u16,
}

/// A Python object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub declared: Declared,
    /// Whether only a collection frees it.
    pub cyclic: bool,
    /// The callback that runs when it is freed.
    pub finalizer: Option<BodyId>,
}

/// A structure such as `PyInterpreterConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Its name; empty if written in place.
    pub declared: Declared,
    /// Its type.
    pub kind: Type,
    /// The fields that are written, of a `PyInterpreterConfig` by their places in [`super::names::CONFIG_FIELDS`], of a
    /// `PyConfig` by those in [`ConfigField::ALL`](crate::runtime::ConfigField::ALL).
    pub fields: Box<[(usize, i64)]>,
}

/// Bounds of the search; `None` is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Switches away from a thread that could have gone on.
    pub preemptions: Option<u32>,
    /// Visited states.
    pub states: Option<u64>,
    /// Steps of one execution.
    pub steps: Option<u64>,
    /// Time-outs of timed waits in one execution.
    pub timeouts: Option<u32>,
    /// Spurious wake-ups in one execution.
    pub spurious: Option<u32>,
}

/// A thread's or a callback's code.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its name.
    pub name: Box<str>,
    /// Where the name stands.
    pub span: Span,
    /// Which kind.
    pub kind: BodyKind,
    /// The number of parameters of a callback: its first variables.
    pub parameters: u16,
    /// The result of a callback that does not say `return M`.
    pub returns: i64,
    /// The names that it binds, parameters and hidden slots of macros included.
    pub variables: Vec<Variable>,
    /// Its statements.
    pub block: Block,
    /// How many threads may run it (`start` counted through `repeat`); 1 for a callback.
    pub instances: u8,
    /// Its first thread; the others follow. A callback runs on the thread of its caller: `None`.
    pub first_thread: Option<ThreadId>,
    /// The `///` comments before it.
    pub documentation: String,
}

/// A name that a body binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name; empty for the hidden slot of a macro.
    pub name: Box<str>,
    /// Where it is bound first.
    pub span: Span,
    /// The type of what is bound to it.
    pub kind: Type,
}

/// One OS thread that can exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// What it runs.
    pub body: BodyId,
    /// Which start of the body, from 0.
    pub instance: u8,
    /// `worker`, or `worker[1]` if the body is started more than once.
    pub name: Box<str>,
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementInfo {
    /// Whose statement it is.
    pub body: BodyId,
    /// Its text; of a statement with blocks, the first line.
    pub span: Span,
}

impl Program {
    /// The thread that runs instance `instance` of `body`.
    #[must_use]
    pub fn thread(&self, body: BodyId, instance: u8) -> Option<ThreadId> {
        let body = self.bodies.get(body.index())?;
        let first = body.first_thread?;
        (instance < body.instances).then(|| ThreadId(first.0 + instance))
    }

    /// Whether it may fork.
    #[must_use]
    pub fn forks(&self) -> bool {
        Reads::of(self).forks
    }

    /// Whether it names a global flag.
    #[must_use]
    pub fn names_flags(&self) -> bool {
        !Reads::of(self).globals.is_empty()
    }

    /// Whether it may make that call.
    #[must_use]
    pub fn calls(&self, call: Call) -> bool {
        Reads::of(self).modelled().any(|made| made == call)
    }

    /// Whether a thread may be interrupted by a signal that another one sends.
    #[must_use]
    pub fn sends_signals(&self) -> bool {
        Reads::of(self).sends
    }

    /// The threads that a name stands for: one instance, or all of the body's.
    pub fn threads_of(&self, thread: ThreadRef) -> impl Iterator<Item = ThreadId> + use<> {
        let body = &self.bodies[thread.body.index()];
        let first = body.first_thread.map_or(0, |first| first.0);
        let range = match (body.first_thread, thread.instance) {
            (None, _) => 0..0,
            (Some(_), Some(instance)) => first + instance..first + instance + 1,
            (Some(_), None) => first..first + body.instances,
        };
        range.map(ThreadId)
    }
}
