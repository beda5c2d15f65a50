//! The scenario language: every construct of the reference parses and checks, the printer loses nothing, and no text
//! whatever makes the front end panic.

use proptest::prelude::*;
use tstate::runtime::profile::Profile;
use tstate::sim::scenario::program::{
    Argument, BodyKind, Expression, Program, StatementKind, Step, ThreadId,
};
use tstate::sim::scenario::{check, format, parse, print, unmodelled};

/// Constructs that stand between the items that every case has.
const ITEMS: &[&str] = &[
    "capi 1",
    "scenario \"one line\"",
    "/// The documentation of a scenario.\n/// Two lines.\nscenario \"one line\"",
    "python 3.14",
    "python 3.13 .. 3.15, 3.13.8, 3.14, 3.14t, sound",
    "python 3.13t .. 3.14t",
    "faults keep_bit, drop_bit",
    "bound { preemptions 3; states 200_000 }",
    "bound {\n    preemptions 3 // few\n    states 0x100\n}",
    "native mutex other",
    "native semaphore other = 3",
    "native semaphore other",
    "native flag other",
    "object other cyclic finalizer on_dealloc\ncallback on_dealloc { }",
    "object other finalizer on_dealloc\ncallback on_dealloc(o) { touch o }",
    "PyMutex other = {0}",
    "PyMutex other",
    "Py_tss_t other = Py_tss_NEEDS_INIT",
    "PyInterpreterConfig other = _PyInterpreterConfig_INIT",
    "PyInterpreterConfig other = { .gil = OWN_GIL, .check_multi_interp_extensions = 1 };",
    "PyInterpreterConfig other = {\n    .gil = PyInterpreterConfig_OWN_GIL,\n    .allow_fork = 0,\n};",
    "foreign thread other { }",
    "python thread other { eval }",
    "daemon thread other { eval 3 }",
    "callback other { }",
    "callback other() { }",
    "callback other(void) { }",
    "callback other(x, y) returns -1 { return 0 }",
    "callback other(PyObject *o, PyFrameObject *f, int what, PyObject *arg) { return }",
    "expect { }",
    "expect { allow ok }",
    "expect {\n    allow   ok, hang(worker)  for python >= 3.14\n    reach   deadlock(main, worker) for python < 3.12\n}",
    "expect { allow ok,\n    exit(worker),\n    leak, lost(f), repeated(f), livelock(worker), deadlock, assertion, inconclusive }",
    "expect { never crash; never crash(use_after_free), crash(no_thread_state); never fatal(\"text\"), fatal }",
    "expect { allow child(deadlock(main)), child(child(ok)), crash(wrong_interpreter), crash(two_holders) }",
    "expect { always attached(main) + attached(worker) <= 1 }",
    "expect { finally thread_states == 0; cover waits_for_gil(worker) && attached(main); eventually ended(worker) }",
    "expect { always !(attached(worker) && finalizing && !attached(main)) }",
    "expect { always attached(main)\n    || !initialized\n    || world_stopped }",
    "expect { in child { allow ok; finally interpreters == 0 } }",
    "expect { allow ok for 3.14t; allow ok for python in 3.9 .. 3.11; allow ok for free_threaded }",
    "expect { allow ok for !(python == 3.13.8) && sound || python in 3.8, 3.10 .. 3.12 }",
    "expect { always worker.g == 0; always ts != NULL; cover gil_holder == ts; cover current == NULL }",
    "expect { cover parked(worker) || holds_gil(worker) || held(m) || held(pm); cover runs(f) >= 1 }",
    "expect { cover pending > 0; cover pending(main_interp) == -1; cover thread_states(main_interp) > 1 }",
    "expect { cover attached(worker, main_interp) && interp_of(ts) == main_interp && !in_child && ready }",
    "/* a block comment */ // and a line\n",
];

