//! What stands around a sequence's bodies: declarations, callbacks, and the threads that take turns.

use crate::reference::{Choice, Function, Tool};
use crate::script::{NAMES, Writer};
use std::fmt::Write as _;

impl Writer {
    pub(crate) fn uses(&self, words: &str) -> bool {
        self.bodies.iter().any(|body| body.contains(words))
    }

    /// What threads do before the sequence begins: how many calls that is.
    pub(crate) fn prepare(&mut self, threads: usize) -> usize {
        let mut calls = 0;
        if self.uses("(view)") {
            self.bodies[0].insert_str(0, "    view = PyInterpreterView_FromMain()\n");
            calls += 1;
        }
        if self.uses("(&before)") {
            let line = "    PyPreConfig_InitPythonConfig(&before)\n";
            self.bodies[0].insert_str(0, line);
            calls += 1;
        }
        for number in &self.choices {
            let kind = if Choice(*number).is_isolated() {
                "Isolated"
            } else {
                "Python"
            };
            let line = format!("    PyConfig_Init{kind}Config(&config_{number})\n");
            self.bodies[0].insert_str(0, &line);
            calls += 1;
        }
        if self.uses(".id") {
            self.known_by_ident = true;
            calls += threads;
        }
        calls
    }

    pub(crate) fn declare(&self, text: &mut String, threads: usize) {
        if self.uses("&key") {
            text.push_str("Py_tss_t key = Py_tss_NEEDS_INIT\n");
        }
        if self.uses("&own") {
            text.push_str("PyInterpreterConfig own = _PyInterpreterConfig_INIT\n");
        }
        if self.uses("(&before)") {
            text.push_str("PyPreConfig before\n");
        }
        for number in &self.choices {
            let choice = Choice(*number).text();
            writeln!(text, "PyConfig config_{number} = {choice}")
                .expect("a string takes everything");
        }
        if self.uses(" thing") {
            text.push_str("object thing\n");
        }
        for event in self.told() {
            writeln!(text, "native flag told_{event}").expect("a string takes everything");
        }
        for name in &NAMES[..threads] {
            writeln!(text, "native semaphore turn_{name} = 0").expect("a string takes everything");
        }
    }

    /// Functions that are named somewhere, and those that these name.
    pub(crate) fn callbacks(&self, text: &mut String) {
        let named = |function: &&Function| {
            let adds = [Function::Adds, Function::AddsOwn];
            let added = **function == Function::Plain
                && adds.iter().any(|adds| self.names_function(adds.name()));
            added || self.names_function(function.name())
        };
        for function in Function::ALL.iter().filter(named) {
            let (name, body) = (function.name(), function.body());
            write!(text, "\ncallback {name}(arg) {{\n{body}}}\n")
                .expect("a string takes everything");
        }
        for tool in self.tools() {
            let (name, (parameters, events)) = (tool.name(), tool.body());
            writeln!(text, "\ncallback {name}({parameters}) {{")
                .expect("a string takes everything");
            for (condition, event) in events {
                let fails = if tool.fails_at(event) {
                    "; return -1"
                } else {
                    ""
                };
                writeln!(text, "    if {condition} {{ set told_{event}{fails} }}")
                    .expect("a string takes everything");
            }
            text.push_str("}\n");
        }
    }

    fn tools(&self) -> Vec<Tool> {
        let sets = self.names_function(Function::SetsTrace.name());
        let named =
            |tool: &Tool| (sets && *tool == Tool::Traces) || self.names_function(tool.name());
        Tool::ALL.into_iter().filter(named).collect()
    }

    /// What the callbacks that look on note.
    fn told(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        for tool in self.tools() {
            for (_, event) in tool.body().1 {
                if !all.contains(event) {
                    all.push(*event);
                }
            }
        }
        all
    }

    fn names_function(&self, name: &str) -> bool {
        let is_apart = |letter: char| !(letter.is_alphanumeric() || letter == '_');
        let mut bodies = self.bodies.iter();
        bodies.any(|body| body.split(is_apart).any(|word| word == name))
    }

    pub(crate) fn threads(&self, text: &mut String, threads: usize) {
        let ident = if self.known_by_ident {
            "    id = PyThread_get_thread_ident()\n"
        } else {
            ""
        };
        let mut starts = ident.to_owned();
        for (name, body) in NAMES.iter().zip(&self.bodies).skip(1) {
            writeln!(
                text,
                "\nforeign thread {name} {{\n{ident}    post turn_main\n    wait turn_{name}\n{body}}}"
            )
            .expect("a string takes everything");
            write!(starts, "    start {name}\n    wait turn_main\n")
                .expect("a string takes everything");
        }
        let mut ends = String::new();
        for name in &NAMES[1..threads] {
            write!(ends, "    post turn_{name}\n    join {name}\n")
                .expect("a string takes everything");
        }
        write!(
            text,
            "\nthread main {{\n{starts}{}{ends}}}\n",
            self.bodies[0]
        )
        .expect("a string takes everything");
    }
}
