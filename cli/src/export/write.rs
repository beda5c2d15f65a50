//! What is known while the C text of a run is written: names, what the text needs beside it, what cannot be written.

use super::story::{Statements, Story};
use std::collections::{BTreeMap, BTreeSet};
use tstate::runtime::levels::{Levels, levels_of};
use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::{Code, Diagnostic, Span};
use tstate::sim::scenario::calls::Type;
use tstate::sim::scenario::program::{BodyId, Program, StatementId, VariableId, VariableRef};

/// Parts of a file's own small library that only some runs need, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Importing,
    Leaks,
    Claims,
    Raised,
    Pending,
    Start,
    Join,
    PythonThreads,
    Eval,
    Objects,
    Callable,
    Import,
    AtClear,
    AtThreadExit,
    Fork,
    OsFork,
    AtFork,
    States,
    NewFromConfig,
    EvalAddPending,
    Audit,
    Interpreters,
    Native,
    AtSignal,
    Handler,
    Memory,
    FailImport,
    FailStart,
    AtSite,
    AtMain,
    RefTracer,
}

/// How C calls a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Adapter {
    /// `int (*)(void *)`, counted.
    Pending,
    /// `void (*)(void)`
    AtExit,
    /// `void (*)(void *)`
    Data,
    /// A function of Python's.
    Callable,
    /// The destructor of a capsule.
    Dies,
    /// `int (*)(void)`
    Plain,
    /// `Py_AuditHookFunction`
    Audit,
    /// `Py_tracefunc`
    Trace,
    /// `_PyFrameEvalFunction`
    Evaluates,
    /// A builtin of a sub-interpreter.
    Builtin,
    /// A handler of C's signals.
    Handler,
    /// `PyRefTracer`
    RefTracer,
}

/// Why something has no C text.
pub(super) type Written<T> = Result<T, String>;

/// Where a statement stands: whose names it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) thread: usize,
    pub(super) body: BodyId,
}

/// The state of the writing.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) program: &'a Program,
    pub(super) profile: Profile,
    /// The patch levels that the file is for.
    pub(super) levels: Vec<Levels>,
    pub(super) statements: Statements<'a>,
    pub(super) story: &'a Story,
    /// The names that another body reads, each with its body and instance.
    pub(super) shared: BTreeSet<(BodyId, u8, VariableId)>,
    pub(super) needs: BTreeSet<Need>,
    pub(super) adapters: BTreeSet<(BodyId, Adapter)>,
    /// Those that an earlier writing found.
    pub(super) adapters_before: BTreeSet<(BodyId, Adapter)>,
    /// And what it needed.
    pub(super) needs_before: BTreeSet<Need>,
    /// The names that a function mentions, with their types.
    pub(super) locals: BTreeMap<String, &'static str>,
    pub(super) refusals: Vec<Diagnostic>,
    /// Functions and names of C that the text mentions.
    pub(super) mentioned: BTreeSet<&'static str>,
    /// How many threads of a body a body has started so far.
    pub(super) started: BTreeMap<(BodyId, BodyId), u8>,
    /// The run looks at memory, or lacks it.
    pub(super) memory: bool,
    /// The statement that reads a name which is not bound.
    pub(super) unbound: Option<StatementId>,
    /// Thread states that are made are noted: what is left of them is the outcome.
    pub(super) leaks: bool,
}

/// Words of C, of its library and of the file itself that a scenario's names must not hide.
const RESERVED: &[&str] = &[
    "main",
    "exit",
    "raise",
    "signal",
    "pause",
    "join",
    "start",
    "turn",
    "pass",
    "finish",
    "fork",
    "wait",
    "read",
    "write",
    "open",
    "close",
    "index",
    "time",
    "log",
    "eval",
    "settle",
    "forget_settings",
    "where",
    "named",
    "judge",
    "seen",
    "errors",
    "enter",
    "leave",
    "say",
    "names",
    "bodies",
    "callbacks",
    "shared",
    "me",
    "fails",
    "raised",
    "accepted",
    "kept",
    "letter",
    "system",
    "abort",
    "free",
    "select",
    "send",
    "kill",
    "link",
    "sync",
    "stat",
    "remove",
    "rename",
    "y0",
    "y1",
    "j0",
    "j1",
    "gamma",
    "div",
    "abs",
    "clock",
    "sleep",
    "first",
    "dup",
    "nice",
    "access",
    "auto",
    "at_clear",
    "drop_object",
    "new_object",
    "import_module",
    "thread_ends",
    "thread_end",
    "destructor",
    "on_exit",
    "stop",
    "is_over",
    "is_parked",
    "in_child",
    "audit",
    "auditing",
    "importing",
    "evaluating",
    "fatal",
    "settle_beside_others",
    "somebody_moves",
    "call_native",
    "call_python",
    "call_interpreters",
    "prepare_interpreters",
    "made",
    "ensured",
    "states_left",
    "interpreters_exec",
    "interpreters_destroy",
    "note_id",
    "noted_id",
    "noted_ids",
    "noted_count",
    "at_signal",
    "at_thread_exit",
    "forks",
    "exits",
    "register_at_fork",
    "making",
    "taken",
    "telling",
    "looks_on",
    "alloc_hook",
    "fail",
    "fail_import",
    "hooking",
    "traced",
    "at_site",
    "run_main",
];

/// A name as C takes it.
pub(super) fn identifier(name: &str) -> String {
    let letters = name.chars().filter(|letter| *letter != ']');
    letters
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect()
}

