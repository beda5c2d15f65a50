//! `tstate check --on` and `tstate replay --on`: what searches meet, that it runs again, and what is refused.

use super::pretend::Pretended;
use super::{HAND_OVER, install, run_command};
use crate::support::{Answer, Project};
use std::collections::BTreeSet;
use tstate_cli::onlib::record::Line;

pub(crate) const TESTS: &[(&str, fn())] = &[
    (
        "every_scheduler_meets_the_deadlock_and_it_runs_again",
        deadlock,
    ),
    ("a_deadlock_is_told_by_its_events", told),
    ("all_runs_within_the_bound_are_made_once", exhausted),
    ("an_aimed_search_goes_by_what_the_model_has", aimed),
    ("a_search_never_says_ok", never_ok),
    ("claims_are_confirmed_or_named_as_not_looked_at", claims),
    ("an_outcome_that_the_model_lacks_fails", lacking),
    ("the_model_says_which_of_its_outcomes_a_run_is", modelled),
    (
        "a_run_that_is_cut_is_a_livelock_if_the_model_says_so",
        endless,
    ),
    ("a_leak_is_judged_where_memory_is_fenced_off", leaks),
    ("a_library_that_refuses_is_not_driven", refused),
    ("what_does_not_fit_a_search_is_said", bad_usage),
    ("schedules_that_do_not_fit_are_refused", bad_schedules),
    ("the_same_search_writes_the_same_bytes", same_bytes),
    ("the_schema_of_searches_is_committed", schema),
];

/// Deadlocks in some orders; nothing allows that.
const ONCE: &str = "\
scenario \"a lock is held over the hand-over\"
python 3.13

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
    g = PyGILState_Ensure()
    lock once
    unlock once
    PyGILState_Release(g)
}
";

/// The same, with claims.
fn once_with(claims: &str) -> String {
    format!("{ONCE}\nexpect {{\n{claims}}}\n")
}

fn once_project(claims: &str) -> Project {
    let project = Project::new(&[]);
    project.write("once.capi", once_with(claims));
    project.write("over.capi", HAND_OVER);
    install(&project, "python/here", &Pretended::new(13, 0));
    install(&project, "python/newer", &Pretended::new(13, 5));
    project
}

fn check(project: &Project, arguments: &[&str], status: i32) -> Answer {
    let all = [&["--on", "python/here"], arguments].concat();
    run_command(project, "check", &all).expect(&all, status)
}

fn replay(project: &Project, on: &str, arguments: &[&str], status: i32) -> Answer {
    let all = [&["--on", on], arguments].concat();
    run_command(project, "replay", &all).expect(&all, status)
}

/// The objects of a report of this type.
fn objects(answer: &Answer, kind: &str) -> Vec<serde_json::Value> {
    let lines = answer.output.lines();
    let values = lines.map(|line| serde_json::from_str(line).expect("an object"));
    values
        .filter(|value: &serde_json::Value| value["type"] == kind)
        .collect()
}

/// The schedule of the deadlock that a search by this scheduler meets.
fn schedule(project: &Project, search: &str) -> String {
    let arguments = [
        "--search",
        search,
        "--runs",
        "40",
        "--format",
        "json",
        "once.capi",
    ];
    let answer = check(project, &arguments, 1);
    let shown = objects(&answer, "counterexample");
    assert_eq!(shown.len(), 1, "{search}: {}", answer.output);
    assert_eq!(shown[0]["outcome"], "deadlock(main, worker)", "{search}");
    shown[0]["schedule"]
        .as_str()
        .expect("a schedule")
        .to_owned()
}

fn deadlock() {
    let project = once_project("    allow ok\n");
    for search in ["random", "pct", "exhaustive", "mix", "aimed"] {
        let schedule = schedule(&project, search);
        let first = replay(&project, "python/here", &["once.capi", &schedule], 0);
        assert!(
            first.output.contains("deadlock(main, worker)"),
            "{search}: {}",
            first.output
        );
        let again = replay(&project, "python/here", &["once.capi", &schedule], 0);
        assert_eq!(again, first, "{search}");
    }
}

fn told() {
    let project = once_project("    allow ok\n");
    let answer = check(&project, &["--search", "exhaustive", "once.capi"], 1);
    for part in [
        "FAIL  once",
        "deadlock(main, worker) was met, and no claim allows it",
        "first in run ",
        "lock once ⏸",
        "Nobody who has not ended goes on.",
        "Replay:  tstate replay --on ",
        "never says that all is well",
    ] {
        assert!(answer.output.contains(part), "{part:?}: {}", answer.output);
    }
}

