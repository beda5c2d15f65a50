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

fn server(found: &Found, inline: Option<Inline>) -> Server {
    let mode = Mode {
        ready: true,
        inline,
        ..Mode::default()
    };
    found.server_in(mode)
}

fn run(server: &mut Server, found: &Found, departures: Vec<Departure>) -> Reply {
    let mut request = Request::new(BOTH_LINK, found.profile());
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
        reply
            .events
            .iter()
            .position(|event| event.starts_with(what))
    };
    let (main_begins, main_ends) = (at("0 begins 2")?, at("0 ends 2")?);
    let (worker_begins, worker_ends) = (at("1 begins 4")?, at("1 ends 4")?);
    let both = main_begins < worker_ends && worker_begins < main_ends;
    both.then_some(if main_ends < worker_ends { '0' } else { '1' })
}

/// The runs in which the main thread lets the other go on once, wherever it may, and the default run's points.
fn with_one_switch(server: &mut Server, found: &Found) -> (Vec<Reply>, Vec<Decision>) {
    let default = run(server, found, Vec::new());
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
        .map(|switch| run(server, found, vec![*switch]));
    (runs.collect(), decisions)
}

/// Since 3.13 the lists are locked inline: only a switch there lets the other thread come while they are. Before, no point
/// lies between locking and unlocking. Everything else is as without these points.
#[test]
fn a_lock_that_is_taken_inline_is_seen_taken() {
    let mut seen = 0;
    for found in libpythons() {
        let (calls, few) = with_one_switch(&mut server(&found, None), &found);
        let mut with_atomics = server(&found, Some(Inline::Atomics));
        let (inline, many) = with_one_switch(&mut with_atomics, &found);
        assert!(calls.iter().chain(&inline).all(|run| run.end == "exit 0"));
        let waits = |run: &&Reply| first_of_two(run) == Some('0');
        assert_eq!(calls.iter().filter(waits).count(), 0, "{}", found.profile());
        let waiting: Vec<&Reply> = inline.iter().filter(waits).collect();
        assert_eq!(
            waiting.is_empty(),
            !found.since(13, 0),
            "{}",
            found.profile()
        );
        assert!(many.len() >= few.len(), "no point is lost");
        let places = |list: &[Decision]| list.iter().filter(|one| one.place != 0).count();
        assert!(!found.since(13, 0) || places(&many) > places(&few));
        for waited in waiting {
            let again = run(
                &mut with_atomics,
                &found,
                planned(waited).departures.0.clone(),
            );
            assert_eq!(&again, waited, "{}", found.profile());
            seen += 1;
        }
    }
    let told = format!("waited for a lock that was taken inline: {seen} runs\n");
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).expect("tests can tell");
}
