//! Runs on pretended libpythons: verdicts, formats, known deviations, counts.

use super::pretend::Pretended;
use super::recorded::snapshot;
use super::{expect, project};
use tstate_cli::conform::record::Line;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("what_the_model_allows_agrees", agreement),
    ("a_lie_differs_in_every_format", difference),
    ("a_difference_replays_by_its_schedule", replay),
    ("a_known_deviation_is_no_failure", known),
    ("a_deviation_that_is_gone_fails", stale),
    ("fewer_than_before_fails", counts),
    ("what_is_refused_is_no_pass", refused),
    ("nothing_driven_is_inconclusive", nothing),
    ("a_broken_scenario_ends_with_2", broken),
    ("chance_and_repetition_add_runs", chance),
    ("what_changes_when_run_again_fails", unstable),
    ("the_schema_of_json_is_committed", schema),
];

/// A library that lies about `PyGILState_Check()`.
fn liar() -> Pretended {
    Pretended {
        lies: Some("PyGILState_Check()".to_owned()),
        ..Pretended::new(14, 10)
    }
}

const DEVIATION: &str = "\
[[deviation]]
scenario = \"alone\"
libpythons = \"3.14.0 .. 3.14.10\"
step = \"main: c = PyGILState_Check()\"
date = \"2026-11-21\"
reason = \"It pretends so.\"
";

fn agreement() {
    let project = project(&[("a", Pretended::new(13, 5)), ("b", Pretended::new(14, 10))]);
    let all = ["--libpython=python/a", "--libpython=python/b"];
    let answer = expect(&project, &all, 0);
    snapshot!("conform-agrees", answer.transcript());
    assert_eq!(expect(&project, &all, 0), answer, "the same twice");
    let jobs = [&all[..], &["-j", "1"]].concat();
    assert_eq!(expect(&project, &jobs, 0), answer, "with one job");
    let quiet = [&all[..], &["-q"]].concat();
    assert_eq!(expect(&project, &quiet, 0).output.lines().count(), 1);
    let one = [&all[..], &["--python", "3.13"]].concat();
    assert!(!expect(&project, &one, 0).output.contains("3.14.10"));
}

fn difference() {
    let project = project(&[("liar", liar())]);
    let named = "--libpython=python/liar";
    snapshot!(
        "conform-differs",
        expect(&project, &[named], 1).transcript()
    );
    for format in ["json", "junit", "github"] {
        let answer = expect(&project, &[named, "--format", format], 1);
        snapshot!(format!("conform-differs-{format}"), answer.transcript());
    }
    expect(&project, &[named, "-k", "hand"], 0);
}

fn replay() {
    let project = project(&[("liar", liar())]);
    let told = expect(&project, &["--libpython=python/liar"], 1).output;
    let replay = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("Replay:"));
    let words: Vec<String> = replay
        .expect("a way to run it again")
        .replace("PROJECT/", "")
        .split_whitespace()
        .skip(2)
        .map(|word| word.trim_matches('\'').to_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let again = expect(&project, &words, 1);
    assert!(
        again.output.contains("main: c = PyGILState_Check()"),
        "{}",
        again.transcript()
    );
    expect(&project, &["--guide", "0y3"], 2);
}

fn unstable() {
    let changing = Pretended {
        lies_later: true,
        ..liar()
    };
    let project = project(&[("changing", changing)]);
    let once = ["--libpython=python/changing", "-k=alone", "--search=0"];
    expect(&project, &once, 0);
    let thrice = [&once[..], &["--repeat", "3"]].concat();
    let answer = expect(&project, &thrice, 1);
    snapshot!("conform-unstable", answer.transcript());
}

fn known() {
    let project = project(&[("liar", liar())]);
    project.write("conform/deviations.toml", DEVIATION);
    let answer = expect(&project, &["--libpython=python/liar"], 0);
    snapshot!("conform-known", answer.transcript());
    let json = expect(&project, &["--libpython=python/liar", "--format=json"], 0).output;
    assert!(
        json.contains("known_deviation") && json.contains("It pretends so."),
        "{json}"
    );
    // Another step, another release and another build are not meant.
    for (right, wrong) in [
        ("main: c =", "main: d ="),
        ("3.14.0 .. 3.14.10", "3.14.0 .. 3.14.9"),
        ("reason", "build = \"debug\"\nreason"),
        ("reason", "schedule = \"1x99\"\nreason"),
    ] {
        project.write("conform/deviations.toml", DEVIATION.replace(right, wrong));
        expect(&project, &["--libpython=python/liar"], 1);
    }
    project.write(
        "conform/deviations.toml",
        DEVIATION.replace("2026-11-21", "once"),
    );
    snapshot!(
        "conform-bad-deviation",
        expect(&project, &["--libpython=python/liar"], 2).transcript()
    );
}