fn exhausted() {
    let project = once_project("    allow ok, deadlock\n");
    let search = |more: &[&str]| {
        let plain = ["--search", "exhaustive", "--format", "json", "once.capi"];
        let answer = check(&project, &[&plain, more].concat(), 3);
        objects(&answer, "search").remove(0)
    };
    // Of four places to depart at: none, one of them, two of them.
    for (bound, runs) in [("0", 1), ("1", 5), ("2", 11), ("4", 16)] {
        let found = search(&["--preemptions", bound]);
        assert_eq!(found["runs"], runs, "{bound}");
        assert_eq!(found["exhausted"], true, "{bound}");
        assert_eq!(found["complete_within"].to_string(), bound);
    }
    let cut = search(&["--runs", "7"]);
    assert_eq!(
        (&cut["exhausted"], &cut["complete_within"]),
        (&false.into(), &1.into())
    );
    let first = search(&["--runs", "3"]);
    assert_eq!(first["complete_within"], 0);
    let plain = check(&project, &["--search", "exhaustive", "once.capi"], 3).output;
    assert!(plain.contains("16 runs  "), "{plain}");
    assert!(
        plain.contains("complete, as far as a search sees"),
        "{plain}"
    );
}

fn aimed() {
    let project = once_project("    allow ok, deadlock\n");
    let search = |name: &str, search: &str| {
        let arguments = ["--search", search, "--runs", "9", "--format", "json", name];
        let answer = check(&project, &arguments, 3);
        objects(&answer, "search").remove(0)
    };
    let found = search("once.capi", "aimed");
    assert_eq!(
        (&found["runs"], &found["search"]),
        (&9.into(), &"aimed".into())
    );
    let met = found["outcomes"].as_array().expect("a list");
    assert_eq!(met.len(), 2, "{found}");
    assert!(met.iter().all(|one| one["by"] == "aimed"), "{found}");
    let other = search("once.capi", "random");
    assert_ne!(found["outcomes"], other["outcomes"]);
}

fn never_ok() {
    let project = once_project("    allow ok\n");
    for search in ["random", "pct", "exhaustive", "mix", "aimed"] {
        let answer = check(&project, &["--search", search, "over.capi"], 3).output;
        assert!(answer.contains("seen  over"), "{answer}");
        assert!(answer.contains("met ok"), "{answer}");
        assert!(answer.contains("0 failed, 1 inconclusive"), "{answer}");
        assert!(
            answer.contains("atomic operations, loops that spin on them"),
            "{answer}"
        );
    }
}

fn claims() {
    let project = once_project(
        "    reach deadlock\n    reach hang(worker)\n    allow ok\n    cover finalizing\n",
    );
    let answer = check(&project, &["--search", "exhaustive", "-v", "once.capi"], 3).output;
    assert!(answer.contains("1 of 2 confirmed"), "{answer}");
    assert!(answer.contains("confirmed: deadlock\n"), "{answer}");
    assert!(answer.contains("not met: hang(worker)\n"), "{answer}");
    assert!(
        answer.contains("not looked at, as a run does not show it: cover"),
        "{answer}"
    );
    let json = check(
        &project,
        &["--search", "exhaustive", "--format", "json", "once.capi"],
        3,
    );
    let found = objects(&json, "search").remove(0);
    let lists = ["confirmed", "unmet", "not_looked_at"];
    let lines: Vec<_> = lines_of(&found, &lists);
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), 3, "{lines:?}");
}

fn lines_of(found: &serde_json::Value, lists: &[&str]) -> Vec<u64> {
    let line = |list: &&str| found[*list][0]["line"].as_u64().expect("a line");
    lists.iter().map(line).collect()
}

/// It parks a thread that the model does not park.
fn lacking() {
    let project = once_project("    allow ok, deadlock\n");
    let mut lying = Pretended::new(13, 0);
    lying.parks = true;
    install(&project, "python/lying", &lying);
    let arguments = [
        "--on",
        "python/lying",
        "--search",
        "exhaustive",
        "once.capi",
    ];
    let plain = run_command(&project, "check", &arguments).expect(&arguments, 1);
    assert!(!plain.output.contains("does not have"), "{}", plain.output);
    let asked = [&arguments[..], &["--model"]].concat();
    let answer = run_command(&project, "check", &asked).expect(&asked, 1);
    assert!(
        answer
            .output
            .contains("the model of 3.13.0 does not have hang(worker)"),
        "{}",
        answer.output
    );
    let honest = check(
        &project,
        &["--search", "exhaustive", "--model", "once.capi"],
        3,
    );
    assert!(
        !honest.output.contains("does not have"),
        "{}",
        honest.output
    );
}

/// Ends in `ok` or leaks, by what is chosen; from outside the process ends alike.
const ABANDONS: &str = "\
scenario \"a thread state is abandoned, or is not\"
python 3.14

thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
    join worker
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}

foreign thread worker {
    choose {
        either { PyThreadState_New(PyInterpreterState_Main()) }
        or { PyGILState_Check() == 0 }
    }
}
";

