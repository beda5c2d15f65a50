//! The program run on scenarios that it explores: every exit status, and the same bytes however often and on however
//! many threads it runs.

mod support;

use support::{Answer, Project};

/// Two threads hand the GIL to each other; nothing goes wrong.
const GOOD: &str = "\
scenario \"hand the GIL over\"
python 3.14

thread main {
    Py_InitializeEx(0)
    start worker
    ts = PyEval_SaveThread()
    join worker
    PyEval_RestoreThread(ts)
    Py_FinalizeEx() == 0
}

foreign thread worker {
    g = PyGILState_Ensure()
    PyGILState_Release(g)
}

expect {
    allow ok
    cover attached(worker)
}
";

/// Main wants the GIL with the mutex held, the worker wants the mutex with the GIL held.
const CROSSED: &str = "\
python 3.14
native mutex m

thread main {
    Py_InitializeEx(0)
    start worker
    ts = PyEval_SaveThread()
    lock m
    PyEval_RestoreThread(ts)
    unlock m
    PyEval_SaveThread()
    join worker
}

foreign thread worker {
    g = PyGILState_Ensure()
    lock m
    unlock m
    PyGILState_Release(g)
}

expect {
    allow ok
}
";

const BROKEN: &str = "thread main { Py_InitializeE(0) }\n";

/// The schedule on the `Replay:` line.
fn schedule(report: &str) -> String {
    let line = report
        .lines()
        .find_map(|line| line.trim().strip_prefix("Replay:"))
        .expect("a line to replay");
    line.split_whitespace()
        .last()
        .expect("a schedule")
        .trim_matches('\'')
        .to_owned()
}

fn last_line(answer: &Answer) -> &str {
    answer.output.lines().last().expect("a last line")
}

/// A worker ends with its guard open, another guard is a thread state's.
const GUARDED: &str = "\
python 3.15

thread main {
    Py_Initialize()
    view = PyInterpreterView_FromMain()
    start worker
    Py_BEGIN_ALLOW_THREADS
        join worker
    Py_END_ALLOW_THREADS
    token = PyThreadState_EnsureFromView(view)
    Py_FinalizeEx()
}

foreign thread worker {
    guard = PyInterpreterGuard_FromView(view)
}

expect {
    allow ok
}
";

#[test]
fn claims_that_hold_exit_0_and_end_with_counts() {
    let project = Project::new(&[("scenarios/good.capi", GOOD)]);
    let answer = project.expect(&["check"], 0);
    let line = last_line(&answer);
    assert!(
        line.starts_with("1 scenario, 1 verdict: 1 ok, 0 failed, 0 inconclusive; "),
        "{line}"
    );
    assert!(line.ends_with(" states"), "{line}");
    assert_eq!(answer.remarks, "", "progress is for terminals");
    let quiet = project.expect(&["check", "-q"], 0);
    assert_eq!(quiet.output.trim(), line);
}

#[test]
fn a_claim_that_fails_exits_1_with_the_shortest_run() {
    let project = Project::new(&[("scenarios/crossed.capi", CROSSED)]);
    let answer = project.expect(&["check"], 1);
    let text = &answer.output;
    for part in [
        "FAIL",
        "error[V101]",
        "deadlock(main, worker)",
        "what changed",
        "⏸",
        "Replay:",
    ] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 160),
        "{text}"
    );
    assert!(
        project
            .expect(&["check", "--ascii"], 1)
            .output
            .contains("[waits]")
    );
}

