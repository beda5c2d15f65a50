//! The scenario files on which loom and the explorer must agree.
//!
//! In each of them the first thread sees the others end, since loom knows no end of a process that cuts threads off, and
//! no outcome hangs on a time-out or on which of several waiters wakes, which loom does not explore.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "two test programs include this file"
)]

/// The release whose outcomes are listed: loom runs one.
pub const PROFILE: &str = "3.14";

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    /// Its name below `scenarios`.
    pub name: &'static str,
    /// All its outcomes, `hang` without names.
    pub outcomes: &'static [&'static str],
    /// The bound on loom's preemptions; `None` is every interleaving.
    pub preemptions: Option<usize>,
}

const fn agreed(
    name: &'static str,
    outcomes: &'static [&'static str],
    preemptions: Option<usize>,
) -> Agreed {
    Agreed {
        name,
        outcomes,
        preemptions,
    }
}

/// The files.
pub const LIST: &[Agreed] = &[
    agreed("attach/block-inside-allow-threads", &["ok"], None),
    agreed("attach/hand-over", &["ok"], None),
    agreed("attach/save-twice", &["crash(no_thread_state)"], None),
    agreed("deadlock/join-attached-fixed", &["ok"], None),
    agreed("deadlock/once-lock-fixed", &["ok"], None),
    agreed("finalize/ask-then-ensure-fixed", &["ok"], None),
    agreed("finalize/ensure-after-finalize", &["crash"], None),
    agreed("finalize/known-state-hangs", &["hang"], None),
    agreed("finalize/late-restore", &["hang"], None),
    agreed(
        "finalize/release-after-finalize",
        &[
            "fatal(\"PyGILState_Release: auto-releasing thread-state, but no thread-state for this thread\")",
        ],
        None,
    ),
    agreed("gilstate/ensure-and-release", &["ok"], None),
    agreed("gilstate/nested-across-save", &["ok"], None),
    agreed(
        "gilstate/release-in-another-thread",
        &[
            "fatal(\"PyGILState_Release: auto-releasing thread-state, but no thread-state for this thread\")",
        ],
        None,
    ),
    agreed("gilstate/two-foreign-threads", &["ok"], Some(2)),
    agreed("mutex/contended", &["ok"], None),
    agreed("mutex/hand-off", &["ok"], Some(2)),
    agreed("mutex/waits-detached", &["ok"], None),
    agreed("objects/thread-exit-destructor-fixed", &["ok"], None),
    agreed("pending/main-is-detached", &["ok"], None),
    agreed("pending/other-thread-does-not-run-them", &["ok"], None),
    agreed("pending/two-producers", &["ok"], Some(2)),
    agreed(
        "swap/deleted-then-restored",
        &["crash(use_after_free)"],
        None,
    ),
    agreed("swap/made-by-main", &["ok"], None),
    agreed("swap/swap-current", &["ok"], None),
    agreed("swap/swap-to-none", &["ok"], None),
    agreed("swap/two-threads-create", &["ok"], Some(2)),
    agreed("threading/finalize-joins", &["ok"], None),
    agreed("threading/start-and-join", &["ok"], None),
];

/// The text of a file.
pub fn source_of(name: &str) -> String {
    let path = format!("{}/scenarios/{name}.capi", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("scenarios/{name}.capi: {error}"))
}
