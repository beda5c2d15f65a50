//! Plans on real libpythons: that what chance decides runs again by its list, that few switches find a known deadlock and
//! leave its repaired twin alone, and what is told beside.

#[path = "../found/mod.rs"]
mod found;
#[cfg(target_arch = "x86_64")]
mod inline;

use found::{Found, ask, libpythons, order};
use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::Profile;
use tstate::sim::conform::legs_of;
use tstate::sim::scenario;
use tstate::sim::verdict::Outcome;
use tstate::sim::{CheckOptions, check};
use tstate_driver::{
    Chance, Choice, Decision, Departure, Departures, Leg, Mode, Plan, Planned, Reply, Request,
    Server, TIMED,
};

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

/// The worker may come while finalization takes no calls any more.
const REFUSED: &str = "
thread main {
    Py_Initialize()
    start worker
    Py_FinalizeEx()
    join worker
}
foreign thread worker {
    Py_AddPendingCall(call, NULL)
}
callback call {
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

/// The worker waits for the GIL of a runtime that is gone.
const LATE: &str = "
native semaphore inside = 0
native semaphore finalized = 0
native semaphore done = 0
thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
    wait inside
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
    post finalized
    spin until waits_for_gil(worker)
    post done
    post done
    post done
    assert waits_for_gil(worker)
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    PyThreadState *ts = PyEval_SaveThread()
    post inside
    wait finalized
    PyEval_RestoreThread(ts)
}";

/// The worker waits for the GIL from before finalization on. Since 3.15 it sees with a time-out that it is too late.
const TOO_LATE: &str = "
object o finalizer teardown
thread main {
    Py_Initialize()
    new o
    start worker
    Py_FinalizeEx() == 0
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    PyGILState_Release(g)
}
callback teardown {
    spin until ended(worker) || parked(worker)
}";

/// The thread makes a thread state, and ends with it.
const ABANDONS: &str = "
thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
    join worker
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}
foreign thread worker {
    PyThreadState_New(PyInterpreterState_Main())
}";

/// As above, but the main thread does.
const KEEPS: &str = "
thread main {
    Py_Initialize()
    PyThreadState_New(PyInterpreterState_Main())
    Py_FinalizeEx() == 0
}";

/// Finalization begins while the worker starts a daemon, which comes too late for its thread state.
const STARTS_LATE: &str = "
native semaphore made = 0
thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
    wait made
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}
foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    post made
    start late
    PyGILState_Release(g)
}
daemon thread late {}";

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

fn by_list(departures: Departures) -> Plan {
    Plan {
        departures,
        ..Plan::default()
    }
}

