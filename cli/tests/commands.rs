//! The program run in a project of its own: what it answers to good and bad command lines and files.

mod recorded;
mod support;

use recorded::snapshot;
use std::process::Stdio;
use support::Project;

const GOOD: &str = "\
scenario \"start and stop\"
python 3.14

thread main {
    Py_InitializeEx(0)
    Py_FinalizeEx() == 0
}
";

const BROKEN: &str = "\
python 3.14
thread main {
    Py_InitializeE(0)
    PyEval_RestoreThread(ts)
    start nobody
}
";

#[test]
fn help_names_all_commands_and_exit_codes() {
    let project = Project::new(&[]);
    snapshot!("help", project.expect(&["--help"], 0).output);
    for command in [
        "check",
        "walk",
        "replay",
        "graph",
        "diff",
        "lint",
        "fmt",
        "api",
        "explain",
        "completions",
    ] {
        project.expect(&[command, "--help"], 0);
    }
    snapshot!("help-check", project.expect(&["check", "--help"], 0).output);
    snapshot!("help-walk", project.expect(&["walk", "--help"], 0).output);
    snapshot!("help-diff", project.expect(&["diff", "--help"], 0).output);
}

#[test]
fn bad_usage_exits_2_and_says_why() {
    let project = Project::new(&[("scenarios/a.capi", GOOD)]);
    let lines: [&[&str]; 12] = [
        &[],
        &["chek"],
        &["check", "--pyton", "3.14"],
        &["check", "--python", "3.99"],
        &["check", "--python", "2"],
        &["check", "--max-states", "0"],
        &["check", "--max-states", "many"],
        &["check", "-j", "0"],
        &["check", "--format", "xml"],
        &["-v", "-q", "check"],
        &["replay", "a.capi"],
        &["completions", "tcsh"],
    ];
    for line in lines {
        let answer = project.expect(line, 2);
        assert!(!answer.remarks.is_empty(), "{line:?} says nothing");
        assert!(answer.output.is_empty(), "{line:?} prints a result");
    }
}

#[test]
fn a_version_that_is_not_modelled_is_refused() {
    let project = Project::new(&[
        ("scenarios/a.capi", GOOD),
        ("old/b.capi", "python 3.14, 3.14t\nthread main {}\n"),
    ]);
    snapshot!(
        "python-unmodelled",
        project
            .expect(&["check", "--python", "sound"], 2)
            .transcript()
    );
    snapshot!(
        "profile-unmodelled",
        project.expect(&["lint", "old"], 0).transcript()
    );
    let answer = project.expect(&["check", "old"], 2);
    assert!(answer.output.contains("S403"), "{}", answer.transcript());
}

#[test]
fn what_is_missing_is_named() {
    let project = Project::new(&[("scenarios/hand_off.capi", GOOD)]);
    std::fs::create_dir(project.path("empty")).expect("a folder");
    let lines: [(&str, &[&str]); 7] = [
        ("missing-file", &["check", "scenarios/hand_of.capi"]),
        ("missing-folder", &["lint", "scenario"]),
        ("empty-folder", &["check", "empty"]),
        ("empty-beside-full", &["lint", "empty", "scenarios"]),
        ("no-match", &["check", "-k", "zebra"]),
        ("folder-as-file", &["graph", "scenarios"]),
        ("unwritable", &["check", "-o", "nowhere/report.txt"]),
    ];
    for (name, line) in lines {
        snapshot!(name, project.expect(line, 2).transcript());
    }
}

