//! Real libpythons under the driver: what a run shows, that it repeats, and that guides are followed.

mod found;

use found::{Found, ask, libpythons, order, program};
use tstate_driver::{Reply, Request};

const TAKES_TURNS: &str = "
thread main {
    Py_Initialize()
    start worker
    PyThreadState *ts = PyEval_SaveThread()
    join worker
    PyEval_RestoreThread(ts)
    Py_FinalizeEx() == 0
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    eval 2
    PyGILState_Release(g)
}";

const TWO_WORKERS: &str = "
native semaphore done = 0
thread main {
    Py_Initialize()
    start one
    start two
    Py_BEGIN_ALLOW_THREADS
        wait done; wait done
    Py_END_ALLOW_THREADS
}
foreign thread one {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
    post done
}
foreign thread two {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
    post done
}";

fn request(found: &Found, scenario: &str) -> Request {
    Request::new(scenario, found.profile())
}

fn run(found: &Found, scenario: &str) -> Reply {
    ask(&mut found.server(false), found, &request(found, scenario))
}

fn tell(found: &Found, reply: &Reply) -> String {
    format!(
        "{}: {} {:?} {:?}\n{}",
        found.profile(),
        reply.end,
        reply.threads,
        reply.waits,
        reply.events.join("\n")
    )
}

#[test]
fn a_worker_takes_turns_with_main() {
    for found in libpythons() {
        let reply = run(&found, TAKES_TURNS);
        let told = tell(&found, &reply);
        assert_eq!(reply.end, "exit 0", "{told}");
        assert_eq!(reply.threads, ["ended", "ended"], "{told}");
        assert_eq!(reply.events.len(), 18, "{told}");
        assert_eq!(
            reply.events[0],
            "0 begins 0 / list 0 cur - check"
                .replace(" check", if found.minor >= 15 { "" } else { " check" },)
        );
        let released = reply
            .events
            .iter()
            .find(|event| event.starts_with("0 ends 2"));
        assert_eq!(
            released.map(String::as_str),
            Some("0 ends 2 = ts0 / init list 1 cur -"),
            "{told}"
        );
    }
}

/// A copy of an initialized process shows what a fresh one shows, and both show it again.
#[test]
fn a_run_repeats_to_the_byte() {
    for found in libpythons() {
        let (mut fresh, mut ready) = (found.server(false), found.server(true));
        for seed in [None, Some(1), Some(2)] {
            let mut request = request(&found, TWO_WORKERS);
            request.seed = seed;
            let first = fresh.run(&request).expect("a reply");
            assert_eq!(fresh.run(&request).expect("a reply"), first);
            let copied = ready.run(&request).expect("a reply");
            assert_eq!(ready.run(&request).expect("a reply"), copied);
            if seed.is_none() {
                assert_eq!(copied, first, "{}", found.profile());
            }
        }
    }
}

/// A run that reads freed memory shows what its own request left there, not what was asked before.
#[test]
fn what_ran_before_does_not_matter() {
    const READS_FREED: &str = "
thread main {
    Py_Initialize()
    PyThreadState *ts = PyThreadState_New(PyInterpreterState_Main())
    PyThreadState_GetID(ts)
    PyThreadState_Clear(ts)
    PyThreadState_Delete(ts)
    PyThreadState_GetID(ts)
    PyThreadState_GetInterpreter(ts) == NULL
}";
    for found in libpythons().iter().filter(|found| found.minor >= 9) {
        for ready in [false, true] {
            let mut server = found.server(ready);
            let freed = request(found, READS_FREED);
            let first = server.run(&freed).expect("a reply");
            assert_eq!(first.refused, None);
            for seed in 0..3 {
                let mut other = request(found, TWO_WORKERS);
                other.seed = Some(seed);
                server.run(&other).expect("a reply");
                assert_eq!(
                    server.run(&freed).expect("a reply"),
                    first,
                    "{}",
                    found.profile()
                );
            }
        }
    }
}

