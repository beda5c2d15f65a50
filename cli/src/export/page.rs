//! The whole file: its head, its library, the scenario's names and functions, and what it says at the end.

use super::statement::{Lines, evaluates_in_callbacks};
use super::story::{Activation, Item, Story};
use super::write::{Adapter, Need, Writer, c_type, global, identifier, quoted};
use std::collections::BTreeSet;
use tstate::runtime::ConfigField;
use tstate::sim::conform::Ordered;
use tstate::sim::events::Rest;
use tstate::sim::scenario::calls::Type;
use tstate::sim::scenario::names::CONFIG_FIELDS;
use tstate::sim::scenario::program::{BodyId, BodyKind};
use tstate::sim::verdict::{Outcome, Threads};

const INCLUDES: &str = "\
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma GCC diagnostic ignored \"-Wunused-function\"
#pragma GCC diagnostic ignored \"-Wunused-variable\"
#pragma GCC diagnostic ignored \"-Wdeprecated-declarations\"
#pragma GCC diagnostic ignored \"-Wunused-but-set-variable\"
";

/// Where thread states are noted that the program made.
const MADE_STATES: &str = "struct { void *volatile state; int thread; } states[16];
    atomic_int made;";

impl Writer<'_> {
    /// The C text of the run; `head` is the comment that it begins with.
    pub(super) fn page(&mut self, head: &str, ordered: &Ordered) -> String {
        let story = self.story;
        let functions = self.functions(story, ordered);
        let variables = self.variables();
        let adapters = self.adapter_texts();
        let mut page = format!("{head}{INCLUDES}\n");
        page += &self.guard();
        page += &self.constants(ordered);
        page += &self.enumerations();
        page += &self.prototypes();
        let exits = if self.needs.contains(&Need::AtThreadExit) {
            "run_exits();"
        } else {
            ""
        };
        if self.needs.contains(&Need::AtThreadExit) {
            page += "static void run_exits(void);\n";
        }
        let line = |text: &str| match text {
            "" => String::new(),
            text => format!("    {text}\n"),
        };
        let leaks = self.needs.contains(&Need::Leaks);
        let states = if leaks { MADE_STATES } else { "" };
        page += &include_str!("support/turns.c")
            .replace("    AT_THREAD_END\n", &line(exits))
            .replace("    STATES\n", &line(states));
        if self.needs.contains(&Need::Fork) {
            page += &self.forks();
            page += include_str!("support/fork.c");
        }
        if self.needs.contains(&Need::Eval) {
            page += if evaluates_in_callbacks(self.program, story) {
                include_str!("support/eval_kept.c")
            } else {
                include_str!("support/eval.c")
            };
        }
        page += &self.parts();
        page +=
            "/* ---- The scenario ------------------------------------------------------- */\n\n";
        page += &variables;
        page += &adapters;
        page += &functions;
        let finally = if leaks {
            "if (states_left())\n        return \"leak\";"
        } else {
            ""
        };
        page += &include_str!("support/main.c").replace("    FINALLY\n", &line(finally));
        page
    }

    fn constants(&self, ordered: &Ordered) -> String {
        let (inner, generation) = ordered.outcome.process();
        let inner_text = {
            let mut text = ordered.text.as_str();
            for _ in 0..generation {
                text = text
                    .strip_prefix("child(")
                    .and_then(|text| text.strip_suffix(')'))
                    .unwrap_or(text);
            }
            text
        };
        let threads = threads_of(inner);
        let unseen = Threads(
            threads
                .indexes()
                .filter(|index| ordered.rests.get(*index) != Some(&Rest::Hung))
                .fold(0, |mask, index| mask | 1 << index),
        );
        let hangs = matches!(inner, Outcome::Hang(_));
        let fatal = if let Outcome::Fatal(text) = inner {
            longest_part(text)
        } else {
            ""
        };
        format!(
            "#ifndef WATCHDOG\n#define WATCHDOG 3000  /* milliseconds without progress after which it is stuck */\n#endif\n\
             #ifndef CALM\n#define CALM 20        /* looks, a millisecond each, at which all other threads must be still */\n#endif\n\
             #define PATIENCE 250   /* looks, after which a thread that is not still is taken to go round */\n\n\
             #define EXPECTED {}\n#define EXPECTED_INNER {}\n#define EXPECTED_FATAL {}\n#define EXPECTED_THREADS ({})\n\
             #define HANGS_UNSEEN ({})\n#define IN_CHILD {}\n#define LAST_TURN {}\n\n",
            quoted(&ordered.text),
            quoted(inner_text),
            quoted(fatal),
            self.mask(threads),
            self.mask(if hangs { unseen } else { Threads(0) }),
            u8::from(generation > 0),
            self.story.last_turn,
        )
    }

    fn mask(&self, threads: Threads) -> String {
        let bits: Vec<String> = threads
            .indexes()
            .map(|index| {
                let name = identifier(&self.program.threads[index].name);
                format!("1 << T_{name}")
            })
            .collect();
        if bits.is_empty() {
            "0".to_owned()
        } else {
            bits.join(" | ")
        }
    }

    fn pending(&self) -> Vec<BodyId> {
        let pending = self
            .adapters
            .iter()
            .filter(|(_, adapter)| *adapter == Adapter::Pending);
        pending.map(|(body, _)| *body).collect()
    }

    fn enumerations(&self) -> String {
        let names = self.program.threads.iter();
        let constants: String = names
            .clone()
            .map(|thread| format!("T_{}, ", identifier(&thread.name)))
            .collect();
        let texts: Vec<String> = names.map(|thread| quoted(&thread.name)).collect();
        let pending = self.pending();
        let callbacks: String = pending
            .iter()
            .map(|body| format!("C_{}, ", self.callback(*body)))
            .collect();
        let mut callback_names: Vec<String> = pending
            .iter()
            .map(|body| quoted(&self.program.bodies[body.index()].name))
            .collect();
        callback_names.push("NULL".to_owned());
        format!(
            "enum {{ {constants}THREADS }};\nenum {{ {callbacks}CALLBACKS }};\n\n\
             static const char *const names[] = {{{}}};\nstatic const char *const callbacks[] = {{{}}};\n",
            texts.join(", "),
            callback_names.join(", ")
        )
    }

    fn prototypes(&self) -> String {
        let names = self.program.threads.iter();
        let functions: Vec<String> = names
            .map(|thread| format!("thread_{}", identifier(&thread.name)))
            .collect();
        let mut text = String::new();
        for function in &functions {
            text += &format!("static void *{function}(void *);\n");
        }
        text += &format!(
            "static void *(*const bodies[])(void *) = {{{}}};\n\n",
            functions.join(", ")
        );
        text
    }

    fn forks(&self) -> String {
        let forks: Vec<String> = self
            .story
            .forks
            .iter()
            .map(|fork| {
                let (pass, to) = fork.pass.unwrap_or((0, 0));
                format!(
                    "{{.as_child = {}, .turn = {}, .pass = {pass}, .to = {to}}}",
                    u8::from(fork.as_child),
                    fork.turn
                )
            })
            .collect();
        format!(
            "static const struct {{ int as_child, turn, pass, to; }} forks[16] = {{{}}};\n\n",
            forks.join(", ")
        )
    }

    /// The scenario's own names at the level of the file.
    fn variables(&mut self) -> String {
        let program = self.program;
        let mut text = String::new();
        for mutex in &program.mutexes {
            let name = global(&mutex.name);
            text += &format!("static pthread_mutex_t {name} = PTHREAD_MUTEX_INITIALIZER;\n");
        }
        for semaphore in &program.semaphores {
            let name = global(&semaphore.declared.name);
            text += &format!("static sem_t {name};\n");
        }
        for flag in &program.flags {
            text += &format!("static volatile int {};\n", global(&flag.name));
        }
        for object in &program.objects {
            text += &format!("static PyObject *{};\n", global(&object.declared.name));
        }
        for place in 0..program.py_mutexes.len() {
            text += &format!("static PyMutex {};\n", self.py_mutex(place));
        }
        for place in 0..program.tss_keys.len() {
            text += &format!(
                "static Py_tss_t {} = Py_tss_NEEDS_INIT;\n",
                self.tss_key(place)
            );
        }
        for place in 0..program.structures.len() {
            text += &self.declared_structure(place);
        }
        let shared: BTreeSet<_> = self.shared.clone();
        for (body, instance, variable) in shared {
            let name = self.shared_name((body, instance, variable));
            let kind = c_type(self.type_of(body, variable));
            text += &declaration(kind, &name, "static ");
        }
        for body in program.bodies.iter().enumerate() {
            if body.1.kind == BodyKind::Callback {
                let name = self.callback(BodyId(body.0 as u8));
                let parameters = self.parameters(BodyId(body.0 as u8));
                text += &format!("static int {name}_runs;\nstatic int {name}({parameters});\n");
            }
        }
        if self.needs.contains(&Need::States) || text.contains("first_pid") {
            // Only conditions on the forked child ask for it.
        }
        text.push('\n');
        text
    }

    fn declared_structure(&self, place: usize) -> String {
        let structure = &self.program.structures[place];
        let name = self.structure(place);
        let kind = structure.kind;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the other types are no structures"
        )]
        let c_name = match kind {
            Type::InterpreterConfig => "PyInterpreterConfig",
            Type::Config => "PyConfig",
            Type::PreConfig => "PyPreConfig",
            Type::CriticalSection => "PyCriticalSection",
            Type::CriticalSection2 => "PyCriticalSection2",
            Type::Mutex => "PyMutex",
            Type::TssKey => "Py_tss_t",
            _ => return String::new(),
        };
        let fields: Vec<String> = structure
            .fields
            .iter()
            .map(|(field, value)| {
                let field = if kind == Type::InterpreterConfig {
                    CONFIG_FIELDS[*field]
                } else {
                    ConfigField::ALL[*field].name()
                };
                format!(".{field} = {value}")
            })
            .collect();
        if kind == Type::InterpreterConfig {
            format!(
                "static const {c_name} {name} = {{{}}};\n",
                fields.join(", ")
            )
        } else {
            format!("static {c_name} {name};\n")
        }
    }

    fn parameters(&self, body: BodyId) -> String {
        let body = &self.program.bodies[body.index()];
        let count = usize::from(body.parameters);
        let parameters: Vec<String> = body.variables[..count]
            .iter()
            .map(|parameter| declaration_of(c_type(parameter.kind), &identifier(&parameter.name)))
            .collect();
        if parameters.is_empty() {
            "void".to_owned()
        } else {
            parameters.join(", ")
        }
    }

    fn adapter_texts(&mut self) -> String {
        let mut text = String::new();
        for (body, adapter) in self.adapters.clone() {
            text += &self.adapter_text(body, adapter);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// A call of the callback with as many arguments as it takes; those that C does not give are null.
    fn called(&self, body: BodyId, given: &[&str]) -> String {
        let name = self.callback(body);
        let count = usize::from(self.program.bodies[body.index()].parameters);
        let arguments: Vec<&str> = (0..count)
            .map(|place| given.get(place).copied().unwrap_or("0"))
            .collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn adapter_text(&self, body: BodyId, adapter: Adapter) -> String {
        let name = self.callback(body);
        match adapter {
            Adapter::Pending => format!(
                "static int {name}_pending(void *arg)\n{{\n    shared->ran[C_{name}]++;\n    \
                 return raised({});\n}}\n",
                self.called(body, &["arg"])
            ),
            Adapter::AtExit => format!(
                "static void {name}_at_exit(void)\n{{\n    {};\n}}\n",
                self.called(body, &[])
            ),
            Adapter::Data => format!(
                "static void {name}_data(void *data)\n{{\n    {};\n}}\n",
                self.called(body, &["data"])
            ),
            Adapter::Callable => format!(
                "static PyObject *{name}_call(PyObject *self, PyObject *args)\n{{\n    \
                 if (raised({}) == -1)\n        return NULL;\n    Py_RETURN_NONE;\n}}\n\
                 static PyMethodDef {name}_method = {{{}, {name}_call, METH_VARARGS, NULL}};\n",
                self.called(body, &["2"]),
                quoted(&name)
            ),
            Adapter::Dies => format!(
                "static void {name}_dies(PyObject *capsule)\n{{\n    {};\n}}\n",
                self.called(body, &[])
            ),
            Adapter::Plain => String::new(),
            Adapter::Audit => format!(
                "static int {name}_audit(const char *event, PyObject *args, void *data)\n{{\n    \
                 return is_told(event, args) ? raised({}) : 0;\n}}\n",
                self.called(body, &["(void *)event", "args", "data"])
            ),
            Adapter::Trace => format!(
                "static int {name}_trace(PyObject *obj, struct _frame *frame, int what, PyObject *arg)\n{{\n    \
                 if (!evaluating)\n        return 0;\n    evaluating = 0;\n    int result = raised({});\n    \
                 evaluating = 1;\n    return result;\n}}\n",
                self.called(body, &["obj", "frame", "what", "arg"])
            ),
            Adapter::Evaluates => format!(
                "extern PyObject *_PyEval_EvalFrameDefault();\n\
                 static PyObject *{name}_evaluates(PyThreadState *ts, void *frame, int throwflag)\n{{\n    \
                 if (evaluating) {{\n        evaluating = 0;\n        {};\n        evaluating = 1;\n    }}\n    \
                 return _PyEval_EvalFrameDefault(ts, frame, throwflag);\n}}\n",
                self.called(body, &["ts", "frame", "throwflag"])
            ),
            Adapter::Builtin => format!(
                "static PyObject *{name}_call(PyObject *self, PyObject *args)\n{{\n    \
                 if (raised({}) == -1)\n        return NULL;\n    Py_RETURN_NONE;\n}}\n\
                 static PyMethodDef {name}_method = {{{}, {name}_call, METH_VARARGS, NULL}};\n",
                self.called(body, &[]),
                quoted(&name)
            ),
            Adapter::RefTracer => format!(
                "static int {name}_ref_tracer(PyObject *object, PyRefTracerEvent event, void *data)\n{{\n    \
                 if (!is_traced(object, event))\n        return 0;\n    int result = {};\n    \
                 return event > PyRefTracer_DESTROY ? raised(result) : 0;\n}}\n",
                self.called(body, &["object", "(void *)(intptr_t)event", "data"])
            ),
            Adapter::Handler => format!(
                "static void {name}_handler(int signum)\n{{\n    {};\n}}\n",
                self.called(body, &["signum"])
            ),
        }
    }

    fn functions(&mut self, story: &Story, ordered: &Ordered) -> String {
        let mut text = String::new();
        for (index, body) in self.program.bodies.iter().enumerate() {
            if body.kind == BodyKind::Callback {
                let body = BodyId(index as u8);
                let runs: Vec<&Activation> = story
                    .activations
                    .iter()
                    .filter(|activation| activation.body == body)
                    .collect();
                text += &self.callback_function(body, &runs);
            }
        }
        for (index, thread) in self.program.threads.iter().enumerate() {
            let own = story
                .activations
                .iter()
                .find(|activation| activation.thread == index && activation.body == thread.body);
            let mut lines = Lines {
                depth: 1,
                ..Lines::default()
            };
            self.locals.clear();
            if index == 0 {
                for semaphore in &self.program.semaphores {
                    let name = global(&semaphore.declared.name);
                    lines.add(&format!("sem_init(&{name}, 0, {});", semaphore.initial));
                }
            }
            if let Some(activation) = own {
                self.activation(activation, &mut lines);
            }
            let finishes = own.is_some_and(|run| run.items.contains(&Item::Finish));
            let has_ended = ordered.rests.get(index) == Some(&Rest::Ended)
                || self.program.bodies[thread.body.index()].block.is_empty();
            if !finishes && !has_ended {
                lines.add("stop();");
            }
            text += &format!(
                "static void *thread_{}(void *unused)\n{{\n{}{}    return NULL;\n}}\n\n",
                identifier(&thread.name),
                self.declared_locals(),
                lines.text
            );
        }
        text
    }

    fn declared_locals(&self) -> String {
        let mut text: String = self
            .locals
            .iter()
            .map(|(name, kind)| format!("    {}", declaration(kind, name, "")))
            .collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    fn callback_function(&mut self, body: BodyId, runs: &[&Activation]) -> String {
        self.locals.clear();
        let name = self.callback(body);
        let default = self.program.bodies[body.index()].returns;
        let is_plain = |run: &Activation| {
            run.items
                .iter()
                .all(|item| matches!(item, Item::Begins(_) | Item::Ends(_)))
        };
        let first = runs.first();
        let alike = first.is_some_and(|first| {
            runs.iter().all(|run| {
                let whole = run.items == first.items && run.returns == first.returns;
                // The run of the model ended in the midst of it.
                whole || (!run.left && first.left && first.items.starts_with(&run.items))
            })
        });
        let mut lines = Lines {
            depth: 1,
            ..Lines::default()
        };
        if runs.len() > 1 && !(alike && runs.iter().all(|run| is_plain(run))) {
            lines.add(&format!("switch ({name}_runs++) {{"));
            for (number, run) in runs.iter().enumerate() {
                lines.add(&format!("case {number}:"));
                lines.depth = 2;
                self.activation(run, &mut lines);
                self.leave(run, default, &mut lines);
                lines.depth = 1;
            }
            lines.add("}");
            lines.add(&format!("return {default};"));
        } else {
            lines.add(&format!("{name}_runs++;"));
            match runs.first() {
                Some(run) if runs.len() > 1 || is_plain(run) => {
                    self.activation(run, &mut lines);
                    self.leave(run, default, &mut lines);
                }
                Some(run) => {
                    lines.add(&format!("if ({name}_runs > 1)"));
                    lines.add(&format!(
                        "    return {default};  /* more often than in the model's run */"
                    ));
                    self.activation(run, &mut lines);
                    self.leave(run, default, &mut lines);
                }
                None => lines.add(&format!("return {default};")),
            }
        }
        format!(
            "static int {name}({})\n{{\n{}{}}}\n\n",
            self.parameters(body),
            self.declared_locals(),
            lines.text
        )
    }

    /// The end of a run of a callback; one that came to none goes no further.
    fn leave(&mut self, run: &Activation, default: i64, lines: &mut Lines) {
        if !run.left {
            lines.add("stop();");
        } else if self.program.threads.len() > 1 && !run.items.is_empty() {
            lines.add("settle_beside_others();");
        }
        let returned = self.returned(run, default);
        lines.add(&format!("return {returned};"));
    }

    fn returned(&mut self, run: &Activation, default: i64) -> String {
        let at = super::write::At {
            thread: run.thread,
            body: run.body,
        };
        let value = run
            .returns
            .and_then(|id| self.statements.get(&id.0).copied());
        if let Some(statement) = value
            && let tstate::sim::scenario::program::StatementKind::Return(Some(value)) =
                &statement.kind
        {
            return match self.value(at, value) {
                Ok(text) => text,
                Err(why) => {
                    let span = self.program.statements[statement.id.index()].span;
                    self.refuse(span, &why);
                    default.to_string()
                }
            };
        }
        default.to_string()
    }
}

fn declaration_of(kind: &str, name: &str) -> String {
    if kind.ends_with('*') {
        format!("{kind}{name}")
    } else {
        format!("{kind} {name}")
    }
}

fn declaration(kind: &str, name: &str, before: &str) -> String {
    format!("{before}{};\n", declaration_of(kind, name))
}

fn threads_of(outcome: &Outcome) -> Threads {
    match outcome {
        Outcome::Hang(threads)
        | Outcome::Exit(threads)
        | Outcome::Livelock(threads)
        | Outcome::Deadlock(threads) => *threads,
        Outcome::Ok
        | Outcome::Leak
        | Outcome::Lost(_)
        | Outcome::Repeated(_)
        | Outcome::Assertion(_)
        | Outcome::Fatal(_)
        | Outcome::Crash(_)
        | Outcome::Inconclusive
        | Outcome::Child(_) => Threads(0),
    }
}

/// The longest part of a message that has places for pointers.
fn longest_part(message: &str) -> &str {
    message
        .split("%p")
        .max_by_key(|part| part.len())
        .unwrap_or(message)
}
