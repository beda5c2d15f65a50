//! Plans on real libpythons: that what chance decides runs again by its list, that few switches find a known deadlock and
//! leave its repaired twin alone, and what is told beside.

mod found;

use found::{Found, ask, libpythons, order, program};
use tstate_driver::{Chance, Departure, Departures, Mode, Plan, Planned, Reply, Request, Server};

/// The worker may wait for the lock with the GIL.
const ONCE: &str = "
native mutex once
thread main {
    Py_Initialize()
    start worker
    lock once
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    unlock once
    Py_BEGIN_ALLOW_THREADS
    join worker
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    lock once
    unlock once
    PyGILState_Release(g)
}";

/// The worker waits for the lock without the GIL.
const ONCE_FIXED: &str = "
native mutex once
thread main {
    Py_Initialize()
    start worker
    lock once
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    unlock once
    Py_BEGIN_ALLOW_THREADS
    join worker
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}
foreign thread worker {
    lock once
    unlock once
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
}";

const JOINS_ATTACHED: &str = "
thread main {
    Py_Initialize()
    start worker
    join worker
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
}";

const REQUEUES: &str = "
thread main {
    Py_Initialize()
    Py_AddPendingCall(again, NULL)
    Py_FinalizeEx()
}
callback again(arg) {
    Py_AddPendingCall(again, NULL)
    return 0
}";

const LOSES: &str = "
thread main {
    Py_Initialize()
    Py_AddPendingCall(call, NULL) == 0
}
callback call(arg) { return 0 }";

/// The last call is given a thread state that was freed.
const CLEARS_TWICE: &str = "
thread main {
    Py_Initialize()
    PyThreadState *t = PyThreadState_New(PyInterpreterState_Main())
    PyThreadState_Clear(t)
    PyThreadState_Delete(t)
    PyThreadState_Clear(t)
}";

fn run(server: &mut Server, found: &Found, scenario: &str, plan: Plan) -> Reply {
    let mut request = Request::new(scenario, found.profile());
    request.plan = Some(plan);
    request.operations = 20_000;
    ask(server, found, &request)
}

fn planned(reply: &Reply) -> &Planned {
    reply.planned.as_ref().expect("a planned run")
}

fn by(chance: Chance) -> Plan {
    Plan {
        chance: Some(chance),
        ..Plan::default()
    }
}

fn of(departures: Departures) -> Plan {
    Plan {
        departures,
        chance: None,
        tell: true,
    }
}

/// Everything on each library, with one process of the driver; the search on some of them, as it takes many runs.
#[test]
fn plans_hold_on_every_library() {
    for (number, found) in libpythons().into_iter().enumerate() {
        let mut server = found.server(true);
        what_chance_decides_runs_again_by_its_list(&mut server, &found);
        if number % 4 == 0 {
            one_switch_finds_the_deadlock_and_leaves_the_repaired_twin_alone(&mut server, &found);
        }
        what_cannot_be_kept_to_is_counted(&mut server, &found);
        whom_threads_wait_for_and_what_is_owed_is_told(&mut server, &found);
        if found.since(13, 0) {
            a_run_without_end_is_cut_when_turns_were_taken(&mut server, &found);
        }
        a_free_run_needs_the_c_librarys_own_primitives(&mut server, &found);
        what_is_freed_cannot_be_read_where_it_is_fenced_off(&found);
    }
}

fn what_chance_decides_runs_again_by_its_list(server: &mut Server, found: &Found) {
    let mut lists = 0;
    for seed in 0..3 {
        let pct = Chance::Pct {
            seed,
            depth: 3,
            decisions: 25,
        };
        for chance in [Chance::Random { seed }, pct] {
            let first = run(server, found, ONCE, by(chance));
            let list = planned(&first).departures.clone();
            lists += usize::from(!list.0.is_empty());
            let again = run(
                server,
                found,
                ONCE,
                Plan {
                    departures: list,
                    ..Plan::default()
                },
            );
            assert_eq!(again, first, "{} {chance:?}", found.profile());
        }
    }
    assert!(lists > 3, "{}: chance decides something", found.profile());
}