fn modelled() {
    let project = Project::new(&[]);
    project.write("abandons.capi", ABANDONS);
    install(&project, "python/here", &Pretended::new(14, 0));
    // Behind the fence a leak does not look the same.
    let json = [
        "--no-fence",
        "--search",
        "random",
        "--runs",
        "40",
        "--format",
        "json",
    ];
    let met = |more: &[&str]| {
        let arguments = [&json[..], more, &["abandons.capi"]].concat();
        let answer = check(&project, &arguments, 3);
        let found = objects(&answer, "search").remove(0);
        assert_eq!(found["outcomes"].as_array().map(Vec::len), Some(1));
        found["outcomes"][0].clone()
    };
    assert_eq!(met(&[])["modelled"], serde_json::Value::Null);
    let met = met(&["--model"]);
    assert_eq!(met["outcome"], "ok");
    let all = met["modelled"].as_array().expect("a list");
    let words: BTreeSet<&str> = all
        .iter()
        .filter_map(|one| one["outcome"].as_str())
        .collect();
    assert_eq!(words, BTreeSet::from(["leak", "ok"]));
    let schedules: BTreeSet<&str> = all
        .iter()
        .filter_map(|one| one["schedule"].as_str())
        .collect();
    assert_eq!(schedules.len(), 2, "{all:?}");
    for schedule in schedules {
        let _ = replay(&project, "python/here", &["abandons.capi", schedule], 0);
    }
    assert!(all.iter().all(|one| one["among"] == 2), "{all:?}");
    let arguments = [
        "--no-fence",
        "--search",
        "random",
        "--runs",
        "40",
        "--model",
        "-v",
        "abandons.capi",
    ];
    let answer = check(&project, &arguments, 3).output;
    for part in [
        "met ok = leak",
        "by its events leak, of 2 outcomes of the model that look so",
    ] {
        assert!(answer.contains(part), "{part:?}: {answer}");
    }
}

/// A thread state that is never freed is seen behind the fence, and so is that none is left.
/// Ends, or finalization goes round for ever.
const SPINS: &str = "\
scenario \"finalization waits for a call that cannot end\"
python 3.13

native semaphore inside = 0

thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
        wait inside
    Py_END_ALLOW_THREADS
    _PyEval_AddPendingCall(main_interp, other, NULL, 0) == 0
    Py_FinalizeEx() == 0
}

foreign thread worker {
    PyGILState_STATE g = PyGILState_Ensure()
    _PyEval_AddPendingCall(main_interp, slow, NULL, 0) == 0
    eval == 0
    PyGILState_Release(g)
}

callback slow {
    Py_BEGIN_ALLOW_THREADS
        post inside
        sleep
    Py_END_ALLOW_THREADS
}

callback other {
}

expect {
    allow ok, livelock(main, worker)
    reach ok, livelock(main, worker)
}
";

fn endless() {
    let project = Project::new(&[]);
    project.write("spins.capi", SPINS);
    let spinning = Pretended {
        spins: true,
        ..Pretended::new(13, 0)
    };
    install(&project, "python/here", &spinning);
    let search = ["--search", "random", "--runs", "200"];
    let found = |more: &[&str]| {
        let arguments = [&search[..], &["--format", "json"], more, &["spins.capi"]].concat();
        objects(&check(&project, &arguments, 3), "search").remove(0)
    };
    let alone = found(&[]);
    let cut = alone["given_up"]["cut processor time"].as_u64();
    assert!(cut.is_some_and(|runs| runs > 0), "{alone}");
    assert_eq!(alone["unmet"].as_array().map(Vec::len), Some(1));
    let modelled = found(&["--model"]);
    let outcomes = modelled["outcomes"].as_array().expect("a list");
    let is_endless = |met: &&serde_json::Value| met["outcome"] == "cut processor time";
    let endless = outcomes.iter().find(is_endless).expect("it was told");
    assert_eq!(endless["modelled"][0]["outcome"], "livelock(main, worker)");
    assert_eq!(endless["not_in_model"], false);
    let left = modelled["given_up"]["cut processor time"].as_u64();
    let runs = endless["runs"].as_u64();
    assert_eq!(runs.unwrap_or(0) + left.unwrap_or(0), cut.unwrap_or(0));
    assert_eq!(modelled["confirmed"].as_array().map(Vec::len), Some(2));
    let schedule = endless["schedule"].as_str().expect("a schedule");
    let _ = replay(&project, "python/here", &["spins.capi", schedule], 0);
    let arguments = [&search[..], &["--model", "spins.capi"]].concat();
    let text = check(&project, &arguments, 3).output;
    assert!(
        text.contains("cut processor time = livelock(main, worker)"),
        "{text}"
    );
}