fn stale() {
    let project = project(&[("a", Pretended::new(14, 10)), ("b", Pretended::new(13, 1))]);
    project.write("known.toml", DEVIATION);
    let known = "--deviations=known.toml";
    let answer = expect(&project, &["--libpython=python/a", known], 1);
    snapshot!("conform-stale", answer.transcript());
    expect(
        &project,
        &["--libpython=python/a", known, "--format=junit"],
        1,
    );
    // Nobody looked for it: another release, another scenario.
    expect(&project, &["--libpython=python/b", known], 0);
    expect(&project, &["--libpython=python/a", known, "-k", "hand"], 0);
    expect(
        &project,
        &["--libpython=python/a", "--deviations=nowhere.toml"],
        2,
    );
}

fn counts() {
    let project = project(&[("a", Pretended::new(14, 10))]);
    let named = "--libpython=python/a";
    expect(&project, &[named, "--update-counts"], 0);
    let written = project.read("conform/driven.toml");
    snapshot!("conform-driven", written.clone());
    let least = "--at-least=conform/driven.toml";
    expect(&project, &[named, least], 0);
    let fewer = expect(&project, &[named, least, "-k", "alone"], 1);
    snapshot!("conform-fallen", fewer.transcript());
    // A patch level that is not in the file is held to the others of its release.
    project.write("conform/driven.toml", written.replace("3.14.10", "3.14.9"));
    expect(&project, &[named, least], 0);
    expect(&project, &[named, least, "-k", "alone"], 1);
    // Another release is not; the report says so. What the file says of it stays.
    project.write("conform/driven.toml", written.replace("3.14.10", "3.13.1"));
    let free = expect(&project, &[named, least, "-k", "alone"], 0);
    assert!(
        free.output.contains("held to no count"),
        "{}",
        free.transcript()
    );
    expect(&project, &[named, least, "--update-counts"], 0);
    let both = project.read("conform/driven.toml");
    assert!(
        both.contains("3.13.1") && both.contains("3.14.10"),
        "{both}"
    );
    expect(&project, &[named, "--at-least=nowhere.toml"], 2);
}

fn refused() {
    let unwilling = Pretended {
        refuses: Some("one thread".to_owned()),
        ..Pretended::new(14, 10)
    };
    let project = project(&[("unwilling", unwilling)]);
    let answer = expect(&project, &["--libpython=python/unwilling"], 0);
    snapshot!("conform-refused", answer.transcript());
    let junit = expect(
        &project,
        &["--libpython=python/unwilling", "--format=junit"],
        0,
    );
    assert!(junit.output.contains("skipped=\"1\""), "{}", junit.output);
}

fn nothing() {
    let unwilling = Pretended {
        refuses: Some("python".to_owned()),
        ..Pretended::new(14, 10)
    };
    let project = project(&[("unwilling", unwilling), ("old", Pretended::new(12, 0))]);
    for place in ["python/unwilling", "python/old"] {
        let answer = expect(&project, &["--libpython", place], 3);
        assert!(
            answer.output.contains("Nothing was driven"),
            "{}",
            answer.transcript()
        );
    }
    // No libpython at all: the environment is empty but for what is named.
    let none = expect(&project, &["--python", "3.8"], 3);
    assert!(
        none.output.contains("Nothing was driven"),
        "{}",
        none.transcript()
    );
}

fn broken() {
    let project = project(&[("a", Pretended::new(14, 10))]);
    project.write(
        "scenarios/bad.capi",
        "thread main {\n    Py_Initialise()\n}\n",
    );
    let answer = expect(&project, &["--libpython=python/a"], 2);
    assert!(
        answer.output.contains("Py_Initialise"),
        "{}",
        answer.transcript()
    );
    assert!(answer.output.contains("2 agree"), "{}", answer.transcript());
    for format in ["json", "junit", "github"] {
        expect(&project, &["--libpython=python/a", "--format", format], 2);
    }
}

fn chance() {
    let project = project(&[("a", Pretended::new(14, 10))]);
    let schedules = |arguments: &[&str]| {
        let all = [
            &["--libpython=python/a", "--format=json", "--search=0"],
            arguments,
        ]
        .concat();
        let output = expect(&project, &all, 0).output;
        let last = output.lines().last().expect("a summary").to_owned();
        let value: serde_json::Value = serde_json::from_str(&last).expect("an object");
        value["schedules"].as_u64().expect("a number")
    };
    let plain = schedules(&[]);
    assert_eq!(
        schedules(&["--seeds", "5"]),
        plain + 10,
        "five for each scenario"
    );
    assert_eq!(schedules(&["--repeat", "3"]), plain, "equal runs are one");
    assert_eq!(schedules(&["--schedules", "1"]), 2, "one for each scenario");
}

fn schema() {
    let schema =
        serde_json::to_string_pretty(&schemars::schema_for!(Line)).expect("a schema") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/conform-1.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        schema == committed,
        "cli/schema/conform-1.json is not up to date: run this test with UPDATE_SCHEMA=1"
    );
}
