//! Who opened the guards that a finalizer waits for, where and how, and what became of who did.

use super::explain::Explainer;
use crate::runtime::{GuardObservation, InterpreterHandle, Opened};
use crate::sim::driver::Machine;
use std::collections::BTreeMap;

/// The bit of the first thread whose `PyGILState_Ensure` has a guard; below it are those of programs.
const OF_GILSTATE: u32 = 64;

/// The place of a guard among the bits.
fn place(guard: &GuardObservation) -> u32 {
    match guard.handle.slot() {
        Some(slot) => slot as u32,
        None => OF_GILSTATE + guard.thread.index() as u32,
    }
}

/// The open guards, as bits.
pub(super) fn guards_of(machine: &Machine) -> u128 {
    let open = machine.runtime.open_guards();
    open.iter().fold(0, |bits, guard| bits | 1 << place(guard))
}

/// What to say of guards that were opened or closed; those of `PyGILState_Ensure` are nothing to speak of.
pub(super) fn change(before: u128, after: u128) -> Option<String> {
    let of_programs = |guards: u128| guards & ((1 << OF_GILSTATE) - 1);
    if of_programs(before) == of_programs(after) {
        return None;
    }
    Some(match of_programs(after).count_ones() {
        0 => "no guard open".to_owned(),
        1 => "1 guard open".to_owned(),
        guards => format!("{guards} guards open"),
    })
}

/// The lines in which guards were opened, by their bits.
#[derive(Clone, Debug, Default)]
pub(super) struct GuardLines {
    lines: BTreeMap<u32, u32>,
}

impl GuardLines {
    pub(super) fn note(&mut self, before: u128, after: u128, line: u32) {
        let opened = after & !before;
        for bit in (0..u128::BITS).filter(|bit| opened & 1 << bit != 0) {
            self.lines.insert(bit, line);
        }
    }
}

impl Explainer<'_> {
    /// `waits until no guard is open: worker opened one in line 12 …`.
    pub(super) fn waits_for_guards(&self, interpreter: InterpreterHandle) -> String {
        let mut open = self.judge.machine().runtime.open_guards();
        open.retain(|guard| guard.interpreter == interpreter);
        if open.is_empty() {
            return "waits for a guard to be closed, which is being done".to_owned();
        }
        let opened: Vec<String> = open.iter().map(|guard| self.opened(guard)).collect();
        format!("waits until no guard is open: {}", opened.join(" / "))
    }

    fn opened(&self, guard: &GuardObservation) -> String {
        let machine = self.judge.machine();
        let name = self.name(guard.thread);
        let call = match guard.opened {
            Opened::FromCurrent => "PyInterpreterGuard_FromCurrent()",
            Opened::FromView => "PyInterpreterGuard_FromView()",
            Opened::Ensure => "PyThreadState_EnsureFromView()",
            Opened::GilState => "PyGILState_Ensure()",
        };
        let line = self.guards.lines.get(&place(guard));
        let line = line.map_or_else(String::new, |line| format!(" in line {line}"));
        let call = match (guard.opened, machine.runtime.guard_is_owned(guard.handle)) {
            (Opened::Ensure, true) => format!("{call}{line}, which its thread state owns"),
            (Opened::Ensure, false) => {
                format!("{call}{line}, for a thread state that was deleted since")
            }
            (Opened::FromCurrent | Opened::FromView | Opened::GilState, _) => {
                format!("{call}{line}")
            }
        };
        let fate = if machine.is_gone(guard.thread) {
            format!("; {name} is not in the forked process")
        } else if machine.ended(guard.thread) {
            format!("; {name} has ended")
        } else if machine.runtime.hung(guard.thread) {
            format!("; {name} was parked for good")
        } else {
            String::new()
        };
        format!("{name} opened one with {call}, and nobody closed it{fate}")
    }
}