/// Statements of `main`.
const STATEMENTS: &[&str] = &[
    "PyThreadState *other = PyThreadState_Get();",
    "PyThreadState *other = NULL;",
    "PyThreadState *other;",
    "PyGILState_STATE other = PyGILState_Ensure();",
    "const char *other = Py_GetVersion();",
    "unsigned long other = PyThread_get_thread_ident()",
    "int64_t other = PyInterpreterState_GetID(PyInterpreterState_Main())",
    "other = PyThreadState_New(PyThreadState_GetInterpreter(ts))",
    "other = PyThreadState_New(ts->interp)",
    "other = ts->interp",
    "other = -1",
    "other = start worker2",
    "other = eval 3",
    "Py_FinalizeEx() == 0",
    "Py_FinalizeEx() in { 0, -1 }",
    "Py_FinalizeEx() == 0 for python >= 3.12",
    "Py_AddPendingCall(f, NULL) in { 0, -1 } for 3.14 && !free_threaded",
    "PyThreadState_Swap(NULL) == ts; PyThreadState_Swap(ts)",
    "PyThreadState_Swap(ts) != NULL",
    "other = PyGILState_Ensure",
    "PyEval_SaveThread",
    "PyEval_RestoreThread(\n    ts\n);",
    "Py_BEGIN_ALLOW_THREADS\nsleep\nPy_END_ALLOW_THREADS",
    "Py_BEGIN_ALLOW_THREADS; Py_BLOCK_THREADS; eval 1; Py_UNBLOCK_THREADS; Py_END_ALLOW_THREADS",
    "Py_BEGIN_ALLOW_THREADS\nPy_BEGIN_ALLOW_THREADS\nsleep\nPy_END_ALLOW_THREADS\nPy_END_ALLOW_THREADS",
    "Py_BEGIN_CRITICAL_SECTION(o)\neval 1\nPy_END_CRITICAL_SECTION();",
    "Py_BEGIN_CRITICAL_SECTION2(o, o);\neval 1\nPy_END_CRITICAL_SECTION2();",
    "Py_BEGIN_CRITICAL_SECTION_MUTEX(&pm);\neval 1\nPy_END_CRITICAL_SECTION();",
    "PyCriticalSection other;\nPyCriticalSection_Begin(&other, o)\nPyCriticalSection_End(&other)",
    "PyMutex other = {0}\nPyMutex_Lock(&other)\nPyMutex_Unlock(&other)",
    "PyMutex_Lock(&pm); PyMutex_IsLocked(&pm) == 1; PyMutex_Unlock(&pm)",
    "PyThread_tss_create(&key) == 0\nPyThread_tss_set(&key, ts) == 0\nother = PyThread_tss_get(&key)",
    "start worker2",
    "start worker2 * 3",
    "start worker2 == -1",
    "start worker2 in { 0, -1 } for python < 3.12",
    "join worker",
    "worker2.join()",
    "worker2.join() == -1 for python >= 3.14",
    "lock m\nunlock m",
    "post s\nwait s",
    "set ready\nclear ready",
    "spin until ready && ts != NULL",
    "sleep",
    "eval",
    "eval 200",
    "eval 3 == 0",
    "eval == -1",
    "eval until ready || pending == 0",
    "new o\ntouch o\ndrop o",
    "collect",
    "PyGC_Collect()",
    "import threading",
    "import numpy Py_MOD_GIL_USED",
    "import os.path Py_MOD_GIL_NOT_USED",
    "sys._current_frames() == 0",
    "tracemalloc.start(); tracemalloc.stop()",
    "interpreters.run(main_interp, f) in { 0, -1 }",
    "interpreters.destroy(main_interp)",
    "os.fork { child { exit } parent { eval } }",
    "os.fork() { child { exit } } == -1",
    "signal f",
    "signal",
    "fork { child { PyOS_AfterFork_Child() } parent { PyOS_AfterFork_Parent() } }",
    "fork {\n    parent { }\n    child { exit 1 }\n}",
    "repeat 3 { eval }",
    "repeat until ready { eval 1; sleep }",
    "if ready { eval } else { sleep }",
    "if (ready == 1) { eval }\nelse if (ts == NULL) { sleep }\nelse { sleep }",
    "if ready\n{\n    eval\n}",
    "choose { either { eval } or { sleep } or { } }",
    "choose {\n    either { eval } or { }\n}",
    "fail thread_start",
    "fail alloc",
    "fail stage site",
    "assert ready && ts != NULL && 1 + 2 == 3",
    "assert ready for python >= 3.12",
    "return",
    "exit",
    "exit 3",
    "exit(3);",
    "Py_Exit(0)",
    "Py_AtExit(f); Py_AtExit(NULL)",
    "PyUnstable_AtExit(main_interp, f, NULL)",
    "PyUnstable_AtExit(PyInterpreterState_Get(), with_data, 0)",
    "PySys_AddAuditHook(f, NULL)",
    "PyEval_SetTrace(f, NULL); PyEval_SetProfile(f, NULL)",
    "atexit(f); at_fork(NULL, f, f); at_thread_exit(f); at_clear(ts, f); at_signal(f); at_site(f); at_main(f)",
    "alloc_hook(f)",
    "_PyEval_AddPendingCall(main_interp, f, NULL, 0)",
    "_PyEval_StopTheWorld(main_interp); _PyEval_StartTheWorld(main_interp)",
    "_Py_IsFinalizing() == 0; Py_IsFinalizing() == 0",
    "PyStatus st = Py_NewInterpreterFromConfig(&sub, &own);\nPyStatus_Exception(st) == 0",
    "sub = Py_NewInterpreterFromConfig({ .gil = OWN_GIL, .check_multi_interp_extensions = 1 })",
    "PyConfig config;\nPyConfig_InitPythonConfig(&config);\nother = Py_InitializeFromConfig(&config)",
    "Py_NoSiteFlag = 1",
    "guard = PyInterpreterGuard_FromCurrent()\ntoken = PyThreadState_Ensure(guard)\nPyThreadState_Release(token)",
    "PyInterpreterView *view = PyInterpreterView_FromMain();\nPyInterpreterView_Close(view)",
    "assert worker.g == 0 && worker[0].g == PyGILState_LOCKED",
    "assert PyGILState_UNLOCKED == 1 && attached(main) && !parked(worker)",
];

