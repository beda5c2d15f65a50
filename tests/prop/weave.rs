//! Generated concurrent scenarios: two or three threads, a few calls each, legal or nearly so.

use proptest::collection::vec;
use proptest::prelude::{Just, any, prop_oneof};
use proptest::strategy::Strategy;
use std::fmt::Write as _;

/// What a thread does; what needs an attached thread state is written only where one is, or recklessly.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Ensure, the acts, Release; without Release if it is forgotten.
    Ensure(Vec<Act>, bool),
    /// A sub-interpreter, with a GIL of its own where there is one: made, the acts in it, ended, back.
    Interpreter(bool, Vec<Act>),
    /// Forks, with Python's hooks or without any; the acts are the child's.
    Fork(bool, Vec<Act>),
    /// Imports a module, `threading` or another.
    Import(bool),
    /// A thread state of its own: New, Acquire, the acts, Clear, DeleteCurrent.
    Own(Vec<Act>),
    /// Save, the acts, Restore.
    Save(Vec<Act>),
    AllowThreads(Vec<Act>),
    /// A native mutex around the acts.
    Lock(Vec<Act>),
    /// A `PyMutex` around the acts.
    PyMutex(Vec<Act>),
    Eval,
    AddPending,
    MakePending,
    Post,
    Wait,
    IsFinalizing,
    SpinUntilFinalizing,
    SetFlag,
    /// One of those [`SAYINGS`] that can be said there.
    Says(usize),
    /// A Python object, made before the acts and dropped after them.
    Object(Vec<Act>),
    /// A guard of the current interpreter around the acts.
    Guard(Vec<Act>),
    /// `PyThreadState_EnsureFromView`, and if it succeeds the acts and Release.
    EnsureFromView(Vec<Act>),
    CheckSignals,
    /// A signal for the process, with a native handler or with Python's.
    Signal(bool),
}

/// A call that holds nothing else. A thread's ident is its number here.
struct Saying {
    text: &'static str,
    /// The first release that has it.
    since: u8,
    /// It needs an attached thread state, or would crash at once.
    attached: bool,
}

const fn says(text: &'static str, since: u8, attached: bool) -> Saying {
    Saying {
        text,
        since,
        attached,
    }
}

const SAYINGS: [Saying; 18] = [
    says("PyThreadState_SetAsyncExc(1, PyExc_SystemExit)", 8, true),
    says("PyThreadState_SetAsyncExc(2, PyExc_SystemExit)", 8, true),
    says("PyThreadState_SetAsyncExc(2, NULL)", 8, true),
    says(
        "_PyEval_AddPendingCall(PyInterpreterState_Main(), owned, NULL, 0)",
        9,
        true,
    ),
    says(
        "_PyEval_AddPendingCall(PyInterpreterState_Main(), owned, NULL, 1)",
        12,
        true,
    ),
    says("PyEval_SetTrace(look, NULL)", 8, true),
    says("PyEval_SetProfile(look, NULL)", 8, true),
    says("PyEval_SetTraceAllThreads(look, NULL)", 12, true),
    says("PySys_AddAuditHook(hear, NULL)", 8, true),
    says(
        "_PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Main(), compile)",
        9,
        true,
    ),
    says("alloc_hook(allocate)", 8, false),
    says("PyRefTracer_SetTracer(refer, NULL)", 13, true),
    says("Py_InspectFlag = 1", 8, false),
    says("assert Py_InspectFlag >= 0", 8, false),
    says("PyThread_tss_create(&key)", 8, false),
    says("PyThread_tss_set(&key, 1)", 8, false),
    says("PyThread_tss_get(&key)", 8, false),
    says("PyThread_tss_delete(&key)", 8, false),
];

/// Words of which each stands in some scenario that is explored.
pub(crate) const WORDS: [&str; 24] = [
    "SetAsyncExc(1",
    "SetAsyncExc(2, PyExc",
    "SetAsyncExc(2, NULL",
    "PyErr_CheckSignals",
    "owned, NULL, 0)",
    "owned, NULL, 1)",
    "PyEval_SetTrace(",
    "PyEval_SetProfile(",
    "AllThreads(",
    "PySys_AddAuditHook",
    "SetEvalFrameFunc",
    "alloc_hook",
    "PyRefTracer_SetTracer",
    "Py_InspectFlag = 1",
    "assert Py_InspectFlag",
    "PyThread_tss_create",
    "PyThread_tss_set",
    "PyThread_tss_get",
    "PyThread_tss_delete",
    "new thing",
    "PyInterpreterGuard_FromCurrent",
    "PyThreadState_EnsureFromView",
    "signal native",
    "at_signal",
];

