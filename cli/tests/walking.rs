//! The random walk run from the command line: exit statuses, the same bytes for the same seed, and a deadlock found.

mod recorded;
#[expect(dead_code, reason = "a walk writes no files")]
mod support;

use recorded::snapshot;
use support::Project;

/// Nothing goes wrong here, and that is never said of a walk.
const GOOD: &str = "\
scenario \"start and stop\"
python 3.14

thread main {
    Py_InitializeEx(0)
    Py_FinalizeEx() == 0
}
";

/// Whoever comes first has the mutex for good.
const EITHER: &str = "\
python 3.14
native mutex m

thread main {
    Py_InitializeEx(0)
    start worker
    lock m
    Py_FinalizeEx() == 0
}

foreign thread worker {
    lock m
}
";

/// The file with the claim that allows its deadlock taken away.
fn deadlock() -> String {
    let text = include_str!("../../scenarios/deadlock/join-attached.capi");
    let claim = "    allow   deadlock(main, worker)\n";
    assert!(text.contains(claim), "the file allows what it shows");
    text.replace(claim, "")
}

fn project() -> Project {
    Project::new(&[
        ("scenarios/good.capi", GOOD),
        ("scenarios/joined.capi", &deadlock()),
    ])
}

#[test]
fn a_refused_outcome_exits_1_with_its_run() {
    let line = ["walk", "scenarios", "--python", "3.14", "--runs", "5"];
    let answer = project().expect(&line, 1);
    snapshot!("walk", answer.transcript());
    let json = [&line[..], &["--format", "json"]].concat();
    snapshot!("walk-json", project().expect(&json, 1).transcript());
}

#[test]
fn the_run_that_a_walk_prints_replays() {
    let project = project();
    let answer = project.expect(&["walk", "scenarios/joined.capi"], 1);
    let replay = answer.output.lines().find_map(|line| {
        let words = line.trim().strip_prefix("Replay:  tstate ")?;
        Some(
            words
                .split(' ')
                .map(|word| word.trim_matches('\''))
                .collect::<Vec<_>>(),
        )
    });
    let told = project.expect(&replay.expect("a line to replay"), 0);
    assert!(told.output.contains("deadlock(main, worker)"), "{told:?}");
}

#[test]
fn a_walk_that_meets_nothing_bad_exits_3_and_says_why() {
    let project = project();
    let answer = project.expect(&["walk", "scenarios/good.capi"], 3);
    snapshot!("walk-inconclusive", answer.transcript());
    assert!(!answer.output.contains(" ok  "), "{}", answer.output);
    let quiet = project.expect(&["walk", "scenarios/good.capi", "-q"], 3);
    let lines: Vec<&str> = quiet.output.trim().lines().collect();
    assert_eq!(lines.len(), 2, "{quiet:?}");
    assert!(lines[1].contains("may still be there"), "{quiet:?}");
}

#[test]
fn runs_that_are_given_up_are_counted() {
    let line = ["walk", "scenarios/good.capi", "--max-steps", "2"];
    let answer = project().expect(&line, 3);
    let words = "met no end; 1,000 runs given up";
    assert!(answer.output.contains(words), "{}", answer.output);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let project = Project::new(&[("either.capi", EITHER)]);
    let seeded = |seed, format| {
        let line = [
            "walk",
            "either.capi",
            "-v",
            "--seed",
            seed,
            "--format",
            format,
        ];
        project.expect(&line, 1).output
    };
    for format in ["human", "json"] {
        assert_eq!(seeded("3", format), seeded("3", format));
        assert_ne!(seeded("3", format), seeded("4", format));
    }
}

#[test]
fn bad_input_exits_2() {
    let project = project();
    project.write(
        "scenarios/broken.capi",
        "thread main { Py_InitializeE(0) }\n",
    );
    let lines: [&[&str]; 9] = [
        &["walk"],
        &["walk", "lost.capi"],
        &["walk", "scenarios"],
        &["walk", "scenarios/good.capi", "--runs", "0"],
        &["walk", "scenarios/good.capi", "--max-steps", "0"],
        &["walk", "scenarios/good.capi", "--seed", "-1"],
        &["walk", "scenarios/good.capi", "--python", "3.9"],
        &["walk", "scenarios/good.capi", "--python", "sound"],
        &["walk", "scenarios/good.capi", "--format", "junit"],
    ];
    for line in lines {
        project.expect(line, 2);
    }
}
