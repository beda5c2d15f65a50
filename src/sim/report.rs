//! A run told for a reader: which thread did what, what changed, who waits for whom.
//!
//! Data only; the program renders it as a table with a column for each thread.

/// A run, step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The threads that took part, in order of their index.
    pub threads: Vec<TraceThread>,
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
    /// How it ended, in the scenario language's words.
    pub outcome: String,
    /// Why: the cycle of waits, the stale handle, the failed claim. Whole sentences, one each.
    pub explanation: Vec<String>,
    /// What each thread that has not ended is doing at the end.
    pub standing: Vec<String>,
    /// The same as data: who waits for what, and who could give it.
    pub waits: Vec<Wait>,
}

/// A thread that waits, or was parked for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The thread's index in [`Trace::threads`].
    pub thread: usize,
    /// What it waits for, in a few words; none if that is the end of the one thread in `holders`.
    pub what: Option<String>,
    /// It waits for nothing: finalization parked it.
    pub parked: bool,
    /// The threads that have it, or whose end is waited for.
    pub holders: Vec<usize>,
    /// How they have it: `held by`, `opened by`.
    pub by: &'static str,
}

/// A run with all that can be seen of its states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The run.
    pub trace: Trace,
    /// The state after each row.
    pub states: Vec<State>,
    /// The steps up to the end of each row.
    pub steps: Vec<u32>,
    /// What the state looked like after each step, the state before the first one included: the label of its node.
    pub looks: Vec<String>,
}

/// A state as a reader is shown it: facts, those of one subject one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The facts. No two have the same subject and name.
    pub facts: Vec<Fact>,
}

/// One fact of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: the runtime, a thread by name, an interpreter.
    pub subject: String,
    /// What of it.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceThread {
    /// Its name in the scenario.
    pub name: String,
    /// `main`, `foreign`, `python` or `daemon`.
    pub kind: &'static str,
}

/// How a row relates to the statement it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The statement began and ended in this row.
    Whole,
    /// The statement began and is still under way below.
    Begins,
    /// The statement goes on.
    Continues,
    /// The statement goes on and ends.
    Returns,
    /// The thread blocks here, and no later row of it exists or it is woken later.
    Blocks,
    /// The thread hangs for good here.
    Hangs,
    /// The thread ended here.
    Ends,
}

/// One row: a stretch of steps of one thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Numbered from 1.
    pub number: u32,
    /// The thread's index in [`Trace::threads`].
    pub thread: usize,
    /// The statement as written in the file, in one line.
    pub text: String,
    /// Line of the statement in the file, from 1.
    pub line: u32,
    /// How deep inside callbacks: 0 is the thread's own body.
    pub depth: u32,
    /// Where in the statement the row stands.
    pub mark: Mark,
    /// What the call returned, if the statement ended in this row and returned something worth saying.
    pub result: Option<String>,
    /// Who holds the GIL after this row, by name.
    pub gil: Option<String>,
    /// What changed, in a few words each: `finalizing`, `log_lock: worker`, `worker asked main to drop the GIL`.
    pub changes: Vec<String>,
}
