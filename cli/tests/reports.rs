//! The report of a check in each format, from hand-made verdicts on two scenarios: one whose deadlock no claim allows,
//! and one that a bound cut short.

mod made;
mod recorded;

use made::{daemon_mutex, plain};
use recorded::snapshot;
use tstate::runtime::profile::Profile;
use tstate::sim::explorer::Cut;
use tstate::sim::graph::{Choice, Move};
use tstate::sim::schedule::Schedule;
use tstate::sim::verdict::{Failure, Found, Outcome, Threads, Verdict};
use tstate_cli::check::plan::{Plan, Scenario};
use tstate_cli::check::report::{Event, GitHub, Human, JUnit, Json, Reporter};
use tstate_cli::check::verdict::{Checked, Counterexample};
use tstate_cli::engine::{StateEdge, StateGraph, StateNode};
use tstate_cli::files::ScenarioFile;
use tstate_cli::record::{Line, Summary};
use tstate_cli::render::graph;
use tstate_cli::render::trace::Style;

const DAEMON: &str = "\
scenario \"Finalization freezes a daemon thread that holds a native mutex\"
python 3.14
native mutex log_lock
thread main {
    Py_InitializeEx(0)
    Py_AtExit(flush_logs)
    start flusher
    eval 1
    Py_FinalizeEx()
}
daemon thread flusher {
    lock log_lock
    Py_BEGIN_ALLOW_THREADS
    sleep
    Py_END_ALLOW_THREADS
    unlock log_lock
}
callback flush_logs {
    lock log_lock
    unlock log_lock
}
expect {
    allow   ok, hang(flusher)
    cover   attached(flusher)
}
";

const LONG: &str = "thread main {\n    Py_InitializeEx(0)\n    Py_FinalizeEx()\n}\n";

const BROKEN: &str = "thread main {\n    Py_InitializeE(0)\n}\n";

fn files() -> Vec<ScenarioFile> {
    let file = |name: &str, source: &str| ScenarioFile {
        path: format!("scenarios/{name}.capi"),
        name: name.to_owned(),
        source: source.to_owned(),
    };
    vec![
        file("finalize/daemon-mutex", DAEMON),
        file("fork/long", LONG),
        file("new", BROKEN),
    ]
}

fn found(outcome: Outcome, text: &str, steps: u32, switches: u32) -> Found {
    let run = |thread, count| std::iter::repeat_n(Choice::new(thread, Move::Run), count);
    let choices = run(0, 3).chain(run(1, steps as usize - 3)).collect();
    Found {
        outcome,
        text: text.to_owned(),
        steps,
        switches,
        schedule: Schedule {
            profile: Profile::DEFAULT,
            scenario: 0x8f3a_61c2,
            choices,
        },
        ends: 2,
    }
}

fn span(source: &str, text: &str) -> (u32, u32) {
    let start = source.find(text).expect("the text is there") as u32;
    (start, start + text.len() as u32)
}

fn failed() -> Checked {
    let verdict = Verdict {
        profile: Profile::DEFAULT,
        outcomes: vec![
            found(Outcome::Ok, "ok", 30, 0),
            found(Outcome::Deadlock(Threads(1)), "deadlock(main)", 41, 2),
        ],
        failures: vec![
            Failure {
                span: span(DAEMON, "allow   ok, hang(flusher)"),
                message: "deadlock(main) is reachable, and no claim allows it".to_owned(),
                found: Some(1),
                undecided: false,
            },
            Failure {
                span: span(DAEMON, "cover   attached(flusher)"),
                message: "no state that was visited fulfils `attached(flusher)`".to_owned(),
                found: None,
                undecided: true,
            },
        ],
        states: 48_213,
        transitions: 61_400,
        steps: 1_000_000,
        cut: vec![Cut::Preemptions(3)],
        omission: 0.0,
    };
    let counterexample = Counterexample {
        found: 1,
        trace: daemon_mutex(),
        saved: None,
    };
    Checked {
        verdict,
        counterexamples: vec![counterexample],
        walked: None,
    }
}

