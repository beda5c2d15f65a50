//! Points inside the code of the library.

use crate::found::{Found, ask, libpythons};
use crate::planned;
use tstate_driver::{
    Choice, Decision, Departure, Departures, Inline, Mode, Plan, Reply, Request, Server,
};

/// Both threads link a thread state: each locks the lists of thread states.
const BOTH_LINK: &str = "
thread main {
    Py_Initialize()
    start worker
    PyThreadState_New(PyInterpreterState_Main())
    join worker
}
foreign thread worker {
    PyThreadState_New(PyInterpreterState_Main())
}";

/// From 3.9 to 3.12 a signal that comes while the main thread computes whether to look at something is overlooked.
const SIGNALS: &str = "
native semaphore sent = 0
thread main {
    Py_Initialize()
    at_signal(handler) == 0
    start worker
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    wait sent
    repeat 3 { eval }
    assert runs(handler) == 1
}
foreign thread worker {
    signal
    post sent
}
callback handler {}";

fn server(found: &Found, inline: Option<Inline>) -> Server {
    let mode = Mode {
        ready: true,
        inline,
        ..Mode::default()
    };
    found.server_in(mode)
}

fn run(server: &mut Server, found: &Found, scenario: &str, departures: Vec<Departure>) -> Reply {
    let mut request = Request::new(scenario, found.profile());
    request.plan = Some(Plan {
        departures: Departures(departures),
        chance: None,
        tell: true,
    });
    ask(server, found, &request)
}

/// Which thread links its state first, if both were at it.
fn first_of_two(reply: &Reply) -> Option<char> {
    let at = |what: &str| {
        let mut events = reply.events.iter();
        events.position(|event| event.starts_with(what))
    };
    let (main_begins, main_ends) = (at("0 begins 2")?, at("0 ends 2")?);
    let (worker_begins, worker_ends) = (at("1 begins 4")?, at("1 ends 4")?);
    let both = main_begins < worker_ends && worker_begins < main_ends;
    both.then_some(if main_ends < worker_ends { '0' } else { '1' })
}

/// The default run's points, and the runs in which the main thread lets the other go on once, wherever it may.
fn with_one_switch(
    server: &mut Server,
    found: &Found,
    scenario: &str,
) -> (Vec<Decision>, Vec<Reply>) {
    let default = run(server, found, scenario, Vec::new());
    let decisions = planned(&default).decisions.clone();
    let switches = decisions.iter().filter_map(|decision| {
        let may = decision.thread == 0 && decision.costly.contains(&Choice::Run(1));
        may.then_some(Departure {
            thread: 0,
            point: decision.point,
            choice: Choice::Run(1),
        })
    });
    let switches: Vec<Departure> = switches.collect();
    let runs = switches
        .iter()
        .map(|switch| run(server, found, scenario, vec![*switch]));
    let runs = runs.collect();
    (decisions, runs)
}

/// The lists are locked inline since 3.13, and with nothing but plain accesses before they are unlocked: only a switch there
/// lets the other thread come while they are. Such a run is made again by its list.
#[test]
fn a_lock_is_seen_taken_where_only_inline_code_runs() {
    for found in libpythons() {
        let mut calls = 0;
        for inline in [None, Some(Inline::Atomics), Some(Inline::Accesses)] {
            let mut server = server(&found, inline);
            let (points, runs) = with_one_switch(&mut server, &found, BOTH_LINK);
            assert!(runs.iter().all(|run| run.end == "exit 0"));
            let waiting = runs.iter().filter(|run| first_of_two(run) == Some('0'));
            let waiting: Vec<&Reply> = waiting.collect();
            let may_wait = match inline {
                None => false,
                Some(Inline::Atomics) => found.since(13, 0),
                Some(Inline::Accesses) => true,
            };
            let what = format!("{inline:?} on {}", found.profile());
            assert_eq!(!waiting.is_empty(), may_wait, "{what}");
            for waited in waiting {
                let list = planned(waited).departures.0.clone();
                assert_eq!(&run(&mut server, &found, BOTH_LINK, list), waited, "{what}");
            }
            let places = points.iter().filter(|point| point.place != 0).count();
            let more = may_wait && places > calls || !may_wait && places >= calls;
            assert!(more, "{what}: {places} points in the library");
            calls = places;
        }
    }
}

/// The signal arrives where the main thread stands, between a plain read and a plain write.
#[test]
fn a_signal_arrives_between_two_accesses() {
    for found in libpythons() {
        for inline in [None, Some(Inline::Accesses)] {
            let (_, runs) = with_one_switch(&mut server(&found, inline), &found, SIGNALS);
            let overlooked = runs.iter().filter(|run| run.end != "exit 0").count();
            let may_be = inline.is_some() && found.since(9, 0) && !found.since(13, 0);
            assert_eq!(overlooked > 0, may_be, "{inline:?} on {}", found.profile());
        }
    }
}
