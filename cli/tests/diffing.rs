//! `tstate diff` in a project of its own: what it says changes between two releases, in which words, and with which exit
//! status.

mod recorded;
mod support;

use recorded::snapshot;
use serde_json::Value;
use support::{Answer, Project};

/// A thread that comes too late is ended up to 3.13.7, and parked since. The claims and the `python` line are wrong on
/// purpose: nobody asks them.
const LATE: &str = "\
scenario \"a thread comes back too late\"
python 3.15

thread main {
    Py_Initialize()
    start worker
    Py_BEGIN_ALLOW_THREADS
        sleep
    Py_END_ALLOW_THREADS
    Py_FinalizeEx()
}

foreign thread worker {
    g = PyGILState_Ensure()
    Py_BEGIN_ALLOW_THREADS
        sleep
    Py_END_ALLOW_THREADS
    PyGILState_Release(g)
}

expect {
    allow leak
}
";

/// The same in every release.
const SAME: &str = "\
thread main {
    Py_Initialize()
    Py_FinalizeEx() == 0
}
";

/// Only 3.13 and newer have the calls.
const NEW_CALLS: &str = "\
python 3.14

thread main {
    Py_Initialize()
    PyMutex_Lock(&m)
    PyMutex_Unlock(&m)
    Py_FinalizeEx()
}

PyMutex m = {0}
";

/// 3.12 says an error of its own here, 3.13 another one.
const CHANGED: &str = "\
thread main {
    Py_Initialize()
    PyThreadState *ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
    PyEval_RestoreThread(ts)
}
";

const BROKEN: &str = "thread main { Py_InitializeE(0) }\n";

fn project() -> Project {
    Project::new(&[
        ("scenarios/changed.capi", CHANGED),
        ("scenarios/new-calls.capi", NEW_CALLS),
        ("scenarios/same.capi", SAME),
    ])
}

fn lines(answer: &Answer) -> Vec<Value> {
    let lines = answer.output.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect()
}

/// The lines of this type.
fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn names(group: &Value) -> Vec<&str> {
    let group = group.as_array().expect("a list");
    group
        .iter()
        .map(|found| found["outcome"].as_str().expect("a text"))
        .collect()
}

#[test]
fn people_read_what_changes_and_the_runs_that_show_it() {
    let answer = project().expect(&["diff", "3.12", "3.13", "scenarios"], 1);
    snapshot!("diff-changed", answer.transcript());
}

