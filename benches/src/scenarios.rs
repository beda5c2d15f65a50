//! Two scenarios on the whole runtime. Only the exploration is timed, so they claim nothing.

use std::sync::Arc;
use tstate::sim::check::settings;
use tstate::sim::explorer::{Exploration, Limits, explore};
use tstate::sim::judge::{Case, Notes};
use tstate::sim::{CheckOptions, scenario};

/// Two workers that ensure and release twice, while the main thread saves and restores.
pub const WORKERS: &str = r#"
scenario "two workers ensure and release twice"
python 3.14
thread main {
    Py_InitializeEx(0)
    start a
    start b
    ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
    ts = PyEval_SaveThread()
    join a
    join b
    PyEval_RestoreThread(ts)
}
foreign thread a {
    repeat 2 { g = PyGILState_Ensure(); PyGILState_Release(g) }
}
foreign thread b {
    repeat 2 { g = PyGILState_Ensure(); PyGILState_Release(g) }
}
"#;

/// A worker in the middle of a call and a thread that comes late, against finalization.
pub const FINALIZATION: &str = r#"
scenario "a worker and a late attacher against finalization"
python 3.14
thread main {
    Py_InitializeEx(0)
    start worker
    start late
    ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
    eval
    Py_FinalizeEx()
}
foreign thread worker {
    g = PyGILState_Ensure()
    ts = PyEval_SaveThread()
    PyEval_RestoreThread(ts)
    PyGILState_Release(g)
}
foreign thread late {
    g = PyGILState_Ensure()
    eval
    PyGILState_Release(g)
}
"#;

/// Explores a scenario under its one profile, up to this many states.
pub fn explored(source: &str, full_points: bool, states_max: u64) -> Exploration {
    let file = scenario::parse(source).expect("the scenario parses");
    let program = Arc::new(scenario::check(&file).expect("the scenario is right"));
    let limits = Limits {
        states: Some(states_max),
        ..Limits::default()
    };
    let options = CheckOptions {
        limits,
        full_points,
    };
    let notes = Notes::default();
    let case = Case {
        program: &program,
        profile: program.profiles[0],
        notes: &notes,
    };
    explore(&case, &settings(&program, &options))
}