fn scenario_with(item: &str, statement: &str) -> String {
    let profiles = match (
        item.contains("python 3."),
        statement.contains("Guard") || statement.contains("View"),
    ) {
        (true, _) => "",
        (false, true) => "python 3.15\n",
        (false, false) => "python 3.14\n",
    };
    format!(
        "{profiles}native mutex m\nnative semaphore s = 1\nnative flag ready\nobject o\nPyMutex pm = {{0}}\n\
         Py_tss_t key = Py_tss_NEEDS_INIT\nPyInterpreterConfig own = _PyInterpreterConfig_INIT\n\n{item}\n\n\
         thread main {{\n    Py_Initialize()\n    ts = PyThreadState_Get()\n    start worker\n    {statement}\n}}\n\n\
         foreign thread worker {{\n    g = PyGILState_Ensure()\n    PyGILState_Release(g)\n}}\n\n\
         python thread worker2 {{ eval }}\ncallback f {{ }}\ncallback with_data(data) {{ return 0 }}\n"
    )
}

fn checked(source: &str) -> Program {
    let file = parse(source).unwrap_or_else(|found| panic!("{source}\n{found:#?}"));
    check(&file).unwrap_or_else(|found| panic!("{source}\n{found:#?}"))
}

fn assert_round_trip(source: &str) {
    let file = parse(source).unwrap_or_else(|found| panic!("{source}\n{found:#?}"));
    let printed = print(&file);
    let again = parse(&printed).unwrap_or_else(|found| panic!("{printed}\n{found:#?}"));
    assert_eq!(file, again, "{source}\n---\n{printed}");
    assert_eq!(printed, print(&again));
}

fn all_cases() -> impl Iterator<Item = String> {
    let items = ITEMS.iter().map(|item| scenario_with(item, "eval"));
    items.chain(
        STATEMENTS
            .iter()
            .map(|statement| scenario_with("", statement)),
    )
}