/// What makes the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Foreign,
    Python,
    Daemon,
}

/// How main ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Without a word, attached.
    Abrupt,
    /// Detached, after the others.
    Joins,
    /// Detached, after the others; then it finalizes.
    JoinsAndFinalizes,
    /// Finalizes while the others run.
    Finalizes,
    /// Finalizes and initializes again while the others run.
    LivesAgain,
    /// Waits for the others with the GIL.
    JoinsAttached,
}

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Weave {
    pub(crate) main: Vec<Act>,
    pub(crate) threads: Vec<(Maker, Vec<Act>)>,
    pub(crate) ending: Ending,
    /// What the pending call does: nothing, or one bytecode boundary.
    pub(crate) evals: bool,
    /// Time-outs in one run.
    pub(crate) timeouts: u32,
    /// The release, 3.N.
    pub(crate) minor: u8,
    /// Main handles signals in Python.
    pub(crate) handles: bool,
    /// What main says before it starts the others.
    pub(crate) first: Option<u8>,
}

fn leaf() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Eval),
        3 => Just(Act::AddPending),
        1 => Just(Act::MakePending),
        1 => Just(Act::Post),
        1 => Just(Act::Wait),
        1 => Just(Act::IsFinalizing),
        1 => Just(Act::SpinUntilFinalizing),
        1 => Just(Act::SetFlag),
        1 => any::<bool>().prop_map(Act::Import),
        1 => Just(Act::CheckSignals),
        5 => any::<u8>().prop_map(|place| Act::Says(usize::from(place))),
    ]
}