#[test]
fn a_project_without_scenarios_is_no_success() {
    let project = Project::new(&[]);
    for command in ["check", "lint", "fmt"] {
        let answer = project.expect(&[command], 2);
        assert!(
            answer.remarks.contains("no folder `scenarios` here"),
            "{}",
            answer.remarks
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let project = Project::new(&[]);
    project.write("scenarios/a.capi", b"thread main {\n  x\xff\n}\n");
    snapshot!("no-utf8", project.expect(&["check"], 2).transcript());
}

#[test]
fn all_mistakes_of_a_file_are_reported_in_one_run() {
    let project = Project::new(&[("scenarios/bad.capi", BROKEN)]);
    snapshot!("broken-lint", project.expect(&["lint"], 2).transcript());
    snapshot!("broken-check", project.expect(&["check"], 2).transcript());
    snapshot!(
        "broken-json",
        project
            .expect(&["lint", "--format", "json"], 2)
            .transcript()
    );
    snapshot!(
        "broken-github",
        project
            .expect(&["lint", "--format", "github"], 2)
            .transcript()
    );
    snapshot!(
        "broken-graph",
        project
            .expect(&["graph", "scenarios/bad.capi"], 2)
            .transcript()
    );
    let answer = project.expect(&["replay", "scenarios/bad.capi", "1/3.14/00000000/0x1"], 2);
    assert!(answer.remarks.contains("error[S101]"), "{}", answer.remarks);
}

#[test]
fn hostile_files_are_refused_without_a_panic() {
    let deep = format!("thread main {{ {} }}", "repeat 2 {".repeat(5000));
    let texts = [
        "",
        "\u{feff}",
        "\0",
        "\u{1b}[2J",
        "thread",
        "{{{{",
        "\"",
        "/*",
        deep.as_str(),
        "python 3.14t .. 9",
    ];
    for text in texts {
        let project = Project::new(&[("scenarios/a.capi", text)]);
        for command in ["lint", "check", "fmt"] {
            let answer = project.run(&[command]);
            assert!(
                matches!(answer.status, Some(0 | 2)),
                "{command} on {text:?}: {}",
                answer.transcript()
            );
            assert!(
                !answer.remarks.contains("panicked"),
                "{command} on {text:?}: {}",
                answer.remarks
            );
            assert!(
                !answer.output.contains('\u{1b}'),
                "{command} on {text:?} steers the terminal"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn bad_schedules_are_refused_with_the_cause() {
    let project = Project::new(&[("a.capi", GOOD)]);
    for (name, schedule) in [
        ("schedule-form", "0x3"),
        ("schedule-version", "99/3.14/00000000/0x3"),
        ("schedule-profile", "1/2.7/00000000/0x3"),
        ("schedule-choice", "1/3.14/00000000/0q3"),
        ("schedule-file", "lost.schedule"),
    ] {
        snapshot!(
            name,
            project
                .expect(&["replay", "a.capi", schedule], 2)
                .transcript()
        );
    }
    let answer = project.expect(&["replay", "a.capi", "1/3.14/0badcafe/0x3"], 2);
    assert!(
        answer.remarks.contains("the file was edited since"),
        "{}",
        answer.remarks
    );
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let project = Project::new(&[("scenarios/bad.capi", BROKEN)]);
    assert!(!project.expect(&["lint"], 2).output.contains('\u{1b}'));
    assert!(
        project
            .expect(&["lint", "--color", "always"], 2)
            .output
            .contains('\u{1b}')
    );
    let forced = project
        .command(&["lint"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("the program starts");
    assert!(support::answer(forced).output.contains('\u{1b}'));
    let mut both = project.command(&["lint", "--color", "never"]);
    let never = both
        .env("CLICOLOR_FORCE", "1")
        .output()
        .expect("the program starts");
    assert!(!support::answer(never).output.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let project = Project::new(&[]);
    let mut child = project
        .command(&["api"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let answer = support::answer(child.wait_with_output().expect("the program ends"));
    assert!(
        matches!(answer.status, Some(0 | 141)),
        "{}",
        answer.transcript()
    );
    assert_eq!(answer.remarks, "");
}

#[test]
fn reports_go_to_files() {
    let project = Project::new(&[("scenarios/bad.capi", BROKEN)]);
    let answer = project.expect(&["check", "-o", "report.txt", "--color", "always"], 2);
    assert_eq!(answer.output, "");
    assert_eq!(
        project.read("report.txt"),
        project.expect(&["check"], 2).output
    );
    project.expect(&["check", "-o", "/dev/null"], 2);
}
