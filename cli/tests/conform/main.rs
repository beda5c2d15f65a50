//! `tstate conform` and `tstate check --on` with pretended libpythons: what they answer, and how they end.
//!
//! Called as a driver, this program is one ([`pretend`]); else it runs the tests.

#[path = "../recorded/mod.rs"]
mod recorded;
#[path = "../support/mod.rs"]
mod support;

mod finding;
mod pretend;
mod reporting;
mod searching;

use libtest_mimic::{Arguments, Trial};
use pretend::Pretended;
use std::env;
use std::process::ExitCode;
use support::{Answer, Project};

/// The worker's call may come before, during or after the main thread's.
pub(crate) const HAND_OVER: &str = "\
scenario \"a worker calls in\"
python 3.13, 3.14

thread main {
    Py_InitializeEx(0)
    start worker
    Py_BEGIN_ALLOW_THREADS
    join worker
    Py_END_ALLOW_THREADS
    Py_FinalizeEx() == 0
}

foreign thread worker {
    g = PyGILState_Ensure()
    PyGILState_Release(g)
}
";

/// One thread; a statement that a library may lie about.
pub(crate) const ALONE: &str = "\
scenario \"one thread\"
python 3.14

thread main {
    Py_InitializeEx(0)
    c = PyGILState_Check()
    Py_FinalizeEx() == 0
}
";

/// A project with scenarios and pretended libpythons, each in an installation `python/NAME`.
pub(crate) fn project(libpythons: &[(&str, Pretended)]) -> Project {
    let project = Project::new(&[
        ("scenarios/hand/over.capi", HAND_OVER),
        ("scenarios/alone.capi", ALONE),
    ]);
    for (name, pretended) in libpythons {
        install(&project, &format!("python/{name}"), pretended);
    }
    project
}

/// Makes an installation.
pub(crate) fn install(project: &Project, prefix: &str, pretended: &Pretended) {
    let minor = pretended.probed.minor;
    let standard = format!("{prefix}/lib/python3.{minor}/encodings/__init__.py");
    project.write(&standard, "");
    let library = format!("{prefix}/lib/libpython3.{minor}.so.1.0");
    project.write(&library, pretended.bytes());
}

/// Runs `tstate conform` with the pretended driver and expects this exit status, and never a panic.
pub(crate) fn expect(project: &Project, arguments: &[&str], status: i32) -> Answer {
    run(project, arguments).expect(arguments, status)
}

/// Runs `tstate conform` with the pretended driver. Paths of the project are told from its folder on.
pub(crate) fn run(project: &Project, arguments: &[&str]) -> Answer {
    run_command(project, "conform", arguments)
}

/// Runs a command with the pretended driver. Paths of the project are told from its folder on.
pub(crate) fn run_command(project: &Project, command: &str, arguments: &[&str]) -> Answer {
    let driver = env::current_exe().expect("this program");
    let output = project
        .command(&[command])
        .args(arguments)
        .env("TSTATE_DRIVER", driver)
        .output()
        .expect("the program starts");
    let mut answer = support::answer(output);
    let folder = std::fs::canonicalize(project.path("")).expect("the project");
    let folder = folder.to_str().expect("a path that is text").to_owned();
    for text in [&mut answer.output, &mut answer.remarks] {
        *text = masked(&text.replace(&folder, "PROJECT"));
    }
    answer
}

/// The text without numbers that belong to the model: how many transitions there are and how many were taken.
fn masked(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, after) in [
        ("schedules, ", " % of "),
        ("schedule, ", " % of "),
        (" % of ", " transitions"),
        ("\"covered\":", ","),
        ("\"transitions\":", ","),
    ] {
        let mut parts = text.split(before);
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let number = part.find(|letter: char| !letter.is_ascii_digit());
            let rest = &part[number.unwrap_or(part.len())..];
            let is_one = rest.len() < part.len() && rest.starts_with(after);
            whole += before;
            whole += &if is_one {
                format!("N{rest}")
            } else {
                part.to_owned()
            };
        }
        text = whole;
    }
    text
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if pretend::is_called(&arguments) {
        pretend::play(&arguments);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let trial = |(name, body): &(&'static str, fn())| {
        let body = *body;
        Trial::test(*name, move || {
            body();
            Ok(())
        })
    };
    let all = finding::TESTS.iter().chain(reporting::TESTS);
    let all = all.chain(searching::TESTS);
    libtest_mimic::run(&arguments, all.map(trial).collect()).exit_code()
}