fn cut() -> Checked {
    let verdict = Verdict {
        profile: Profile::DEFAULT,
        outcomes: vec![found(Outcome::Ok, "ok", 12, 0)],
        failures: Vec::new(),
        states: 1_000_000,
        transitions: 1_200_000,
        steps: 9_000_000,
        cut: vec![Cut::States(1_000_000)],
        omission: 0.0,
    };
    Checked {
        verdict,
        counterexamples: Vec::new(),
        walked: None,
    }
}

fn report(reporter: &mut dyn Reporter) -> String {
    let plan = Plan::new(files(), &[]);
    let [daemon, long, broken]: &[Scenario; 3] = plan
        .scenarios
        .as_slice()
        .try_into()
        .expect("three scenarios");
    let mut text = reporter.begin(&plan);
    text += &reporter.event(&Event::Verdict(daemon, &failed()));
    text += &reporter.event(&Event::Verdict(long, &cut()));
    text += &reporter.event(&Event::Findings(broken));
    let summary = Summary {
        scenarios: 3,
        verdicts: 2,
        failed: 1,
        inconclusive: 1,
        broken: 1,
        states: 1_048_213,
        ..Summary::default()
    };
    text + &reporter.end(&summary)
}

#[test]
fn people_read_lines_then_failures_then_the_sum() {
    snapshot!(
        "report",
        plain(&report(&mut Human::new(Style::default(), false, false)))
    );
}

#[test]
fn verbose_reports_list_all_outcomes() {
    snapshot!(
        "report-verbose",
        plain(&report(&mut Human::new(Style::default(), true, false)))
    );
}

#[test]
fn json_is_one_object_a_line() {
    let text = report(&mut Json);
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("an object");
        assert_eq!(value["schema"], 1, "{line}");
    }
    snapshot!("report-json", text);
}

#[test]
fn junit_has_a_case_for_each_verdict() {
    snapshot!(
        "report-junit",
        report(&mut JUnit::new(Style::default(), false))
    );
}

#[test]
fn github_annotations_stand_at_the_claims() {
    snapshot!("report-github", report(&mut GitHub::new(Style::default())));
}

#[test]
fn the_schema_of_json_is_committed() {
    let schema =
        serde_json::to_string_pretty(&schemars::schema_for!(Line)).expect("a schema") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/check-1.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        schema == committed,
        "cli/schema/check-1.json is not up to date: run this test with UPDATE_SCHEMA=1"
    );
}

fn small_graph() -> StateGraph {
    let node = |lines: &[&str], ends: &[&str]| StateNode {
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        ends: ends.iter().map(|end| (*end).to_owned()).collect(),
        states: 2,
    };
    let edge = |from, to| StateEdge {
        from,
        to,
        thread: "main".to_owned(),
    };
    StateGraph {
        nodes: vec![
            node(&["main: 2 Py_InitializeEx(0)"], &[]),
            node(&["GIL: main", "main: 3 puts(\"|x|\")"], &[]),
            node(&[], &["ok"]),
            node(&["GIL: –"], &["fatal(\"PyEval_SaveThread: …\")", "ok"]),
        ],
        edges: [edge(0, 1), edge(1, 2), edge(1, 3)].into(),
        states: 8,
        transitions: 12,
        complete: false,
    }
}

#[test]
fn graphs_as_text() {
    snapshot!(
        "graph-text",
        graph::text("a.capi under 3.14", &small_graph())
    );
}

#[test]
fn graphs_for_graphviz() {
    snapshot!("graph-dot", graph::dot("a.capi under 3.14", &small_graph()));
}

#[test]
fn graphs_for_mermaid() {
    snapshot!(
        "graph-mermaid",
        graph::mermaid("a.capi under 3.14", &small_graph())
    );
}