#[test]
fn every_construct_of_the_reference_parses_and_checks() {
    for source in all_cases() {
        checked(&source);
    }
}

#[test]
fn every_construct_survives_the_printer() {
    for source in all_cases() {
        assert_round_trip(&source);
    }
}

#[test]
fn comments_and_single_empty_lines_survive_the_printer() {
    let source = "// first\n\n\n/// doc\nthread main { // opening\n    // leading\n\n    Py_Initialize( /* inside */ ) // behind\n\n\
                  \n    repeat 2 /* before */ { // open\n    } // closed\n    // last\n} // end\n\n// after\n";
    let wanted = "// first\n\n/// doc\nthread main {  // opening\n    // leading\n    /* inside */\n\n    Py_Initialize()  // behind\n\n    \
                  repeat 2 {  /* before */ // open\n    }  // closed\n    // last\n}  // end\n\n// after\n";
    assert_eq!(format(source).expect("it parses"), wanted);
    assert_round_trip(source);
}

/// A thread that Python did not create calls in while the main thread waits for it.
const HAND_OFF: &str = r#"// A thread that Python did not create calls in while the main thread waits for it.
scenario "GIL hand-off with a foreign thread"
python 3.14

thread main {
    Py_InitializeEx(0)
    start worker
    PyThreadState *ts = PyEval_SaveThread();      // C declarations paste as they are
    join worker
    PyEval_RestoreThread(ts);
    Py_FinalizeEx() == 0
}

foreign thread worker {
    repeat 2 {
        g = PyGILState_Ensure()
        eval 1                                    // one bytecode boundary
        PyGILState_Release(g)
    }
}

expect {
    allow   ok                                    // the only outcome that may occur
    always  attached(main) + attached(worker) <= 1
    cover   waits_for_gil(worker) && attached(main)
    finally thread_states == 0
}
"#;

/// A daemon thread holds a C mutex when finalization freezes it; an exit hook wants the mutex.
const RACE: &str = r#"native mutex log_lock

thread main {
    Py_InitializeEx(0)
    Py_AtExit(flush_logs)
    start flusher
    choose {
        either { eval 1 }                         // give the daemon a chance to run
        or     { }                                // or finalize at once
    }
    Py_FinalizeEx()
}

daemon thread flusher {
    repeat 2 {
        lock log_lock
        Py_BEGIN_ALLOW_THREADS
        sleep
        Py_END_ALLOW_THREADS                      // from here on finalization may catch it
        unlock log_lock
    }
}

callback flush_logs {
    lock log_lock
    unlock log_lock
}

expect {
    allow ok, hang(flusher), deadlock(main, flusher)   for python >= 3.14
    allow ok, exit(flusher), deadlock(main)            for python <  3.14
    reach deadlock(main)                          // the known defect: keep its shortest trace
    always !(attached(flusher) && finalizing && !attached(main))
}
"#;

#[test]
fn whole_scenarios_check_are_modelled_and_survive_the_printer() {
    for source in [HAND_OFF, RACE] {
        let program = checked(source);
        assert!(program.warnings.is_empty(), "{:?}", program.warnings);
        assert!(unmodelled(&program, Profile::DEFAULT).is_empty());
        assert_round_trip(source);
    }
}

#[test]
fn the_canonical_form_is_as_recorded() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/format");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("hand_off", format(HAND_OFF).expect("it parses"));
        insta::assert_snapshot!("race", format(RACE).expect("it parses"));
    });
}

#[test]
fn statements_are_numbered_in_preorder() {
    let source = "native flag x\nthread main {\n Py_Initialize()\n repeat 2 { eval; if x { sleep } else if x { eval } }\n exit\n}";
    let program = checked(source);
    let lines: Vec<&str> = program
        .statements
        .iter()
        .map(|info| info.span.text(source))
        .collect();
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert_eq!(
        program.bodies[0].block.last().map(|last| last.id.0),
        Some(7)
    );
}