/// Every order that chance came upon can be asked for again by a guide.
#[test]
fn guides_are_followed() {
    for found in libpythons() {
        let mut server = found.server(true);
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..12 {
            let mut random = request(&found, TWO_WORKERS);
            random.seed = Some(seed);
            let by_chance = server.run(&random).expect("a reply");
            assert_eq!(by_chance.end, "exit 0", "{}", tell(&found, &by_chance));
            let mut guided = request(&found, TWO_WORKERS);
            guided.guide = order(&by_chance);
            let reply = server.run(&guided).expect("a reply");
            assert_eq!(reply.guide_left_at, None, "{}", tell(&found, &reply));
            assert_eq!(order(&reply), guided.guide, "{}", tell(&found, &reply));
            orders.insert(guided.guide);
        }
        assert!(
            orders.len() > 6,
            "chance finds different orders: {}",
            orders.len()
        );
    }
}

/// An order that cannot be: the run says how far it was possible.
#[test]
fn an_impossible_guide_is_given_up() {
    for found in libpythons() {
        let mut request = request(&found, TAKES_TURNS);
        request.guide = vec![0, 0, 1];
        let reply = found.server(true).run(&request).expect("a reply");
        assert_eq!(reply.guide_left_at, Some(2), "{}", tell(&found, &reply));
        assert_eq!(reply.end, "exit 0");
    }
}

/// A thread comes back after finalization: the process's end finds it as the release leaves it.
#[test]
fn late_threads_wait_exit_or_hang_by_release() {
    const LATE: &str = "
native semaphore detached = 0
native semaphore finalized = 0
native semaphore never = 0
native flag left
thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
        wait detached
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
    post finalized
    wait never
}
foreign thread worker {
    at_thread_exit(leaves)
    PyGILState_Ensure()
    PyThreadState *ts = PyEval_SaveThread()
    post detached
    wait finalized
    PyEval_RestoreThread(ts)
}
callback leaves { set left }";
    for found in libpythons() {
        let reply = run(&found, LATE);
        let told = tell(&found, &reply);
        let parks = found.since(13, 8);
        let (rest, leaves) = match found.minor {
            8 => ("blocked", false),
            _ if parks => ("hung", false),
            _ => ("exited", true),
        };
        assert_eq!(reply.threads[1], rest, "{told}");
        let entered = reply
            .events
            .iter()
            .any(|event| event.starts_with("1 enters"));
        assert_eq!(entered, leaves, "{told}");
    }
}

#[test]
fn a_deadlock_is_stuck_and_says_who_waits_for_what() {
    const JOINS_ATTACHED: &str = "
thread main {
    Py_Initialize()
    start worker
    join worker
}
foreign thread worker { PyGILState_Ensure() }";
    for found in libpythons() {
        let reply = run(&found, JOINS_ATTACHED);
        assert_eq!(reply.end, "stuck", "{}", tell(&found, &reply));
        assert_eq!(reply.threads, ["blocked", "blocked"]);
        let waits = [
            Some("a primitive of the scenario".to_owned()),
            Some("a condition of the library, timed".to_owned()),
        ];
        assert_eq!(reply.waits, waits);
    }
}

#[test]
fn misuse_ends_in_a_fatal_error_or_a_crash_at_its_statement() {
    const FATAL: &str = "
thread main {
    Py_Initialize()
    PyThreadState *ts = PyThreadState_Get()
    PyThreadState_Clear(ts)
    PyThreadState_Delete(ts)
}";
    const CRASH: &str = "
thread main {
    Py_AddPendingCall(f, NULL)
}
callback f { }";
    for found in libpythons() {
        let reply = run(&found, FATAL);
        assert!(reply.end.starts_with("fatal "), "{}", tell(&found, &reply));
        assert!(reply.end.contains("is still current"), "{}", reply.end);
        let reply = run(&found, CRASH);
        assert_eq!(reply.end, "crash 11", "{}", tell(&found, &reply));
        assert_eq!(reply.events.len(), 1);
        assert!(reply.events[0].starts_with("0 begins 0 "));
    }
}

