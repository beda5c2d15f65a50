//! Sampled mode: real primitives show runs of the same form, which end as those of the other mode do.

mod found;

use found::{Found, ask, libpythons, order};
use tstate_driver::{Mode, Reply, Request, Server};

const TWO_WORKERS: &str = "
native semaphore done = 0
thread main {
    Py_Initialize()
    start one
    start two
    Py_BEGIN_ALLOW_THREADS
        wait done; wait done
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}
foreign thread one {
    PyGILState_STATE g = PyGILState_Ensure()
    eval 3
    PyGILState_Release(g)
    post done
}
foreign thread two {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
    post done
}";

fn sampled(found: &Found) -> Server {
    let mode = Mode {
        ready: true,
        sampled: true,
        ..Mode::default()
    };
    found.server_in(mode)
}

fn guided(server: &mut Server, found: &Found, scenario: &str, guide: &[u8]) -> Reply {
    let mut request = Request::new(scenario, found.profile());
    request.guide = guide.to_vec();
    ask(server, found, &request)
}

fn tell(found: &Found, reply: &Reply) -> String {
    let events = reply.events.join("\n");
    format!("{} sampled: {reply:?}\n{events}", found.profile())
}

/// The order that ours takes by itself is taken on real primitives too. One in which two threads want the GIL at once may
/// not be, and then the reply says how far it was.
#[test]
fn real_primitives_follow_the_orders_of_ours() {
    for found in libpythons() {
        let (mut ours, mut real) = (found.server(true), sampled(&found));
        for seed in std::iter::once(None).chain((1..=4).map(Some)) {
            let mut request = Request::new(TWO_WORKERS, found.profile());
            request.seed = seed;
            let guide = order(&ours.run(&request).expect("a reply"));
            let reply = guided(&mut real, &found, TWO_WORKERS, &guide);
            let told = tell(&found, &reply);
            assert_eq!(reply.end, "exit 0", "{told}");
            assert_eq!(reply.threads, ["ended"; 3], "{told}");
            let kept = reply.guide_left_at.unwrap_or(guide.len());
            assert_eq!(order(&reply)[..kept], guide[..kept], "{told}");
            assert!(seed.is_some() || kept == guide.len(), "{told}");
        }
    }
}

#[test]
fn who_waits_for_the_gil_for_ever_is_blocked() {
    const JOINS_ATTACHED: &str = "
thread main { Py_Initialize(); start worker; join worker }
foreign thread worker { PyGILState_Ensure() }";
    for found in libpythons() {
        let reply = guided(&mut sampled(&found), &found, JOINS_ATTACHED, &[]);
        let told = tell(&found, &reply);
        assert_eq!(reply.end, "stuck", "{told}");
        assert_eq!(reply.threads, ["blocked", "blocked"], "{told}");
        let waits = ["a primitive of the scenario", "something of the library"];
        assert_eq!(
            reply.waits,
            waits.map(|what| Some(what.to_owned())),
            "{told}"
        );
    }
}

/// A thread that comes back after finalization waits, exits or is parked as the release has it: no guess is made.
#[test]
fn exited_and_hung_are_certain() {
    const LATE: &str = "
native semaphore detached = 0
native semaphore finalized = 0
native semaphore never = 0
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
    PyGILState_Ensure()
    PyThreadState *ts = PyEval_SaveThread()
    post detached
    wait finalized
    PyEval_RestoreThread(ts)
}";
    for found in libpythons() {
        let reply = guided(&mut sampled(&found), &found, LATE, &[]);
        let rest = match found.minor {
            8 => "blocked",
            _ if found.since(13, 8) => "hung",
            _ => "exited",
        };
        assert_eq!(reply.end, "stuck", "{}", tell(&found, &reply));
        assert_eq!(reply.threads[1], rest, "{}", tell(&found, &reply));
    }
}

/// Threads of Python, conditions, and a thread that runs bytecode and is never still.
#[test]
fn busy_threads_and_threads_of_python_go_on() {
    const BUSY: &str = "
native flag enough
thread main {
    Py_Initialize()
    start busy == 0
    start other == 0
    Py_BEGIN_ALLOW_THREADS
        spin until ended(other)
        set enough
    Py_END_ALLOW_THREADS
    busy.join() == 0
    Py_FinalizeEx() == 0
}
python thread busy { eval until enough }
python thread other { eval 2 }";
    for found in libpythons() {
        let reply = guided(&mut sampled(&found), &found, BUSY, &[]);
        assert_eq!(reply.end, "exit 0", "{}", tell(&found, &reply));
        assert_eq!(reply.threads, ["ended"; 3], "{}", tell(&found, &reply));
    }
}