/// A name of the scenario's at the level of the file.
pub(super) fn global(name: &str) -> String {
    let mut name = identifier(name);
    if RESERVED.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// A string of C.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// How C declares a name of this type.
pub(super) fn c_type(kind: Type) -> &'static str {
    match kind {
        Type::Int => "long",
        Type::Any | Type::Void | Type::Function | Type::Pointer => "void *",
        Type::GilState
        | Type::ThreadState
        | Type::Interpreter
        | Type::Object
        | Type::Frame
        | Type::Status
        | Type::Text
        | Type::Mutex
        | Type::TssKey
        | Type::Config
        | Type::PreConfig
        | Type::InterpreterConfig
        | Type::CriticalSection
        | Type::CriticalSection2
        | Type::Guard
        | Type::View
        | Type::Token => kind.c_name(),
    }
}

impl<'a> Writer<'a> {
    /// One that has written nothing; `shared` is what an earlier writing found.
    pub(super) fn new(
        program: &'a Program,
        profile: Profile,
        story: &'a Story,
        shared: BTreeSet<(BodyId, u8, VariableId)>,
    ) -> Self {
        Self {
            program,
            profile,
            levels: levels_of(profile),
            statements: super::story::statements(program),
            story,
            shared,
            needs: BTreeSet::new(),
            adapters: BTreeSet::new(),
            adapters_before: BTreeSet::new(),
            needs_before: BTreeSet::new(),
            locals: BTreeMap::new(),
            refusals: Vec::new(),
            mentioned: BTreeSet::new(),
            started: BTreeMap::new(),
            memory: false,
            unbound: None,
            leaks: false,
        }
    }

    pub(super) fn refuse(&mut self, span: Span, why: &str) {
        let message = format!("this cannot be exported as C: {why}");
        let known = self
            .refusals
            .iter()
            .any(|refusal| refusal.primary.span == span);
        if !known {
            let refusal = Diagnostic::error(Code::S404, message, span, "");
            self.refusals.push(refusal);
        }
    }

    /// The instance of its body that a thread runs; 0 of a callback.
    fn instance(&self, at: At) -> u8 {
        let thread = &self.program.threads[at.thread];
        if thread.body == at.body {
            thread.instance
        } else {
            0
        }
    }

    /// A name of the body that a statement stands in.
    pub(super) fn own(&mut self, at: At, variable: VariableId) -> String {
        let instance = self.instance(at);
        let own = (at.body, instance, variable);
        if self.shared.contains(&own) {
            return self.shared_name(own);
        }
        let declared = &self.program.bodies[at.body.index()].variables[variable.index()];
        let name = if declared.name.is_empty() {
            let slots = &self.program.bodies[at.body.index()].variables[..variable.index()];
            match slots.iter().filter(|slot| slot.name.is_empty()).count() {
                0 => "_save".to_owned(),
                earlier => format!("_save{}", earlier + 1),
            }
        } else {
            let name = identifier(&declared.name);
            if name == "me" { "me_".to_owned() } else { name }
        };
        let is_parameter =
            variable.index() < usize::from(self.program.bodies[at.body.index()].parameters);
        if !is_parameter {
            self.locals.insert(name.clone(), c_type(declared.kind));
        }
        name
    }

    /// A name of another body.
    pub(super) fn foreign(&mut self, name: VariableRef) -> String {
        let key = (name.body, name.instance, name.variable);
        self.shared.insert(key);
        self.shared_name(key)
    }

    /// What a name is called that more than one body reads.
    pub(super) fn shared_name(
        &self,
        (body, instance, variable): (BodyId, u8, VariableId),
    ) -> String {
        let body = &self.program.bodies[body.index()];
        let name = &body.variables[variable.index()].name;
        let which = if body.instances > 1 {
            format!("_{instance}")
        } else {
            String::new()
        };
        identifier(&format!("{}{which}_{name}", body.name))
    }

    /// The type of a name.
    pub(super) fn type_of(&self, body: BodyId, variable: VariableId) -> Type {
        self.program.bodies[body.index()].variables[variable.index()].kind
    }

    /// The name of a callback's function.
    pub(super) fn callback(&self, body: BodyId) -> String {
        global(&self.program.bodies[body.index()].name)
    }

    /// The function by which C calls a callback.
    pub(super) fn adapter(&mut self, body: BodyId, adapter: Adapter) -> String {
        self.adapters.insert((body, adapter));
        let name = self.callback(body);
        match adapter {
            Adapter::Pending => {
                self.needs.insert(Need::Raised);
                self.needs.insert(Need::Pending);
                format!("{name}_pending")
            }
            Adapter::AtExit => format!("{name}_at_exit"),
            Adapter::Data => format!("{name}_data"),
            Adapter::Callable => {
                self.needs.insert(Need::Raised);
                format!("{name}_method")
            }
            Adapter::Dies => format!("{name}_dies"),
            Adapter::Plain => name,
            Adapter::Audit => {
                self.needs
                    .extend([Need::Raised, Need::Audit, Need::Importing]);
                format!("{name}_audit")
            }
            Adapter::Trace => {
                self.needs.extend([Need::Raised, Need::Eval]);
                format!("{name}_trace")
            }
            Adapter::Evaluates => {
                self.needs.insert(Need::Eval);
                format!("{name}_evaluates")
            }
            Adapter::Builtin => {
                self.needs.extend([Need::Raised, Need::Interpreters]);
                format!("{name}_method")
            }
            Adapter::Handler => {
                self.needs.insert(Need::Handler);
                format!("{name}_handler")
            }
            Adapter::RefTracer => {
                self.needs.extend([Need::Raised, Need::RefTracer]);
                format!("{name}_ref_tracer")
            }
        }
    }

    pub(super) fn need(&mut self, need: Need) {
        self.needs.insert(need);
    }
}
