//! An [`Observation`] as stable text.

use super::value::{
    GilObservation, InterpreterObservation, Observation, PendingObservation, ThreadObservation,
    ThreadStateObservation,
};
use crate::runtime::callback::Callback;
use crate::runtime::threading::HandleState;
use std::fmt;

impl fmt::Display for ThreadStateObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}, {:?}", self.handle, self.state, self.whence)?;
        if let Some(id) = self.id {
            write!(f, ", id {id}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, ", thread {}", thread.index())?;
        }
        write!(
            f,
            ", counter {}, references {}",
            self.gilstate_counter, self.references
        )?;
        if self.ensure_counter != 0 {
            write!(f, ", ensured {}", self.ensure_counter)?;
        }
        if !self.owned_guard.is_null() {
            write!(f, ", owns {}", self.owned_guard)?;
        }
        if self.holds_gil {
            f.write_str(", holds the GIL")?;
        }
        if self.cleared {
            f.write_str(", cleared")?;
        }
        for bit in &self.eval_breaker {
            write!(f, ", {bit:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GilObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gil: {:?}", self.locked)?;
        if let Some(holder) = self.holder {
            write!(f, " by thread {}", holder.index())?;
        }
        write!(f, ", last holder {}", self.last_holder)
    }
}

impl fmt::Display for PendingObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_callbacks(f, &self.calls)?;
        if !self.handling_thread.is_null() {
            write!(f, ", handled by {}", self.handling_thread)?;
        }
        Ok(())
    }
}

impl fmt::Display for ThreadObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "thread {}: current {}, tss {}",
            self.thread.index(),
            self.current,
            self.tss
        )?;
        if self.waits_for_gil {
            f.write_str(", waits for the GIL")?;
        }
        if self.parked {
            f.write_str(", parked")?;
        }
        if self.hung {
            f.write_str(", hung")?;
        }
        if self.handle != HandleState::NotStarted {
            write!(f, ", {:?}", self.handle)?;
        }
        Ok(())
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "runtime: stage {:?}, phase {:?}", self.stage, self.phase)?;
        writeln!(
            f,
            "  initialized {}, finalizing {}",
            self.initialized, self.finalizing
        )?;
        if let Some(over) = self.over {
            writeln!(f, "  over: {over:?}")?;
        }
        write!(
            f,
            "  pending calls of main: {}\n  at exit: ",
            self.pending_main
        )?;
        write_callbacks(f, &self.at_exit)?;
        writeln!(f)?;
        for interpreter in &self.interpreters {
            write!(f, "{interpreter}")?;
        }
        for tstate in &self.unlisted {
            writeln!(f, "unlisted {tstate}")?;
        }
        for (slot, bits, waiters) in &self.mutexes {
            write!(f, "mutex {slot}: bits {bits}, waiting:")?;
            for thread in waiters {
                write!(f, " {}", thread.index())?;
            }
            writeln!(f)?;
        }
        for guard in &self.guards {
            let (interpreter, thread) = (guard.interpreter, guard.thread.index());
            if guard.handle.is_null() {
                f.write_str("guard")?;
            } else {
                write!(f, "{}", guard.handle)?;
            }
            writeln!(f, " of {interpreter}: thread {thread}, {:?}", guard.opened)?;
        }
        for thread in &self.threads {
            writeln!(f, "{thread}")?;
        }
        Ok(())
    }
}

impl fmt::Display for InterpreterObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.handle)?;
        if let Some(id) = self.id {
            write!(f, " id {id}")?;
        }
        if self.finalizing {
            write!(f, " finalizing, by {}", self.finalizer)?;
        }
        write!(
            f,
            "\n  {}\n  pending calls: {}\n  atexit: ",
            self.gil, self.pending
        )?;
        write_callbacks(f, &self.exit_callbacks)?;
        f.write_str("\n  native atexit: ")?;
        write_callbacks(f, &self.exit_callbacks_native)?;
        writeln!(f)?;
        for tstate in &self.thread_states {
            writeln!(f, "  {tstate}")?;
        }
        Ok(())
    }
}

fn write_callbacks(f: &mut fmt::Formatter<'_>, callbacks: &[Callback]) -> fmt::Result {
    if callbacks.is_empty() {
        return f.write_str("none");
    }
    for (place, callback) in callbacks.iter().enumerate() {
        let id = callback.id().map_or(0, |id| id.0);
        write!(
            f,
            "{}{id}({})",
            if place == 0 { "" } else { " " },
            callback.argument()
        )?;
    }
    Ok(())
}