#[test]
fn a_finalizer_that_waits_for_guards_is_told_whose() {
    let project = Project::new(&[("scenarios/guarded.capi", GUARDED)]);
    let answer = project.expect(&["check"], 1);
    let words: Vec<&str> = answer.output.split_whitespace().collect();
    let told = words.join(" ");
    let wanted = "main, in line 11 (Py_FinalizeEx()), waits until no guard is open: main opened one with \
        PyThreadState_EnsureFromView() in line 10, which its thread state owns, and nobody closed it / worker \
        opened one with PyInterpreterGuard_FromView() in line 15, and nobody closed it; worker has ended.";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn claims_that_nothing_fulfils_exit_1() {
    for claim in ["reach deadlock", "cover held(m)"] {
        let claims = format!("    {claim}\n    cover attached");
        let text = GOOD
            .replace("    cover attached", &claims)
            .replace("thread main", "native mutex m\nthread main");
        let project = Project::new(&[("a.capi", &text)]);
        let answer = project.expect(&["check", "a.capi"], 1);
        assert!(
            answer.output.contains("error[V10"),
            "{}",
            answer.transcript()
        );
    }
}

#[test]
fn a_bound_that_cuts_the_search_exits_3_unless_allowed() {
    let project = Project::new(&[("scenarios/good.capi", GOOD)]);
    let answer = project.expect(&["check", "--max-states", "3"], 3);
    assert!(
        answer.output.contains("bound reached: 3 states"),
        "{}",
        answer.transcript()
    );
    assert!(last_line(&answer).contains("0 ok, 0 failed, 1 inconclusive"));
    project.expect(&["check", "--max-states", "3", "--allow-incomplete"], 0);
    let bound = GOOD.replace("python 3.14", "python 3.14\nbound { states 3 }");
    project.write("scenarios/good.capi", bound);
    project.expect(&["check"], 3);
    project.expect(&["graph", "scenarios/good.capi"], 3);
}

#[test]
fn bounds_come_from_flags_then_the_environment_then_settings() {
    let project = Project::new(&[
        ("scenarios/good.capi", GOOD),
        ("tstate.toml", "[check]\nmax-states = 3\n"),
    ]);
    project.expect(&["check"], 3);
    project.expect(&["check", "--max-states", "10_000"], 0);
    let run = |arguments: &[&str], states: &str| {
        let mut command = project.command(arguments);
        command
            .env("TSTATE_MAX_STATES", states)
            .output()
            .expect("the program starts")
            .status
            .code()
    };
    assert_eq!(run(&["check"], "10000"), Some(0));
    assert_eq!(run(&["check", "--max-states", "3"], "10000"), Some(3));
    assert_eq!(run(&["check"], "nought"), Some(2));
}

#[test]
fn of_several_exit_statuses_2_goes_before_1_before_3() {
    let cut = GOOD.replace("python 3.14", "python 3.14\nbound { states 3 }");
    let project = Project::new(&[
        ("good.capi", GOOD),
        ("cut.capi", &cut),
        ("crossed.capi", CROSSED),
        ("broken.capi", BROKEN),
    ]);
    project.expect(&["check", "good.capi", "cut.capi"], 3);
    project.expect(&["check", "good.capi", "cut.capi", "crossed.capi"], 1);
    let all = project.expect(
        &[
            "check",
            "good.capi",
            "cut.capi",
            "crossed.capi",
            "broken.capi",
        ],
        2,
    );
    assert!(
        last_line(&all).contains("1 ok, 1 failed, 1 inconclusive, 1 broken"),
        "{}",
        last_line(&all)
    );
    project.expect(&["check", "good.capi", "lost.capi"], 2);
}

#[test]
fn the_same_command_prints_the_same_bytes_on_any_number_of_threads() {
    let mut files = vec![("scenarios/broken.capi".to_owned(), BROKEN)];
    for number in 0..6 {
        files.push((format!("scenarios/good{number}.capi"), GOOD));
        files.push((format!("scenarios/sub/crossed{number}.capi"), CROSSED));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    let project = Project::new(&files);
    for format in ["human", "json", "junit", "github"] {
        let first = project.expect(&["check", "--format", format, "-j", "1"], 2);
        for jobs in ["1", "2", "8"] {
            let again = project.expect(&["check", "--format", format, "-j", jobs], 2);
            assert_eq!(first, again, "{format} with -j {jobs}");
        }
    }
}

#[test]
fn a_printed_schedule_replays_to_the_same_table() {
    let project = Project::new(&[("crossed.capi", CROSSED)]);
    let report = project.expect(&["check", "crossed.capi"], 1).output;
    let schedule = schedule(&report);
    let replayed = project
        .expect(&["replay", "crossed.capi", &schedule], 0)
        .output;
    assert_eq!(
        replayed,
        project
            .expect(&["replay", "crossed.capi", &schedule], 0)
            .output
    );
    let table = replayed.split_once("\n\n").expect("a heading").1;
    assert!(
        report.contains(table.trim_end()),
        "check: {report}\nreplay: {replayed}"
    );
    let cut_short = schedule.rsplit_once(',').expect("several runs").0;
    project.run(&["replay", "crossed.capi", cut_short]);
    let impossible = format!("{schedule},7x3");
    let refused = project.expect(&["replay", "crossed.capi", &impossible], 2);
    assert!(
        refused.remarks.contains("does not fit"),
        "{}",
        refused.remarks
    );
    project.write(
        "crossed.capi",
        CROSSED.replace("unlock m", "unlock m // again"),
    );
    let edited = project.expect(&["replay", "crossed.capi", &schedule], 2);
    assert!(
        edited.remarks.contains("the file was edited since"),
        "{}",
        edited.remarks
    );
}

#[test]
fn saved_schedules_replay() {
    let project = Project::new(&[("scenarios/locks/crossed.capi", CROSSED)]);
    let report = project.expect(&["check", "--save", "runs/new"], 1).output;
    let saved = schedule(&report);
    assert_eq!(saved, "runs/new/locks-crossed-3.14-1.schedule");
    project.expect(&["replay", "scenarios/locks/crossed.capi", &saved], 0);
}

#[test]
fn versions_are_chosen_from_those_the_scenario_names() {
    let both = GOOD.replace("python 3.14", "python 3.14, 3.14t");
    let project = Project::new(&[("scenarios/both.capi", &both)]);
    let refused = project.expect(&["check"], 2);
    assert!(
        refused.output.contains("error[S403]"),
        "{}",
        refused.transcript()
    );
    project.expect(&["check", "--python", "3.14"], 0);
    let level = project.expect(&["check", "--python", "3.14.2"], 0).output;
    assert!(level.contains("3.14.2"), "{level}");
    let unnamed = project.expect(&["check", "--python", "3.13.2"], 2).remarks;
    assert!(unnamed.contains("nothing was checked"), "{unnamed}");
    let older = GOOD.replace("python 3.14", "python 3.9");
    let project = Project::new(&[("scenarios/older.capi", &older)]);
    let nothing = project.expect(&["check", "--python", "3.14"], 2);
    assert!(
        nothing.remarks.contains("nothing was checked"),
        "{}",
        nothing.transcript()
    );
    project.write("scenarios/good.capi", GOOD);
    let some = project.expect(&["check", "--python", "3.14"], 0);
    assert!(some.output.contains("skip  older"), "{}", some.transcript());
}

#[test]
fn graphs_are_drawn_in_each_format() {
    let project = Project::new(&[("good.capi", GOOD)]);
    let text = project.expect(&["graph", "good.capi"], 0).output;
    assert!(text.contains("\nnode 0, "), "{text}");
    assert!(text.contains("end: ok"), "{text}");
    let dot = project
        .expect(&["graph", "good.capi", "--format", "dot"], 0)
        .output;
    assert!(dot.starts_with("digraph"), "{dot}");
    project.expect(
        &[
            "graph",
            "good.capi",
            "--format",
            "mermaid",
            "-o",
            "graph.mmd",
        ],
        0,
    );
    assert!(project.read("graph.mmd").contains("flowchart"));
    project.expect(&["graph", "good.capi", "--python", "3.12"], 2);
}

#[test]
fn times_are_for_those_who_ask_and_go_to_standard_error() {
    let project = Project::new(&[("scenarios/good.capi", GOOD)]);
    let verbose = project.expect(&["check", "-v"], 0);
    assert!(verbose.remarks.contains("states/s"), "{}", verbose.remarks);
    assert!(
        verbose.output.contains("tstate replay"),
        "{}",
        verbose.output
    );
    assert_eq!(verbose.output, project.expect(&["check", "-v"], 0).output);
}