#[test]
fn callbacks_objects_and_threads_of_python_run() {
    const PYTHON: &str = "
object plain finalizer dies
object ring cyclic finalizer dies
thread main {
    Py_Initialize()
    atexit(first)
    Py_AtExit(last)
    new plain
    touch plain
    drop plain
    assert runs(dies) == 1
    new ring
    drop ring
    collect
    assert runs(dies) == 2
    Py_AddPendingCall(queued, NULL) == 0
    Py_MakePendingCalls() == 0
    assert runs(queued) == 1
    start worker == 0
    worker.join() == 0
    assert ended(worker)
    start sleeper == 0
    Py_FinalizeEx() == 0
    assert runs(first) == 1
    assert runs(last) == 1
}
python thread worker { eval 3 }
daemon thread sleeper { eval }
callback first { assert runs(last) == 0 }
callback last { assert runs(first) == 1 }
callback dies { }
callback queued { }";
    for found in libpythons() {
        let reply = run(&found, PYTHON);
        assert_eq!(reply.end, "exit 0", "{}", tell(&found, &reply));
        assert_eq!(
            reply.threads[..2],
            ["ended", "ended"],
            "{}",
            tell(&found, &reply)
        );
    }
}

/// A claim that does not hold ends the run at its statement; `exit` and `Py_Exit` with their status.
#[test]
fn ends_are_told_apart() {
    for found in libpythons() {
        let assertion = run(&found, "thread main { Py_Initialize(); assert finalizing }");
        assert_eq!(assertion.end, "assertion 1");
        let exit = run(&found, "thread main { exit 7 }");
        assert_eq!(exit.end, "exit 7");
        let exit = run(&found, "thread main { Py_Initialize(); Py_Exit(5) }");
        assert_eq!(exit.end, "exit 5");
    }
}

#[test]
fn bounds_end_a_run() {
    const FOR_EVER: &str = "
native flag never
thread main {
    Py_Initialize()
    repeat until never { eval }
}";
    for found in libpythons() {
        let mut bounded = request(&found, FOR_EVER);
        bounded.events = 20;
        let mut server = found.server(true);
        assert_eq!(server.run(&bounded).expect("a reply").end, "cut events");
        let mut bounded = request(
            &found,
            &FOR_EVER.replace("repeat until never { eval }", "eval until never"),
        );
        bounded.operations = 5_000;
        assert_eq!(server.run(&bounded).expect("a reply").end, "cut operations");
    }
}

#[test]
fn what_cannot_be_driven_is_refused_with_its_name() {
    for found in libpythons() {
        let mut server = found.server(true);
        let mut refused = |scenario: &str| {
            let reply = server.run(&request(&found, scenario)).expect("a reply");
            reply.refused
        };
        let mutex = "PyMutex m = {0}\nthread main { Py_Initialize(); PyMutex_Lock(&m) }";
        let missing = (found.minor < 13).then(|| "PyMutex_Lock is not in this library".to_owned());
        assert_eq!(refused(mutex), missing, "{}", found.profile());
        let pending = "thread main { Py_Initialize(); assert pending == 0 }";
        assert!(refused(pending).is_some_and(|why| why.contains("pending calls")));
        assert!(refused("thread main { no_such_call() }").is_some());
        let stage = "thread main { Py_Initialize(); fail stage main_module }";
        let why = refused(stage).unwrap_or_default();
        assert!(
            why.starts_with("not driven: the stage `main_module`"),
            "{why}"
        );
        let site = refused("thread main { fail stage site; Py_Initialize() }");
        assert!(site.is_some_and(|why| why.contains("`site` is not imported")));
        let mut wrong = request(&found, TAKES_TURNS);
        wrong.profile = "4.0".to_owned();
        assert!(server.run(&wrong).expect("a reply").refused.is_some());
    }
}

