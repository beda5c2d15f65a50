//! The commands that explore nothing, and the settings file, in a project of its own.

mod recorded;
mod support;

use recorded::snapshot;
use support::Project;

const GOOD: &str = "\
scenario \"start and stop\"
python 3.14

thread main {
    Py_InitializeEx(0)
    Py_FinalizeEx() == 0
}
";

const UNTIDY: &str = "thread main { Py_InitializeEx(0);\n\n\n  Py_FinalizeEx()==0 }\n";

#[test]
fn fmt_writes_files_and_check_lists_them() {
    let project = Project::new(&[("scenarios/a.capi", UNTIDY), ("scenarios/sub/b.capi", GOOD)]);
    let listed = project.expect(&["fmt", "--check"], 1);
    assert_eq!(listed.output, "scenarios/a.capi\n");
    assert_eq!(
        project.read("scenarios/a.capi"),
        UNTIDY,
        "`--check` writes nothing"
    );
    project.expect(&["fmt"], 0);
    snapshot!("formatted", project.read("scenarios/a.capi"));
    assert_eq!(project.read("scenarios/sub/b.capi"), GOOD);
    project.expect(&["fmt", "--check"], 0);
}

#[test]
fn fmt_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let project = Project::new(&[("real.capi", UNTIDY)]);
    let real = project.path("real.capi");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("permissions");
    symlink(&real, project.path("link.capi")).expect("a link");
    project.expect(&["fmt", "link.capi"], 0);
    assert_ne!(project.read("real.capi"), UNTIDY);
    let mode = std::fs::metadata(&real)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(
        std::fs::symlink_metadata(project.path("link.capi"))
            .expect("the link")
            .is_symlink()
    );
}

#[test]
fn fmt_leaves_broken_files_alone() {
    let project = Project::new(&[
        ("scenarios/a.capi", UNTIDY),
        ("scenarios/bad.capi", "thread main {\n"),
    ]);
    let answer = project.expect(&["fmt"], 2);
    assert!(answer.remarks.contains("error[S002]"), "{}", answer.remarks);
    assert_eq!(project.read("scenarios/bad.capi"), "thread main {\n");
    assert_ne!(
        project.read("scenarios/a.capi"),
        UNTIDY,
        "the other file is formatted"
    );
}

#[test]
fn api_lists_finds_and_suggests() {
    let project = Project::new(&[]);
    snapshot!(
        "api-one",
        project.expect(&["api", "PyThreadState_Swap"], 0).output
    );
    snapshot!("api-part", project.expect(&["api", "gilstate"], 0).output);
    snapshot!(
        "api-json",
        project
            .expect(&["api", "PyGILState_Ensure", "--format", "json"], 0)
            .output
    );
    snapshot!(
        "api-unknown",
        project
            .expect(&["api", "PyThreadState_Swapp"], 2)
            .transcript()
    );
    let all = project.expect(&["api", "--format", "json"], 0).output;
    assert!(
        all.lines().count() > 150,
        "only {} rows",
        all.lines().count()
    );
}

#[test]
fn explain_knows_codes_and_outcomes() {
    let project = Project::new(&[]);
    snapshot!(
        "explain-code",
        project.expect(&["explain", "s103"], 0).output
    );
    let by_outcome = project.expect(&["explain", "deadlock(main, worker)"], 0);
    assert_eq!(by_outcome, project.expect(&["explain", "V204"], 0));
    snapshot!("explain-outcome", by_outcome.output);
    let exact = project
        .expect(&["explain", "crash(use_after_free)"], 0)
        .output;
    assert!(exact.starts_with("V211"), "{exact}");
    snapshot!(
        "explain-unknown",
        project.expect(&["explain", "dedlock"], 2).transcript()
    );
    let all = project.expect(&["explain"], 0).output;
    assert!(
        all.contains("S001") && all.contains("V216") && all.contains("T001"),
        "{all}"
    );
}

#[test]
fn settings_are_found_upwards_and_their_mistakes_shown() {
    let project = Project::new(&[
        ("tstate.toml", "[check]\npaths = [\"stories\"]\n"),
        ("stories/a.capi", GOOD),
        ("deep/down/empty.txt", ""),
    ]);
    let answer = project.expect(&["lint"], 0);
    assert!(
        answer.output.starts_with("1 file:"),
        "{}",
        answer.transcript()
    );
    let mut deep = project.command(&["lint"]);
    let answer = support::answer(
        deep.current_dir(project.path("deep/down"))
            .output()
            .expect("the program starts"),
    );
    assert_eq!(answer.status, Some(0), "{}", answer.transcript());
    for (name, text) in [
        ("settings-form", "[check]\npaths = \"stories\"\n"),
        ("settings-key", "[check]\nmax_states = 5\n"),
        ("settings-value", "[check]\nmax-states = 0\n"),
        (
            "settings-python",
            "[check]\npython = [\"3.14\", \"3.99\", \"x\"]\n",
        ),
        ("settings-empty", "[check]\npaths = []\n"),
        ("settings-syntax", "[check\n"),
    ] {
        project.write("tstate.toml", text);
        snapshot!(name, project.expect(&["check"], 2).transcript());
    }
    let named = project.expect(&["check", "--config", "other.toml"], 2);
    assert!(
        named.remarks.contains("cannot read `other.toml`"),
        "{}",
        named.remarks
    );
}

#[test]
fn completions_are_scripts() {
    let project = Project::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            project
                .expect(&["completions", shell], 0)
                .output
                .contains("tstate")
        );
    }
}