fn leaks() {
    const REFUTED: &str = "leak was met, and no claim allows it";
    const NAMED: &str = "a thread state of worker, which has ended, was never freed";
    const MISSED: &str = "ok was met, and no claim allows it";
    const EXCUSE: &str = "; but a claim allows a leak, which a run does not show";
    let on = |on: &str, claims: &str, more: &[&str], status| {
        let project = once_project(claims);
        let mut leaking = Pretended::new(13, 0);
        leaking.leaves = true;
        install(&project, "python/leaking", &leaking);
        let search = ["--on", on, "--search", "exhaustive", "once.capi"];
        let arguments = [&search, more].concat();
        let answer = run_command(&project, "check", &arguments).expect(&arguments, status);
        let has = |part| answer.output.contains(part);
        [REFUTED, NAMED, MISSED, EXCUSE].map(has)
    };
    let (leaking, honest) = ("python/leaking", "python/here");
    let (all, leak) = ("    allow ok, deadlock\n", "    allow leak, deadlock\n");
    assert_eq!(on(leaking, all, &[], 1), [true, true, false, false]);
    assert_eq!(on(leaking, all, &["--no-fence"], 3), [false; 4]);
    assert_eq!(on(leaking, leak, &[], 3), [false; 4]);
    assert_eq!(on(honest, leak, &[], 1), [false, false, true, false]);
    assert_eq!(
        on(honest, leak, &["--no-fence"], 3),
        [false, false, true, true]
    );
}

fn refused() {
    let project = once_project("    allow ok\n");
    let mut unwilling = Pretended::new(13, 0);
    unwilling.refuses = Some("once".to_owned());
    install(&project, "python/unwilling", &unwilling);
    let arguments = ["--on", "python/unwilling", "once.capi", "over.capi"];
    let answer = run_command(&project, "check", &arguments)
        .expect(&arguments, 3)
        .output;
    assert!(
        answer.contains("not driven: this library pretends that it cannot"),
        "{answer}"
    );
    assert!(answer.contains("1 not driven"), "{answer}");
}

fn bad_usage() {
    let project = once_project("    allow ok\n");
    for (arguments, says) in [
        (&["--on", "python/none", "once.capi"][..], "python/none"),
        (
            &["--on", "python/here", "--search", "lucky", "once.capi"],
            "lucky",
        ),
        (
            &["--on", "python/here", "--runs", "0", "once.capi"],
            "nothing can be decided",
        ),
        (
            &["--on", "python/here", "--full", "once.capi"],
            "`--full` does not go with `--on`",
        ),
        (
            &["--on", "python/here", "--format", "junit", "once.capi"],
            "no such format",
        ),
        (&["--search", "pct", "once.capi"], "--on"),
        (&["--model", "once.capi"], "--on"),
        (&["--on", "python/here", "none.capi"], "none.capi"),
    ] {
        let answer = run_command(&project, "check", arguments).expect(arguments, 2);
        assert!(
            answer.remarks.contains(says),
            "{says:?}: {}",
            answer.transcript()
        );
    }
}

fn bad_schedules() {
    let project = once_project("    allow ok\n");
    let good = schedule(&project, "exhaustive");
    let fields: Vec<&str> = good.splitn(4, '/').collect();
    let with = |place: usize, text: &str| {
        let mut fields = fields.clone();
        fields[place] = text;
        fields.join("/")
    };
    for (on, text, says) in [
        ("python/here", "lucky".to_owned(), "four fields"),
        ("python/here", with(0, "1"), "and not with `on1`"),
        ("python/here", with(1, "python"), "no release"),
        ("python/here", with(2, "00000000"), "not of this file"),
        ("python/here", with(3, "0.1"), "is no departure"),
        ("python/here", with(3, "3.1=1"), "does not fit the library"),
        ("python/newer", good.clone(), "made on another libpython"),
        ("python/none", good.clone(), "python/none"),
    ] {
        let answer = replay(&project, on, &["once.capi", &text], 2);
        assert!(
            answer.remarks.contains(says),
            "{says:?}: {}",
            answer.transcript()
        );
    }
    let without = project.expect(&["replay", "once.capi", &good], 2);
    assert!(without.remarks.contains("--on"), "{}", without.transcript());
}

fn same_bytes() {
    let project = once_project("    allow ok\n");
    let arguments = ["--seed", "3", "-v", "once.capi", "over.capi"];
    let one = [&arguments[..], &["--jobs", "1"]].concat();
    let two = [&arguments[..], &["--jobs", "2"]].concat();
    assert_eq!(check(&project, &one, 1), check(&project, &two, 1));
}

fn schema() {
    let schema =
        serde_json::to_string_pretty(&schemars::schema_for!(Line)).expect("a schema") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/on-1.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        schema == committed,
        "cli/schema/on-1.json is not up to date: run this test with UPDATE_SCHEMA=1"
    );
}