/// A stage that can be driven fails, once, and an audit hook is asked and refuses.
#[test]
fn what_is_made_to_fail_fails() {
    const STAGE: &str = "
thread main {
    fail stage importlib_external
    Py_Initialize()
}";
    const HOOK: &str = "
callback refuse(event, args, data) {
    if event == \"cpython.PyInterpreterState_New\" { return -1 }
}
thread main {
    PySys_AddAuditHook(refuse, NULL)
    Py_Initialize()
    Py_NewInterpreter() == NULL
}";
    for found in libpythons() {
        let function = match found.minor {
            ..12 => "init_importlib_external",
            _ => "_PyImport_InitExternal",
        };
        let reply = run(&found, STAGE);
        let fatal = format!("fatal {function}: external importer setup failed");
        assert_eq!(reply.end, fatal, "{}", tell(&found, &reply));
        let reply = run(&found, HOOK);
        let told = tell(&found, &reply);
        let refused = match found.minor {
            ..13 => reply.end == "exit 0",
            _ => reply.end.contains("sys.audit failed") || reply.end.contains("non-NULL old"),
        };
        assert!(refused, "{told}");
    }
}

#[test]
fn what_is_no_libpython_is_an_error() {
    let nothing = tstate_driver::Libpython {
        library: "/dev/null".into(),
        ..tstate_driver::Libpython::default()
    };
    assert!(nothing.probe(program()).is_err());
}

/// No module of `site` and nothing that it would import has run: what a run sees is the library's alone.
#[test]
fn the_library_starts_without_site() {
    for found in libpythons() {
        let started = found.libpython.start(program()).expect("it is initialized");
        let told = format!("{}: {started:?}", found.profile());
        assert!(started.no_site, "{told}");
        assert!(started.modules.iter().any(|name| name == "sys"), "{told}");
        for module in ["site", "sitecustomize", "usercustomize", "threading"] {
            assert!(!started.modules.iter().any(|name| name == module), "{told}");
        }
    }
}

/// Where an event would see something else than the model has, calls under way go on until it sees that; the pushes that
/// it took make the same run again.
#[test]
fn aims_become_pushes_that_repeat() {
    // The worker's `Ensure` has made its thread state or not when main's statement ends.
    const LISTED: &str = "
native flag on
thread main {
    Py_Initialize()
    start worker
    set on
    PyThreadState *ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
}
foreign thread worker { PyGILState_Ensure() }";
    for found in libpythons() {
        let mut server = found.server(true);
        let mut plain = request(&found, LISTED);
        plain.guide = vec![0, 0, 0, 0, 1, 0, 0];
        let before = server.run(&plain).expect("a reply");
        let ends = &before.events[6];
        assert!(
            ends.starts_with("0 ends 2 / init list 1 "),
            "{}",
            tell(&found, &before)
        );
        let mut aimed = plain.clone();
        aimed.aims = before.events[..6].to_vec();
        aimed
            .aims
            .push(ends.replace("list 1 cur 0", "list 2 cur 1"));
        let reply = server.run(&aimed).expect("a reply");
        assert_eq!(reply.missed_at, None, "{}", tell(&found, &reply));
        assert_eq!(reply.events[6], aimed.aims[6], "{}", tell(&found, &reply));
        assert!(!reply.pushes.is_empty());
        plain.pushes.clone_from(&reply.pushes);
        let again = server.run(&plain).expect("a reply");
        assert_eq!(again.events, reply.events, "{}", tell(&found, &again));
        // What cannot be seen is told, and the order is kept all the same.
        aimed.aims[6] = ends.replace("list 1", "list 7");
        let missed = server.run(&aimed).expect("a reply");
        assert_eq!(missed.missed_at, Some(6), "{}", tell(&found, &missed));
        assert_eq!(missed.guide_left_at, None);
    }
}