/// The ends of the default run and of all that take the turn once.
fn within_one_switch(server: &mut Server, found: &Found, scenario: &str) -> Vec<String> {
    let first = run(server, found, scenario, of(Departures::default()));
    let mut ends = vec![first.end.clone()];
    for decision in &planned(&first).decisions {
        for choice in decision.costly.iter().chain(&decision.free) {
            let departure = Departure {
                thread: decision.thread,
                point: decision.point,
                choice: *choice,
            };
            let reply = run(server, found, scenario, of(Departures(vec![departure])));
            assert_eq!(planned(&reply).unkept, 0, "{} {departure}", found.profile());
            ends.push(reply.end);
        }
    }
    ends
}

fn one_switch_finds_the_deadlock_and_leaves_the_repaired_twin_alone(
    server: &mut Server,
    found: &Found,
) {
    let ends = within_one_switch(server, found, ONCE);
    assert!(ends.len() > 10, "{}: {ends:?}", found.profile());
    assert_eq!(ends[0], "exit 0", "{}", found.profile());
    assert!(
        ends.iter().any(|end| end == "stuck"),
        "{}: {ends:?}",
        found.profile()
    );
    let ends = within_one_switch(server, found, ONCE_FIXED);
    assert!(ends.len() > 10, "{}: {ends:?}", found.profile());
    assert!(
        ends.iter().all(|end| end == "exit 0"),
        "{}: {ends:?}",
        found.profile()
    );
}

fn what_cannot_be_kept_to_is_counted(server: &mut Server, found: &Found) {
    let list = "0.2=5,0.3=p1,7.0=1".parse().expect("a list");
    let reply = run(server, found, ONCE, of(list));
    assert_eq!(planned(&reply).unkept, 3, "{}", found.profile());
    assert_eq!(planned(&reply).departures, Departures::default());
}

fn whom_threads_wait_for_and_what_is_owed_is_told(server: &mut Server, found: &Found) {
    let reply = run(server, found, JOINS_ATTACHED, Plan::default());
    assert_eq!(reply.end, "stuck", "{}", found.profile());
    assert_eq!(
        planned(&reply).waits_for,
        [Some(1), Some(0)],
        "{}",
        found.profile()
    );
    let reply = run(server, found, LOSES, Plan::default());
    assert_eq!(reply.end, "exit 0", "{}", found.profile());
    assert_eq!(planned(&reply).owed, [0, 1], "{}", found.profile());
}

fn a_run_without_end_is_cut_when_turns_were_taken(server: &mut Server, found: &Found) {
    let reply = run(server, found, REQUEUES, Plan::default());
    assert_eq!(reply.end, "cut events", "{}", found.profile());
    assert_eq!(planned(&reply).busy, [0], "{}", found.profile());
}

fn what_is_freed_cannot_be_read_where_it_is_fenced_off(found: &Found) {
    let ends = |fenced| {
        let mode = Mode {
            ready: true,
            fenced,
            ..Mode::default()
        };
        let mut server = Server::spawn(&found.libpython, program(), mode).expect("it starts");
        let of = |server: &mut Server, scenario| run(server, found, scenario, Plan::default()).end;
        let once = of(&mut server, ONCE_FIXED);
        let twice = of(&mut server, CLEARS_TWICE);
        assert_eq!(once, "exit 0", "{}", found.profile());
        assert_eq!(twice == "freed", fenced, "{}: {twice}", found.profile());
    };
    ends(true);
    ends(false);
}

fn a_free_run_needs_the_c_librarys_own_primitives(server: &mut Server, found: &Found) {
    let mut request = Request::new(ONCE_FIXED, found.profile());
    request.free = true;
    let refused = server.run(&request).expect("a reply");
    assert!(refused.refused.is_some(), "{}", found.profile());
    let mode = Mode {
        ready: true,
        sampled: true,
        ..Mode::default()
    };
    let mut server = Server::spawn(&found.libpython, program(), mode).expect("it starts");
    let reply = ask(&mut server, found, &request);
    assert_eq!(
        reply.end,
        "exit 0",
        "{}: {:?}",
        found.profile(),
        reply.events
    );
    assert_eq!(reply.threads, ["ended", "ended"], "{}", found.profile());
    let threads = order(&reply);
    assert!(threads.contains(&0) && threads.contains(&1), "{threads:?}");
}