#[test]
fn machines_read_one_object_a_line() {
    let answer = project().expect(&["diff", "3.12", "3.13", "--format", "json"], 1);
    snapshot!("diff-json", answer.transcript());
    let lines = lines(&answer);
    let told: Vec<(&str, &str)> = of_type(&lines, "diff")
        .iter()
        .map(|line| {
            let word = |key: &str| line[key].as_str().expect("a text");
            (word("name"), word("status"))
        })
        .collect();
    let wanted = [
        ("changed", "changed"),
        ("new-calls", "lacking"),
        ("same", "same"),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn the_other_direction_swaps_what_is_lost_and_what_is_gained() {
    let project = Project::new(&[("a.capi", LATE)]);
    let there = lines(&project.expect(&["diff", "3.12", "3.14", "a.capi", "--format", "json"], 1));
    let back = lines(&project.expect(&["diff", "3.14", "3.12", "a.capi", "--format", "json"], 1));
    let (there, back) = (of_type(&there, "diff")[0], of_type(&back, "diff")[0]);
    assert_eq!(there["lost"], back["gained"]);
    assert_eq!(there["gained"], back["lost"]);
    assert_eq!(there["kept"], back["kept"]);
    assert!(names(&there["lost"]).contains(&"exit(worker)"), "{there}");
    assert!(
        names(&there["gained"])
            .iter()
            .all(|name| !name.contains("exit")),
        "{there}"
    );
}

#[test]
fn patch_levels_are_profiles() {
    let project = Project::new(&[("a.capi", LATE)]);
    project.expect(&["diff", "3.13.0", "3.13.7", "a.capi"], 0);
    project.expect(&["diff", "3.13.7", "3.13", "a.capi"], 1);
}

#[test]
fn every_run_that_is_told_replays_to_its_outcome() {
    let project = Project::new(&[("a.capi", LATE), ("b.capi", CHANGED)]);
    let mut replayed = 0;
    for file in ["a.capi", "b.capi"] {
        let answer = project.expect(&["diff", "3.12", "3.14", file, "--format", "json"], 1);
        for run in of_type(&lines(&answer), "counterexample") {
            let word = |key: &str| run[key].as_str().expect("a text");
            let answer = project.expect(&["replay", file, word("schedule")], 0);
            let (profile, outcome) = (word("profile"), word("outcome"));
            let head = format!("{file} under {profile}: {outcome}\n");
            assert!(answer.output.starts_with(&head), "{}", answer.transcript());
            replayed += 1;
        }
    }
    assert!(replayed >= 4, "only {replayed} runs");
}

#[test]
fn no_change_exits_0_and_says_so() {
    let project = Project::new(&[("scenarios/same.capi", SAME)]);
    let answer = project.expect(&["diff", "3.8", "3.15"], 0);
    snapshot!("diff-same", answer.transcript());
    let quiet = project.expect(&["diff", "3.8", "3.15", "-q"], 0);
    assert_eq!(quiet.output.lines().count(), 1, "{}", quiet.transcript());
}

#[test]
fn a_search_that_was_cut_short_is_never_no_change() {
    let project = Project::new(&[("scenarios/late.capi", LATE)]);
    let answer = project.expect(&["diff", "3.12", "3.14", "--max-states", "8"], 3);
    snapshot!("diff-cut", answer.transcript());
    let own = format!("bound {{ states 8 }}\n{LATE}");
    let own = Project::new(&[("scenarios/late.capi", own.as_str())]);
    own.expect(&["diff", "3.12", "3.14"], 3);
    // What only a search that was cut short found is not there is open, and no change.
    let line = [
        "diff",
        "3.12",
        "3.14",
        "--max-states",
        "130",
        "--format",
        "json",
    ];
    let lines = lines(&project.expect(&line, 3));
    let diff = of_type(&lines, "diff")[0];
    assert_eq!(diff["status"], "inconclusive");
    assert!(names(&diff["lost"]).is_empty() && names(&diff["gained"]).is_empty());
    assert!(names(&diff["open"]).contains(&"exit(worker)"), "{diff}");
}

#[test]
fn what_neither_release_has_is_skipped_by_name_and_alone_is_nothing() {
    let project = project();
    let answer = project.expect(&["diff", "3.11", "3.12", "-k", "s"], 0);
    snapshot!("diff-neither", answer.transcript());
    let alone = project.expect(&["diff", "3.11", "3.12", "scenarios/new-calls.capi"], 2);
    assert!(
        alone
            .output
            .contains("`PyMutex_Lock` does not exist in 3.12"),
        "{}",
        alone.transcript()
    );
}

#[test]
fn bad_input_exits_2_and_says_why() {
    let project = Project::new(&[
        ("scenarios/same.capi", SAME),
        ("broken/bad.capi", BROKEN),
        ("broken/new-calls.capi", NEW_CALLS),
    ]);
    let bad: [(&str, &[&str]); 7] = [
        ("`<NEW>`", &["diff", "3.11"]),
        ("releases from 3.8 to 3.15", &["diff", "3.7", "3.14"]),
        ("a profile is a release", &["diff", "3.11", "newest"]),
        ("3.14t is not modelled yet", &["diff", "3.11", "3.14t"]),
        ("compared with itself", &["diff", "3.11", "3.11"]),
        ("no such file", &["diff", "3.11", "3.14", "lost.capi"]),
        (
            "no scenario's name contains",
            &["diff", "3.11", "3.14", "-k", "zebra"],
        ),
    ];
    for (part, line) in bad {
        let answer = project.expect(line, 2);
        let part = part.trim_matches('`');
        assert!(answer.remarks.contains(part), "{}", answer.transcript());
        assert!(answer.output.is_empty(), "{}", answer.transcript());
    }
    // A missing file beside one that is the same, and a broken one beside one that changed.
    let line = ["diff", "3.11", "3.14", "scenarios", "lost.capi"];
    let answer = project.expect(&line, 2);
    assert!(answer.output.contains("1 same"), "{}", answer.transcript());
    let answer = project.expect(&["diff", "3.11", "3.14", "broken"], 2);
    snapshot!("diff-broken", answer.transcript());
}

#[test]
fn the_same_bytes_on_however_many_threads() {
    let project = project();
    let one = project.expect(&["diff", "3.12", "3.13", "-j", "1"], 1);
    for jobs in ["2", "8"] {
        assert_eq!(
            project.expect(&["diff", "3.12", "3.13", "-j", jobs], 1),
            one
        );
    }
    project.expect(&["diff", "3.12", "3.13", "-o", "report.txt"], 1);
    assert_eq!(project.read("report.txt"), one.output);
}
