//! Hand-made runs and verdicts.

use tstate::sim::report::{Mark, Row, Trace, TraceThread};

/// The text without colours.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A daemon thread holds a mutex when finalization parks it; an exit hook wants the mutex.
pub(crate) fn daemon_mutex() -> Trace {
    let lines: [(usize, u32, &str, Mark, Option<&str>, &str, &[&str]); 10] = [
        (
            0,
            0,
            "Py_InitializeEx(0)",
            Mark::Whole,
            None,
            "main",
            &["initialized"],
        ),
        (
            0,
            0,
            "Py_AtExit(flush_logs)",
            Mark::Whole,
            Some("0"),
            "main",
            &[],
        ),
        (
            0,
            0,
            "start flusher",
            Mark::Whole,
            Some("0"),
            "main",
            &["flusher runs"],
        ),
        (
            0,
            0,
            "eval 1",
            Mark::Begins,
            None,
            "flusher",
            &["flusher asked main to drop the GIL"],
        ),
        (
            1,
            0,
            "lock log_lock",
            Mark::Whole,
            None,
            "flusher",
            &["log_lock: flusher"],
        ),
        (
            1,
            0,
            "Py_BEGIN_ALLOW_THREADS",
            Mark::Whole,
            None,
            "",
            &["flusher detached"],
        ),
        (0, 0, "eval 1", Mark::Returns, None, "main", &[]),
        (
            0,
            0,
            "Py_FinalizeEx()",
            Mark::Begins,
            None,
            "main",
            &["finalizing"],
        ),
        (
            1,
            0,
            "Py_END_ALLOW_THREADS",
            Mark::Hangs,
            None,
            "main",
            &["flusher hangs for good"],
        ),
        (
            0,
            1,
            "lock log_lock",
            Mark::Blocks,
            None,
            "main",
            &["flush_logs: main waits for flusher"],
        ),
    ];
    let row = |(number, (thread, depth, text, mark, result, gil, changes)): (usize, _)| {
        let result: Option<&str> = result;
        let (gil, changes): (&str, &[&str]) = (gil, changes);
        Row {
            number: number as u32 + 1,
            thread,
            text: str::to_owned(text),
            line: number as u32 + 8,
            depth,
            mark,
            result: result.map(str::to_owned),
            gil: (!gil.is_empty()).then(|| gil.to_owned()),
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
        }
    };
    Trace {
        threads: vec![thread("main", "main"), thread("flusher", "daemon")],
        rows: lines.into_iter().enumerate().map(row).collect(),
        outcome: "deadlock(main)".to_owned(),
        explanation: vec![
            "main waits for log_lock, held by flusher since row 5; flusher can never run again, because \
             finalization parked it when it came to attach."
                .to_owned(),
        ],
        standing: vec!["flusher: parked in Py_END_ALLOW_THREADS (line 26), holds log_lock.".to_owned()],
    }
}

/// A column.
pub(crate) fn thread(name: &str, kind: &'static str) -> TraceThread {
    TraceThread {
        name: name.to_owned(),
        kind,
    }
}