#[test]
fn threads_are_numbered_by_body_and_start() {
    let program = checked(
        "python thread a { start b }\nthread main { Py_Initialize(); repeat 2 { start a }; start b * 2 }\nforeign thread b { }",
    );
    let names: Vec<&str> = program.threads.iter().map(|thread| &*thread.name).collect();
    assert_eq!(
        names,
        ["main", "a[0]", "a[1]", "b[0]", "b[1]", "b[2]", "b[3]"]
    );
    assert_eq!(program.bodies[2].first_thread, Some(ThreadId(3)));
    assert_eq!(program.bodies[0].kind, BodyKind::Python);
    let StatementKind::Step {
        step: Step::Start { first, .. },
        ..
    } = &program.bodies[1].block[2].kind
    else {
        panic!("the third statement of `main` is a start");
    };
    assert_eq!(*first, 2, "the first two belong to the starts of `a`");
}

#[test]
fn alternatives_share_their_threads() {
    let program = checked(
        "thread main { Py_Initialize(); choose { either { start w } or { start w * 2 } or { } } }\nforeign thread w { }",
    );
    assert_eq!(program.bodies[1].instances, 2);
}

#[test]
fn constants_fold_and_an_address_binds() {
    let program = checked(
        "python 3.14\nthread main { Py_Initialize(); exit -(1) + 3; st = Py_NewInterpreterFromConfig(&sub, { .gil = 2 }) }",
    );
    let StatementKind::Exit(Expression::Number(2)) = program.bodies[0].block[1].kind else {
        panic!("{:?}", program.bodies[0].block[1]);
    };
    let StatementKind::Step {
        step: Step::Call(call),
        ..
    } = &program.bodies[0].block[2].kind
    else {
        panic!("{:?}", program.bodies[0].block[2]);
    };
    assert!(matches!(call.arguments[0], Argument::Bind(_)));
    assert_eq!(program.structures[0].fields, [(6, 2)].into());
}

#[test]
fn a_restriction_compares_releases() {
    let cases = [
        ("python >= 3.13", "3.13.8", true),
        ("python < 3.13", "3.13.8", false),
        ("python <= 3.13", "3.13", true),
        ("python == 3.13.8", "3.13", false),
        ("python >= 3.13.8", "3.13", true),
        ("python >= 3.13.8", "3.13.7", false),
        ("python in 3.9 .. 3.11", "3.10.2", true),
        ("3.14t", "3.14", false),
        ("3.14t", "3.14t", true),
        ("3.14", "3.14t", true),
        ("python > 3.14", "sound", true),
        ("!sound && free_threaded", "3.13t", true),
        ("keep_bit", "3.14", false),
    ];
    for (restriction, profile, wanted) in cases {
        let program = checked(&format!(
            "faults keep_bit\nthread main {{ Py_Initialize() }}\nexpect {{ allow ok for {restriction} }}"
        ));
        let profile: Profile = profile.parse().expect("a profile");
        assert_eq!(
            program.claims[0].binds(profile, None),
            wanted,
            "{restriction} under {profile}"
        );
    }
}

#[test]
fn profiles_are_written_as_they_are_read() {
    for text in ["3.8", "3.13.8", "3.14t", "3.14.2t", "sound"] {
        let profile: Profile = text.parse().expect("a profile");
        assert_eq!(profile.to_string(), text);
    }
    for text in [
        "", "3", "3.", "3.7", "3.16", "2.14", "3.14.", "3.+9", "3.12t", "3.999", "t",
    ] {
        assert!(text.parse::<Profile>().is_err(), "{text}");
    }
}

#[test]
fn the_default_build_of_every_release_is_modelled() {
    let program = checked("thread main { Py_Initialize(); Py_FinalizeEx() == 0 }");
    assert!(unmodelled(&program, Profile::DEFAULT).is_empty());
    assert_eq!(program.profiles, [Profile::DEFAULT]);
    for profile in Profile::releases() {
        assert!(unmodelled(&program, profile).is_empty(), "{profile}");
    }
    for text in ["3.13t", "3.14t", "sound"] {
        let profile: Profile = text.parse().expect("a profile");
        assert_eq!(unmodelled(&program, profile).len(), 1, "{text}");
    }
}

