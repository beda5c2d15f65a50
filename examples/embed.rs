//! Uses the runtime from Rust on real threads: two threads made by native code call into Python and leave.
//!
//! The runtime is CPython's lifecycle without Python: each function of the C API is a method of `Caller`. A `Step` that
//! is an error says how the calling thread or the process ended inside the call.

use std::sync::Arc;
use tstate::runtime::{CallbackId, Caller, Host, Profile, Runtime, Step};
use tstate::sync::{ThreadIndex, spawn};

/// The program around the runtime. This one registers no callbacks and has no threads made by `threading`.
struct Program;

impl Host for Program {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn spawn(&self, _: ThreadIndex) -> bool {
        false
    }
}

/// What a thread does that Python has never seen before.
fn worker(runtime: &Runtime) -> Step<i32> {
    let caller = Caller::new(runtime, &Program);
    let before = caller.gil_state_ensure()?;
    let held = caller.gil_state_check()?;
    caller.gil_state_release(before)?;
    Ok(held)
}

/// What the main thread does; the result is that of `Py_FinalizeEx`.
fn embed(runtime: &Arc<Runtime>) -> Step<i32> {
    let caller = Caller::new(runtime, &Program);
    caller.initialize()?;
    // Detached: the workers could not have the GIL otherwise, and the joins below would wait for ever.
    let mine = caller.eval_save_thread()?;
    let workers = [1, 2].map(|index| {
        let runtime = Arc::clone(runtime);
        spawn(ThreadIndex::new(index), move || {
            assert_eq!(worker(&runtime), Ok(1), "the worker held the GIL");
        })
    });
    for worker in workers {
        worker.join();
    }
    caller.eval_restore_thread(mine)?;
    caller.finalize_ex()
}

#[expect(clippy::print_stdout, reason = "an example talks to its user")]
pub(crate) fn main() {
    let runtime = Arc::new(Runtime::new(Profile::DEFAULT));
    let result = embed(&runtime);
    assert_eq!(result, Ok(0), "finalization succeeds");
    assert_eq!(runtime.over(), None, "no fatal error ended the process");
    println!("two workers came and went; Py_FinalizeEx() == 0");
}
