//! Finding libpythons, and saying why one is not driven.

use super::pretend::Pretended;
use super::recorded::snapshot;
use super::{expect, install, project, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use tstate_cli::libpython::{Origin, Surroundings, discover};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("the_list_says_what_is_driven_and_why_not", the_list),
    ("what_is_named_and_bad_ends_with_2", named_and_bad),
    ("a_missing_driver_is_said_with_its_build_command", no_driver),
    ("flag_goes_before_variable_before_settings", precedence),
    ("all_usual_places_are_looked_at_once_each", places),
    ("a_sysroot_is_opened_under_its_loader", sysroot),
];

fn built(minor: u8, patch: u8, free_threaded: bool, debug: bool) -> Pretended {
    let mut pretended = Pretended::new(minor, patch);
    pretended.probed.free_threaded = free_threaded;
    pretended.probed.debug = debug;
    pretended
}

fn the_list() {
    let mut lacking = Pretended::new(12, 3);
    lacking.probed.missing = vec!["PyGILState_Ensure".to_owned(), "Py_AtExit".to_owned()];
    let project = project(&[
        ("new", Pretended::new(14, 10)),
        ("old", Pretended::new(7, 9)),
        ("free", built(14, 2, true, false)),
        ("debug", built(14, 2, false, true)),
        ("lacking", lacking),
    ]);
    project.write(
        "python/homeless/libpython3.14.so",
        Pretended::new(14, 1).bytes(),
    );
    project.write(
        "python/text/lib/libpython3.14.so.1.0",
        "no library, but long enough",
    );
    let arguments = [
        "--list",
        "--libpython=python/new",
        "--libpython=python/old",
        "--libpython=python/free",
        "--libpython=python/debug",
        "--libpython=python/lacking",
        "--libpython=python/homeless/libpython3.14.so",
        "--libpython=python/text",
    ];
    snapshot!("conform-list", expect(&project, &arguments, 2).transcript());
    let json = [&arguments[..], &["--format", "json"]].concat();
    let answer = expect(&project, &json, 2);
    assert_eq!(answer.output.lines().count(), 7);
    for line in answer.output.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("an object");
        let is_driven = value["name"] == "3.14.10";
        assert_eq!(value["driven"], is_driven, "{line}");
        assert_eq!(value["reason"].is_null(), is_driven, "{line}");
    }
    expect(&project, &["--list", "--libpython=python/new"], 0);
}

fn named_and_bad() {
    let project = project(&[("new", Pretended::new(14, 10))]);
    project.write("static/bin/python3.14", "");
    project.write("empty/readme", "");
    project.write("short.so", "\x7fELF");
    for (name, place) in [
        ("conform-no-such-path", "nowhere"),
        ("conform-static", "static"),
        ("conform-no-python", "empty"),
        ("conform-too-short", "short.so"),
    ] {
        let named = format!("--libpython={place}");
        let answer = expect(&project, &["--list", &named], 2);
        snapshot!(name, answer.transcript());
        expect(&project, &[&named], 2);
    }
    // One good library beside it is driven, but the exit status still tells of the bad one.
    let both = ["--libpython=python/new", "--libpython=short.so"];
    let answer = expect(&project, &both, 2);
    assert!(answer.output.contains("2 agree"), "{}", answer.transcript());
}

fn no_driver() {
    let project = project(&[]);
    let answer = project.expect(&["conform", "--driver", "nowhere/tstate-driver"], 2);
    snapshot!("conform-no-driver", answer.transcript());
}

fn precedence() {
    let project = project(&[
        ("flag", Pretended::new(14, 1)),
        ("variable", Pretended::new(14, 2)),
        ("settings", Pretended::new(14, 3)),
    ]);
    project.write(
        "tstate.toml",
        "[conform]\nlibpythons = [\"python/settings\"]\n",
    );
    let listed = |variable: &str, arguments: &[&str]| {
        let mut command = project.command(&["conform", "--list", "--format", "json"]);
        let driver = std::env::current_exe().expect("this program");
        command.args(arguments).env("TSTATE_DRIVER", driver);
        command.env("TSTATE_LIBPYTHON", variable);
        super::support::answer(command.output().expect("the program starts")).output
    };
    let flag = listed("python/variable", &["--libpython=python/flag"]);
    assert!(
        flag.contains("3.14.1") && !flag.contains("3.14.2"),
        "{flag}"
    );
    let variable = listed("python/variable:python/flag", &[]);
    assert!(
        variable.contains("3.14.2") && variable.contains("3.14.1\""),
        "{variable}"
    );
    let settings = listed("", &[]);
    assert!(
        settings.contains("3.14.3") && settings.lines().count() == 1,
        "{settings}"
    );
}

fn places() {
    let project = project(&[]);
    let pretended = Pretended::new(14, 1);
    for prefix in [
        "pyenv/versions/3.14.1",
        "uv/cpython-3.14",
        "root/usr",
        "configured",
    ] {
        install(&project, prefix, &pretended);
    }
    project.write("pyenv/versions/3.9.0/bin/python3.9", "");
    symlink("3.14.1", project.path("pyenv/versions/newest")).expect("a link");
    install(&project, "cached", &Pretended::new(13, 1));
    install(&project, "sysroots/3.15/usr", &Pretended::new(15, 0));
    let program = |name: &str, text: String| {
        let path = format!("programs/{name}");
        project.write(&path, format!("#!/bin/sh\n{text}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path(&path), mode).expect("permissions");
    };
    let cached = project.path("cached/lib/libpython3.13.so.1.0");
    let cached = cached.display();
    program(
        "ldconfig",
        format!("echo 'libpython3.13.so.1.0 (libc6,x86-64) => {cached}'"),
    );
    program(
        "python3-config",
        format!("echo {}", project.path("configured").display()),
    );
    let surroundings = Surroundings {
        root: project.path("root"),
        programs: vec![project.path("programs")],
        pyenv: Some(project.path("pyenv/versions")),
        uv: Some(project.path("uv")),
        sysroots: project.path("sysroots"),
    };
    let found = discover(&surroundings);
    let origins: Vec<Origin> = found.libpythons.iter().map(|found| found.origin).collect();
    let expected = [
        Origin::Sysroot,
        Origin::System,
        Origin::Cache,
        Origin::Config,
        Origin::Pyenv,
        Origin::Uv,
    ];
    assert_eq!(origins, expected);
    assert!(found.libpythons.iter().all(|found| found.home.is_some()));
    assert_eq!(
        found.without.len(),
        1,
        "the static one: {:?}",
        found.without
    );
    assert_eq!(discover(&Surroundings::default()).libpythons, []);
}

fn sysroot() {
    let project = project(&[]);
    install(&project, "root/usr", &Pretended::new(14, 10));
    project.write("root/usr/lib/libc.so.6", "");
    let bare = expect(&project, &["--list", "--libpython=root"], 2);
    assert!(
        bare.remarks.contains("its sysroot has no dynamic loader"),
        "{}",
        bare.transcript()
    );
    // It drops `--library-path FOLDER` and starts what follows, as a loader does.
    project.write(
        "root/usr/lib64/ld-linux.so.2",
        "#!/bin/sh\nshift 2\nexec \"$@\"\n",
    );
    let loader = project.path("root/usr/lib64/ld-linux.so.2");
    std::fs::set_permissions(&loader, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let answer = run(&project, &["--libpython=root"]);
    assert_eq!(answer.status, Some(0), "{}", answer.transcript());
    assert!(answer.output.contains("2 agree"), "{}", answer.transcript());
}
