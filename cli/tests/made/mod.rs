//! A hand-made run.

use tstate::sim::report::{Mark, Row, Trace, TraceThread};

/// The rows: thread, depth, mark | statement | result | GIL | changes.
const ROWS: &str = "\
0 0 whole  | Py_InitializeEx(0)     |   | main    | initialized
0 0 whole  | Py_AtExit(flush_logs)  | 0 | main    |
0 0 whole  | start flusher          | 0 | main    | flusher runs
0 0 begins | eval 1                 |   | flusher | flusher asked main to drop the GIL
1 0 whole  | lock log_lock          |   | flusher | log_lock: flusher
1 0 whole  | Py_BEGIN_ALLOW_THREADS |   |         | flusher detached
0 0 returns | eval 1                |   | main    |
0 0 begins | Py_FinalizeEx()        |   | main    | finalizing
1 0 hangs  | Py_END_ALLOW_THREADS   |   | main    | flusher hangs for good
0 1 blocks | lock log_lock          |   | main    | flush_logs: main waits for flusher";

/// The text without colours.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A daemon thread holds a mutex when finalization parks it; an exit hook wants the mutex.
pub(crate) fn daemon_mutex() -> Trace {
    Trace {
        threads: vec![thread("main", "main"), thread("flusher", "daemon")],
        rows: (1..)
            .zip(ROWS.lines())
            .map(|(number, line)| row(number, line))
            .collect(),
        outcome: "deadlock(main)".to_owned(),
        explanation: vec![
            "main waits for log_lock, held by flusher since row 5; flusher can never run again, \
             because finalization parked it when it came to attach."
                .to_owned(),
        ],
        waits: Vec::new(),
        standing: vec![
            "flusher: parked in Py_END_ALLOW_THREADS (line 26), holds log_lock.".to_owned(),
        ],
    }
}

/// A column.
pub(crate) fn thread(name: &str, kind: &'static str) -> TraceThread {
    TraceThread {
        name: name.to_owned(),
        kind,
    }
}

fn row(number: u32, line: &str) -> Row {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [head, text, result, gil, change] = fields[..] else {
        panic!("five fields: {line}");
    };
    let head: Vec<&str> = head.split_whitespace().collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Row {
        number,
        thread: head[0].parse().expect("a thread"),
        depth: head[1].parse().expect("a depth"),
        mark: mark(head[2]),
        text: text.to_owned(),
        line: number + 7,
        result: some(result),
        gil: some(gil),
        changes: some(change).into_iter().collect(),
    }
}

fn mark(word: &str) -> Mark {
    match word {
        "begins" => Mark::Begins,
        "returns" => Mark::Returns,
        "blocks" => Mark::Blocks,
        "hangs" => Mark::Hangs,
        _ => Mark::Whole,
    }
}