fn by_legs(seed: u64, legs: Vec<Leg>) -> Plan {
    by(Chance::Legs {
        seed,
        legs,
        decisions: 100,
    })
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
        a_point_that_is_told_without_others_is_as_the_next_one(&mut server, &found);
        legs_of_the_model_come_to_its_deadlock(&mut server, &found);
        what_cannot_be_kept_to_is_counted(&mut server, &found);
        whom_threads_wait_for_and_what_is_owed_is_told(&mut server, &found);
        if !found.since(9, 0) {
            who_is_between_two_timed_waits_waits_for_the_gil(&mut server, &found);
        }
        if !found.since(10, 0) {
            who_gives_the_gil_away_from_under_its_holder_is_seen(&mut server, &found);
        }
        if found.since(15, 0) {
            who_has_used_up_its_time_outs_gets_more_before_a_run_is_stuck(&mut server, &found);
        }
        if found.since(13, 0) {
            a_run_without_end_is_cut_when_turns_were_taken(&mut server, &found);
        }
        if found.since(14, 0) {
            a_thread_that_began_too_late_leaves_its_thread_state(&found);
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
            let first = run(server, found, ONCE, by(chance.clone()));
            let list = planned(&first).departures.clone();
            lists += usize::from(!list.0.is_empty());
            let again = run(server, found, ONCE, by_list(list));
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

/// Others go on at a point that only code of ours divides from the thread's next one, or at that: all ends the same.
fn a_point_that_is_told_without_others_is_as_the_next_one(server: &mut Server, found: &Found) {
    let first = run(server, found, ONCE, of(Departures::default()));
    let all = &planned(&first).decisions;
    let is_quiet = |one: &&Decision| one.free.is_empty() && one.costly.is_empty();
    let quiet: Vec<&Decision> = all.iter().filter(is_quiet).collect();
    let counts = (quiet.len(), all.len());
    assert!(
        quiet.len() > 5 && all.len() > quiet.len() + 5,
        "{}: {counts:?}",
        found.profile()
    );
    for decision in quiet {
        let runs = [decision.point, decision.point + 1].map(|point| {
            let departure = Departure {
                thread: decision.thread,
                point,
                choice: Choice::Run(1),
            };
            let reply = run(server, found, ONCE, of(Departures(vec![departure])));
            assert_eq!(planned(&reply).unkept, 0, "{} {departure}", found.profile());
            (reply.end, reply.threads, reply.waits)
        });
        assert_eq!(runs[0], runs[1], "{} {decision:?}", found.profile());
    }
}

/// The legs of the model's shortest run to the deadlock.
fn legs_to_deadlock(found: &Found) -> Vec<Leg> {
    let program = scenario::parse(ONCE).and_then(|ast| scenario::check(&ast));
    let program = Arc::new(program.expect("a scenario"));
    let profile: Profile = found.profile().parse().expect("a profile");
    let options = CheckOptions::default();
    let checked = check(&program, ONCE, profile, &options, &mut |_| true);
    let mut outcomes = checked.verdict.outcomes.into_iter();
    let deadlock = outcomes
        .find(|found| matches!(found.outcome, Outcome::Deadlock(_)))
        .expect("the model has it");
    let legs = legs_of(&program, profile, &deadlock.schedule.choices);
    legs.into_iter().map(Leg::from).collect()
}

fn legs_of_the_model_come_to_its_deadlock(server: &mut Server, found: &Found) {
    let legs = legs_to_deadlock(found);
    assert!(legs.len() > 2, "{}: {legs:?}", found.profile());
    let seeds = 0..8;
    let runs: Vec<Reply> = seeds
        .map(|seed| {
            let legs = legs.clone();
            run(server, found, ONCE, by_legs(seed, legs))
        })
        .collect();
    let stuck = runs.iter().find(|reply| reply.end == "stuck");
    let stuck = stuck.unwrap_or_else(|| panic!("{}: {legs:?} {runs:?}", found.profile()));
    let list = planned(stuck).departures.clone();
    let again = run(server, found, ONCE, by_list(list));
    assert_eq!(again, *stuck, "{}", found.profile());
    // Without legs, and with the first alone, it is the default run.
    let default = run(server, found, ONCE, Plan::default());
    for legs in [Vec::new(), legs[..1].to_vec()] {
        let reply = run(server, found, ONCE, by_legs(1, legs));
        assert_eq!(reply, default, "{}", found.profile());
    }
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

/// In 3.8 a late thread goes round in the GIL's timed wait for ever, wherever in the round the process ends.
fn who_is_between_two_timed_waits_waits_for_the_gil(server: &mut Server, found: &Found) {
    let mut rests = BTreeSet::new();
    for seed in 0..40 {
        let reply = run(server, found, LATE, by(Chance::Random { seed }));
        assert_eq!(reply.end, "exit 0", "{} {seed}", found.profile());
        let waits = reply.waits[1].as_deref();
        assert_eq!(waits, Some(TIMED), "{} {seed}", found.profile());
        rests.insert(reply.threads[1].clone());
    }
    let both = ["blocked", "running"].map(str::to_owned);
    assert_eq!(rests, BTreeSet::from(both), "{}", found.profile());
}

/// It may have used up its time-outs before there is anything to see.
fn who_has_used_up_its_time_outs_gets_more_before_a_run_is_stuck(
    server: &mut Server,
    found: &Found,
) {
    for seed in 0..40 {
        let mut request = Request::new(TOO_LATE, found.profile());
        request.plan = Some(by(Chance::Random { seed }));
        request.ticks = 1;
        let reply = ask(server, found, &request);
        assert_eq!(reply.end, "exit 0", "{} {seed}", found.profile());
    }
}

fn a_run_without_end_is_cut_when_turns_were_taken(server: &mut Server, found: &Found) {
    let reply = run(server, found, REQUEUES, Plan::default());
    assert_eq!(reply.end, "cut events", "{}", found.profile());
    assert_eq!(planned(&reply).busy, [0], "{}", found.profile());
}

/// 3.8 prints an error for a pending call that it refuses, with whatever thread state is current.
fn who_gives_the_gil_away_from_under_its_holder_is_seen(server: &mut Server, found: &Found) {
    let mut sees = |point: u32| {
        let list = format!("0.{point}=1").parse().expect("a list");
        let reply = run(server, found, REFUSED, by_list(list));
        planned(&reply).two_holders
    };
    let seen = (0..30).filter(|point| sees(*point)).count();
    assert!(seen < 30, "{}: not where nobody did", found.profile());
    assert_eq!(seen > 0, !found.since(9, 0), "{}", found.profile());
}

fn what_is_freed_cannot_be_read_where_it_is_fenced_off(found: &Found) {
    let ends = |fenced| {
        let mode = Mode {
            ready: true,
            fenced,
            ..Mode::default()
        };
        let mut server = found.server_in(mode);
        let of = |server: &mut Server, scenario| run(server, found, scenario, Plan::default()).end;
        let once = of(&mut server, ONCE_FIXED);
        let twice = of(&mut server, CLEARS_TWICE);
        let left = |server: &mut Server, scenario| {
            let reply = run(server, found, scenario, Plan::default());
            assert_eq!(reply.end, "exit 0", "{}", found.profile());
            reply.left
        };
        // Up to 3.13 finalization frees them all.
        let abandoned = if found.since(14, 0) { vec![1] } else { vec![] };
        let told = [ABANDONS, KEEPS, ONCE_FIXED].map(|scenario| left(&mut server, scenario));
        let expected = [abandoned, vec![], vec![]].map(|left| fenced.then_some(left));
        assert_eq!(told, expected, "{}", found.profile());
        assert_eq!(once, "exit 0", "{}", found.profile());
        assert_eq!(twice == "freed", fenced, "{}: {twice}", found.profile());
    };
    ends(true);
    ends(false);
}

/// Nothing is bound to it: it is known by who started it.
fn a_thread_that_began_too_late_leaves_its_thread_state(found: &Found) {
    let mode = Mode {
        ready: true,
        fenced: true,
        ..Mode::default()
    };
    let mut server = found.server_in(mode);
    let late = |point| {
        let departure = Departure {
            thread: 0,
            point,
            choice: Choice::Run(2),
        };
        let plan = of(Departures(vec![departure]));
        let reply = run(&mut server, found, STARTS_LATE, plan);
        let is_over = reply.end == "exit 0" && reply.threads[2] == "ended";
        is_over && reply.left == Some(vec![2])
    };
    assert!((0..80).any(late), "{}", found.profile());
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
    let mut server = found.server_in(mode);
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
