//! What cannot be driven on the library at hand, found before the run.

use crate::python::{Release, injected, symbol};
use tstate::runtime::Profile;
use tstate::sim::scenario::calls::{Call, Kind, Row};
use tstate::sim::scenario::program::{Program, Reads};
use tstate::sim::scenario::unmodelled;

/// Functions of C that are not in the library's table of symbols, by that name, in every release that has them: the
/// driver does what they do.
const INLINE: [&str; 5] = [
    "PyMutex_IsLocked",
    "PyEval_InitThreads",
    "PyThreadState_GetUnchecked",
    "_PyThreadState_UncheckedGet",
    "PyStatus_Exception",
];

/// Why the program cannot be driven on this library, if it cannot.
pub fn refusal(program: &Program, release: &Release) -> Option<String> {
    if let Some(diagnostic) = unmodelled(program, Profile::DEFAULT).first() {
        return Some(diagnostic.message.clone());
    }
    let reads = Reads::of(program);
    let rows = reads.calls.iter().map(|call| call.row());
    if let Some(missing) = rows.clone().find(|row| !is_there(row, release)) {
        return Some(format!("{} is not in this library", missing.name));
    }
    let at_site = reads.modelled().any(|call| call == Call::AtSite);
    if let Some(why) = reads
        .stages
        .iter()
        .find_map(|stage| injected::refusal(*stage, at_site))
    {
        return Some(why);
    }
    if reads.pending {
        return Some("how many pending calls are queued cannot be seen".to_owned());
    }
    let swaps = rows
        .clone()
        .any(|row| ["PyThreadState_Swap", "Py_EndInterpreter"].contains(&row.name));
    if reads.gil_holder && swaps && release.minor < 12 {
        let why = "who holds the GIL cannot be seen where a call leaves it held without a thread state (before 3.12)";
        return Some(why.to_owned());
    }
    None
}

/// Whether the library has the function of a row, by any of its names.
pub fn is_there(row: &Row, release: &Release) -> bool {
    if row.kind != Kind::Function {
        return true;
    }
    if INLINE.contains(&row.name) {
        return row.exists_in_minor(release.minor);
    }
    row.names().any(|name| symbol(name).is_some())
}