/// As much of a text as a failure should show.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(2_000)]
}

/// Parses, checks, formats and prints; nothing of it may panic.
fn survives(source: &str) {
    let _formatted = format(source);
    let Ok(file) = parse(source) else { return };
    let printed = print(&file);
    // Indentation can make a file too large to be read again.
    if printed.len() <= 1 << 20 {
        let again = parse(&printed)
            .unwrap_or_else(|found| panic!("{}\n{:?}", beginning(&printed), found.first()));
        assert!(
            file == again,
            "{}\n---\n{}",
            beginning(source),
            beginning(&printed)
        );
    }
    if let Ok(program) = check(&file) {
        let _refused = unmodelled(&program, Profile::DEFAULT);
    }
}

#[test]
fn deep_and_long_files_are_refused_or_read() {
    for (open, close) in [
        ("(", ")"),
        ("!", ""),
        ("{", "}"),
        ("f(", ")"),
        ("-", ""),
        ("child(", ")"),
    ] {
        let nested = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        survives(&format!("thread main {{ assert {nested} }}"));
        survives(&format!("thread main {{ assert 1 for {nested} }}"));
        survives(&format!("expect {{ allow {nested} }}"));
        survives(&nested);
    }
    let chain = "1 + ".repeat(50_000);
    survives(&format!("thread main {{ assert {chain} 1 }}"));
    survives(&format!(
        "thread main {{ x = ts{} }}",
        "->interp".repeat(50_000)
    ));
    survives(&format!(
        "thread main {{ {} }}",
        "if 1 { } else ".repeat(5_000)
    ));
    survives(&format!(
        "thread main {{ {} }}",
        "repeat 2 { ".repeat(5_000)
    ));
    survives(&format!("thread main {{ {} }}", "eval;".repeat(200_000)));
    survives(&format!(
        "thread main {{ {}",
        "Py_BEGIN_ALLOW_THREADS\n".repeat(5_000)
    ));
    survives(&"x".repeat(1 << 21));
    survives(&format!("thread main {{ {}() }}", "x".repeat(500_000)));
}

/// Words and marks that a mutated file is made of.
const TOKENS: &[&str] = &[
    "thread",
    "main",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "0",
    "-1",
    "3.14",
    "..",
    ",",
    ";",
    "\n",
    "=",
    "==",
    "&&",
    "||",
    "!",
    "->",
    "&",
    "*",
    ".",
    "\"text\"",
    "\"",
    "//",
    "/*",
    "*/",
    "///",
    "repeat",
    "until",
    "if",
    "else",
    "choose",
    "either",
    "or",
    "fork",
    "child",
    "parent",
    "expect",
    "allow",
    "ok",
    "for",
    "python",
    "in",
    "x",
    "worker",
    "start",
    "eval",
    "Py_BEGIN_ALLOW_THREADS",
    "Py_END_ALLOW_THREADS",
    "Py_END_CRITICAL_SECTION",
    "callback",
    "returns",
    "native",
    "object",
    "os",
    "join",
    "é",
    "\u{feff}",
    "\r\n",
    "\0",
    "99999999999999999999",
    "Py_FinalizeEx",
    "PyThreadState",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(source in any::<String>()) {
        survives(&source);
    }

    #[test]
    fn arbitrary_tokens_never_panic(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..60)) {
        survives(&tokens.join(" "));
    }

    #[test]
    fn a_mutated_scenario_never_panics(
        item in proptest::sample::select(ITEMS),
        statement in proptest::sample::select(STATEMENTS),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), proptest::sample::select(TOKENS), 0..3_u8), 1..6),
    ) {
        let mut parts: Vec<String> = scenario_with(item, statement)
            .split_inclusive([' ', '\n', '(', ')'])
            .map(str::to_owned)
            .collect();
        for (place, token, how) in edits {
            let place = place.index(parts.len());
            match how {
                0 => parts[place] = format!("{token} "),
                1 => parts.insert(place, format!("{token} ")),
                _ => parts[place].clear(),
            }
        }
        survives(&parts.concat());
    }
}
