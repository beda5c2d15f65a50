//! The library of a file: what of it a run needs, in the order in which it stands.

use super::write::{Need, Writer, quoted};
use tstate::runtime::AuditEvent;

const PARTS: [(Need, &str); 28] = [
    (Need::Leaks, include_str!("support/leaks.c")),
    (Need::Memory, include_str!("support/memory.c")),
    (Need::Importing, include_str!("support/importing.c")),
    (Need::FailImport, include_str!("support/fail_import.c")),
    (Need::Claims, include_str!("support/claims.c")),
    (Need::Audit, include_str!("support/audit.c")),
    (Need::Interpreters, include_str!("support/interpreters.c")),
    (Need::Native, include_str!("support/native.c")),
    (Need::AtSignal, include_str!("support/at_signal.c")),
    (Need::AtSite, include_str!("support/at_site.c")),
    (Need::AtMain, include_str!("support/at_main.c")),
    (Need::Raised, include_str!("support/raised.c")),
    (Need::Pending, include_str!("support/pending.c")),
    (Need::EvalAddPending, include_str!("support/add_pending.c")),
    (Need::FailStart, include_str!("support/fail_start.c")),
    (Need::Start, include_str!("support/start.c")),
    (Need::Join, include_str!("support/join.c")),
    (
        Need::PythonThreads,
        include_str!("support/python_threads.c"),
    ),
    (Need::Objects, include_str!("support/objects.c")),
    (Need::RefTracer, include_str!("support/ref_tracer.c")),
    (Need::Callable, include_str!("support/callable.c")),
    (Need::Import, include_str!("support/import.c")),
    (Need::AtClear, include_str!("support/at_clear.c")),
    (Need::AtThreadExit, include_str!("support/at_thread_exit.c")),
    (Need::AtFork, include_str!("support/at_fork.c")),
    (Need::States, include_str!("support/states.c")),
    (
        Need::NewFromConfig,
        include_str!("support/new_interpreter.c"),
    ),
    (Need::OsFork, include_str!("support/os_fork.c")),
];

impl Writer<'_> {
    /// The parts that the text needs.
    pub(super) fn parts(&self) -> String {
        let needed = |need| self.needs.contains(&need);
        let capsule = "PyCapsule_New(&shared, NULL, finalizer)";
        let looked_at = format!("MAKES(OBJECT, {capsule})");
        let hooking = "    if (hooking)\n        return 0;\n";
        let starts = if needed(Need::Start) {
            "routine == start_routine"
        } else {
            "0"
        };
        let mut text = String::new();
        for (_, part) in PARTS.iter().filter(|(need, _)| needed(*need)) {
            let part = part.replace("KNOWN_EVENTS", &known_events());
            let part = part.replace(
                "    HOOKING\n",
                if needed(Need::FailImport) {
                    hooking
                } else {
                    ""
                },
            );
            let part = part.replace("OWN_THREAD", starts);
            let part = part.replace("SITE", if needed(Need::AtSite) { "1" } else { "0" });
            text += &if needed(Need::Memory) {
                part.replace(capsule, &looked_at)
            } else {
                part
            };
        }
        text
    }
}

/// The audit events that the model knows, as strings of C.
fn known_events() -> String {
    let events = AuditEvent::ALL
        .iter()
        .filter(|event| **event != AuditEvent::Import);
    let names: Vec<String> = events.map(|event| quoted(event.name())).collect();
    names.join(", ")
}