fn nested(inner: impl Strategy<Value = Vec<Act>> + Clone) -> impl Strategy<Value = Act> + Clone {
    let forgets = prop_oneof![3 => Just(false), 1 => Just(true)];
    prop_oneof![
        6 => (inner.clone(), forgets).prop_map(|(acts, forgets)| Act::Ensure(acts, forgets)),
        1 => inner.clone().prop_map(Act::Own),
        1 => (any::<bool>(), inner.clone()).prop_map(|(own, acts)| Act::Interpreter(own, acts)),
        1 => (any::<bool>(), inner.clone()).prop_map(|(hooks, acts)| Act::Fork(hooks, acts)),
        2 => inner.clone().prop_map(Act::Save),
        2 => inner.clone().prop_map(Act::AllowThreads),
        3 => inner.clone().prop_map(Act::Lock),
        2 => inner.clone().prop_map(Act::PyMutex),
        3 => prop_oneof![
            inner.clone().prop_map(Act::Object),
            inner.clone().prop_map(Act::Guard),
            inner.prop_map(Act::EnsureFromView),
        ],
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let leaves = vec(leaf(), 0..2).boxed();
    let inner = prop_oneof![2 => leaves.clone(), 1 => vec(nested(leaves), 1..2)].boxed();
    let act = prop_oneof![1 => leaf(), 3 => nested(inner)];
    vec(act, 1..3)
}

/// The releases that are woven for, 3.N.
pub(crate) const RELEASES: std::ops::RangeInclusive<u8> = 8..=15;

/// The first releases with a `PyMutex`, with a GIL for each interpreter, and with guards.
const PY_MUTEX_SINCE: u8 = 13;
const OWN_GIL_SINCE: u8 = 12;
const GUARDS_SINCE: u8 = 15;

fn plain_weaves() -> impl Strategy<Value = Weave> {
    let maker = prop_oneof![
        4 => Just(Maker::Foreign),
        1 => Just(Maker::Python),
        1 => Just(Maker::Daemon),
    ];
    let ending = prop_oneof![
        1 => Just(Ending::Abrupt),
        2 => Just(Ending::Joins),
        3 => Just(Ending::JoinsAndFinalizes),
        3 => Just(Ending::Finalizes),
        2 => Just(Ending::LivesAgain),
        1 => Just(Ending::JoinsAttached),
    ];
    let main = prop_oneof![2 => Just(Vec::new()), 1 => acts()];
    let count = prop_oneof![4 => Just(1_usize), 1 => Just(2)];
    let threads = count.prop_flat_map(move |count| vec((maker.clone(), acts()), count));
    let timeouts = prop_oneof![3 => Just(1_u32), 1 => Just(2)];
    let first = prop_oneof![2 => Just(None), 1 => any::<u8>().prop_map(Some)];
    let all = (
        main,
        threads,
        ending,
        any::<bool>(),
        timeouts,
        RELEASES,
        first,
    );
    all.prop_map(
        |(main, threads, ending, evals, timeouts, minor, first)| Weave {
            main,
            threads,
            ending,
            evals,
            timeouts,
            minor,
            handles: false,
            first,
        },
    )
}

/// A thread sends signals, with every operation a scheduling point: so there is little else.
fn signalling_weaves() -> impl Strategy<Value = Weave> {
    let leaf = || {
        prop_oneof![
            3 => Just(Act::Eval),
            1 => Just(Act::AddPending),
            1 => Just(Act::Lock(Vec::new())),
            1 => Just(Act::CheckSignals),
            1 => Just(Act::AllowThreads(Vec::new())),
        ]
    };
    let signal = any::<bool>().prop_map(Act::Signal);
    let sends = prop_oneof![
        2 => signal.clone().prop_map(|signal| vec![signal]),
        1 => (signal, leaf()).prop_map(|(signal, act)| vec![signal, act]),
    ];
    let ending = prop_oneof![2 => Just(Ending::Abrupt), 1 => Just(Ending::Joins)];
    let handles = prop_oneof![3 => Just(true), 1 => Just(false)];
    let all = (
        vec(leaf(), 1..3),
        sends,
        ending,
        handles,
        any::<bool>(),
        RELEASES,
    );
    all.prop_map(|(main, acts, ending, handles, evals, minor)| Weave {
        main,
        threads: vec![(Maker::Foreign, acts)],
        ending,
        evals,
        timeouts: 1,
        minor,
        handles,
        first: None,
    })
}

/// Scenarios.
pub(crate) fn weaves() -> impl Strategy<Value = Weave> {
    prop_oneof![9 => plain_weaves(), 1 => signalling_weaves()]
}

#[derive(Default)]
struct Writer {
    text: String,
    names: usize,
    objects: usize,
    minor: u8,
}

/// Objects of one scenario.
const OBJECTS_MAX: usize = 3;

const NAMES: [&str; 2] = ["a", "b"];

impl Weave {
    /// The text; not in canonical form.
    pub(crate) fn text(&self) -> String {
        let mut writer = Writer {
            minor: self.minor,
            ..Writer::default()
        };
        writer.line("scenario \"woven\"");
        writer.line(&format!("python 3.{}", self.minor));
        writer
            .text
            .push_str("native mutex m\nnative semaphore s = 0\nnative flag f\n");
        if self.minor >= PY_MUTEX_SINCE {
            writer.line("PyMutex pm = {0}");
        }
        if self.minor >= OWN_GIL_SINCE {
            writer.line("PyInterpreterConfig own = _PyInterpreterConfig_INIT");
        }
        writer.line(&format!("bound {{ timeouts {} }}", self.timeouts));
        let mut bodies = Writer {
            minor: self.minor,
            ..Writer::default()
        };
        self.bodies(&mut bodies);
        writer.declare(&bodies.text, self.evals);
        writer.text.push_str(&bodies.text);
        writer.text
    }

    fn bodies(&self, writer: &mut Writer) {
        for ((maker, acts), name) in self.threads.iter().zip(NAMES) {
            let (kind, attached) = match maker {
                Maker::Foreign => ("foreign", false),
                Maker::Python => ("python", true),
                Maker::Daemon => ("daemon", true),
            };
            writer.line(&format!("{kind} thread {name} {{"));
            writer.acts(acts, attached);
            writer.line("}");
        }
        writer.line("thread main {");
        writer.line("Py_InitializeEx(0)");
        if self.minor >= GUARDS_SINCE {
            writer.line("view = PyInterpreterView_FromMain()");
        }
        if self.handles {
            writer.line("at_signal(handler)");
        }
        if let Some(place) = self.first {
            writer.leaf(&Act::Says(usize::from(place)), true);
        }
        for name in &NAMES[..self.threads.len()] {
            writer.line(&format!("start {name}"));
        }
        writer.acts(&self.main, true);
        writer.ending(self.ending, self.threads.len());
        writer.line("}");
    }
}

impl Writer {
    /// What the bodies name: callbacks of a thread that looks on detach, or run one bytecode boundary, or do nothing.
    fn declare(&mut self, bodies: &str, evals: bool) {
        let body = if evals { "eval" } else { "" };
        let detaches = if evals {
            "Py_BEGIN_ALLOW_THREADS Py_END_ALLOW_THREADS"
        } else {
            ""
        };
        let handles = if evals {
            "Py_AddPendingCall(call, NULL)"
        } else {
            "set f"
        };
        let callbacks = [
            ("call(arg)", body),
            ("owned(arg)", body),
            ("look(obj, frame, what, arg)", detaches),
            ("hear(event, args, data)", detaches),
            ("compile(ts, frame, throwflag)", ""),
            ("allocate()", ""),
            ("refer(object, event, data)", ""),
            ("handler(signum)", body),
            ("native(signum)", handles),
        ];
        if bodies.contains("&key") {
            self.line("Py_tss_t key = Py_tss_NEEDS_INIT");
        }
        for number in 0..OBJECTS_MAX {
            let name = format!("thing{number}");
            if bodies.contains(&format!("new {name}\n")) {
                self.line(&format!("object {name}"));
            }
        }
        for (callback, body) in callbacks {
            let name = callback.split('(').next().unwrap_or_default();
            let is_apart = |letter: char| !(letter.is_alphanumeric() || letter == '_');
            let named = |text: &str| text.split(is_apart).any(|word| word == name);
            if named(bodies) || (name == "call" && (evals || !bodies.contains("native"))) {
                self.line(&format!("callback {callback} {{ {body} }}"));
            }
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a string takes everything");
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn acts(&mut self, acts: &[Act], attached: bool) {
        acts.iter().for_each(|act| self.act(act, attached));
    }

    fn around(&mut self, before: &str, acts: &[Act], after: &str, attached: bool) {
        self.line(before);
        self.acts(acts, attached);
        self.line(after);
    }

    fn act(&mut self, act: &Act, attached: bool) {
        match act {
            Act::Ensure(acts, forgets) => self.ensure(acts, *forgets),
            Act::Own(acts) if !attached => {
                let name = self.name("ts");
                let new = format!("{name} = PyThreadState_New(PyInterpreterState_Main())");
                self.line(&new);
                self.around(
                    &format!("PyEval_AcquireThread({name})"),
                    acts,
                    &format!("PyThreadState_Clear({name}); PyThreadState_DeleteCurrent()"),
                    true,
                );
            }
            Act::Save(acts) if attached => {
                let name = self.name("ts");
                self.around(
                    &format!("{name} = PyEval_SaveThread()"),
                    acts,
                    &format!("PyEval_RestoreThread({name})"),
                    false,
                );
            }
            Act::AllowThreads(acts) if attached => {
                self.around(
                    "Py_BEGIN_ALLOW_THREADS",
                    acts,
                    "Py_END_ALLOW_THREADS",
                    false,
                );
            }
            Act::Interpreter(own, acts) if attached => self.interpreter(*own, acts),
            Act::Fork(hooks, acts) => {
                let fork = if *hooks && attached {
                    "os.fork"
                } else {
                    "fork"
                };
                let before = format!("{fork} {{ child {{");
                self.around(&before, acts, "} parent { } }", attached);
            }
            Act::Object(acts) | Act::Guard(acts) | Act::EnsureFromView(acts) => {
                self.keeps(act, acts, attached);
            }
            Act::Own(acts)
            | Act::Save(acts)
            | Act::AllowThreads(acts)
            | Act::Interpreter(_, acts) => self.acts(acts, attached),
            Act::PyMutex(acts) if self.minor < PY_MUTEX_SINCE => self.acts(acts, attached),
            Act::Lock(acts) => self.around("lock m", acts, "unlock m", attached),
            Act::PyMutex(acts) => {
                self.around("PyMutex_Lock(&pm)", acts, "PyMutex_Unlock(&pm)", attached);
            }
            Act::Eval
            | Act::MakePending
            | Act::Import(_)
            | Act::IsFinalizing
            | Act::AddPending
            | Act::Post
            | Act::Wait
            | Act::SetFlag
            | Act::Says(_)
            | Act::Signal(_)
            | Act::CheckSignals
            | Act::SpinUntilFinalizing => self.leaf(act, attached),
        }
    }

    /// Acts around which something is kept; without it where it cannot be.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whoever calls this has sorted the others out"
    )]
    fn keeps(&mut self, act: &Act, acts: &[Act], attached: bool) {
        match act {
            Act::Object(_) if attached && self.objects < OBJECTS_MAX => {
                let name = format!("thing{}", self.objects);
                self.objects += 1;
                let (new, drop) = (format!("new {name}"), format!("drop {name}"));
                self.around(&new, acts, &drop, attached);
            }
            Act::Guard(_) if attached && self.minor >= GUARDS_SINCE => {
                let name = self.name("gd");
                let open = format!("{name} = PyInterpreterGuard_FromCurrent()");
                let close = format!("PyInterpreterGuard_Close({name})");
                self.around(&open, acts, &close, attached);
            }
            Act::EnsureFromView(_) if self.minor >= GUARDS_SINCE => {
                let name = self.name("token");
                self.line(&format!("{name} = PyThreadState_EnsureFromView(view)"));
                let before = format!("if {name} != NULL {{");
                self.around(
                    &before,
                    acts,
                    &format!("PyThreadState_Release({name}) }}"),
                    true,
                );
            }
            _ => self.acts(acts, attached),
        }
    }

    fn ensure(&mut self, acts: &[Act], forgets: bool) {
        let name = self.name("g");
        let release = if forgets {
            String::new()
        } else {
            format!("PyGILState_Release({name})")
        };
        let ensure = format!("{name} = PyGILState_Ensure()");
        self.around(&ensure, acts, &release, true);
    }

    /// What holds nothing else.
    fn leaf(&mut self, act: &Act, attached: bool) {
        match act {
            Act::Import(threading) if attached => self.line(if *threading {
                "import threading"
            } else {
                "import json"
            }),
            Act::Eval if attached => self.line("eval"),
            Act::MakePending if attached => self.line("Py_MakePendingCalls()"),
            Act::CheckSignals if attached => self.line("PyErr_CheckSignals()"),
            Act::Eval | Act::MakePending | Act::CheckSignals | Act::Import(_) => {
                self.line("Py_IsInitialized()")
            }
            Act::IsFinalizing => self.line("Py_IsFinalizing()"),
            Act::AddPending => self.line("Py_AddPendingCall(call, NULL)"),
            Act::Post => self.line("post s"),
            Act::Wait => self.line("wait s"),
            Act::SetFlag => self.line("set f"),
            Act::Signal(native) => self.line(if *native { "signal native" } else { "signal" }),
            Act::Says(place) => {
                let can =
                    |saying: &&Saying| self.minor >= saying.since && (attached || !saying.attached);
                let sayings: Vec<_> = SAYINGS.iter().filter(can).collect();
                self.line(sayings[place % sayings.len()].text);
            }
            Act::SpinUntilFinalizing => self.line("spin until f || finalizing"),
            Act::Ensure(..)
            | Act::Interpreter(..)
            | Act::Fork(..)
            | Act::Own(_)
            | Act::Save(_)
            | Act::AllowThreads(_)
            | Act::Lock(_)
            | Act::Object(_)
            | Act::Guard(_)
            | Act::EnsureFromView(_)
            | Act::PyMutex(_) => unreachable!("this holds others"),
        }
    }

    fn interpreter(&mut self, own: bool, acts: &[Act]) {
        let (before, sub) = (self.name("ts"), self.name("ts"));
        self.line(&format!("{before} = PyThreadState_Get()"));
        let new = if own && self.minor >= OWN_GIL_SINCE {
            "Py_NewInterpreterFromConfig(&own)"
        } else {
            "Py_NewInterpreter()"
        };
        self.around(
            &format!("{sub} = {new}"),
            acts,
            &format!("Py_EndInterpreter({sub}); PyThreadState_Swap({before})"),
            true,
        );
    }

    fn ending(&mut self, ending: Ending, threads: usize) {
        let joins: Vec<String> = NAMES[..threads]
            .iter()
            .map(|name| format!("join {name}"))
            .collect();
        let joins = joins.join("; ");
        match ending {
            Ending::Abrupt => {}
            Ending::Finalizes => self.line("Py_FinalizeEx()"),
            Ending::LivesAgain => {
                self.line("Py_FinalizeEx()");
                self.line("Py_InitializeEx(0)");
                self.line("last = PyEval_SaveThread()");
            }
            Ending::JoinsAttached => self.line(&joins),
            Ending::Joins => {
                self.line("last = PyEval_SaveThread()");
                self.line(&joins);
            }
            Ending::JoinsAndFinalizes => {
                self.line("last = PyEval_SaveThread()");
                self.line(&joins);
                self.line("PyEval_RestoreThread(last)");
                self.line("Py_FinalizeEx()");
            }
        }
    }
}
