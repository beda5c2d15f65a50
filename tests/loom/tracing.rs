//! Who looks on, while what is looked at changes.

use crate::{Bound, explored};
use std::collections::BTreeSet;
use std::sync::Arc;
use tstate::runtime::{
    CallbackId, Caller, Crash, Host, InterpreterConfig, InterpreterHandle, ObjectId, ObjectKind,
    Over, RefEvent, Runtime, Step, Tracer,
};
use tstate::sync::{self, Event, Plain, ThreadIndex};

/// A process with tools.
struct Process {
    runtime: Runtime,
    tool: Tool,
    /// The worker is done.
    ended: Event,
}

/// What reference tracers were told last: which one, with which data.
struct Tool(Plain<u64>);

const NOTHING: u64 = 0;

fn told(tracer: u16, data: u64) -> u64 {
    u64::from(tracer) << 8 | data
}

impl Host for Tool {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn trace_reference(
        &self,
        _: &Caller<'_>,
        tracer: CallbackId,
        _: Option<ObjectId>,
        _: RefEvent,
        data: u64,
    ) -> Step<i32> {
        self.0.write(told(tracer.0, data));
        Ok(0)
    }

    fn spawn(&self, _: ThreadIndex) -> bool {
        false
    }
}

fn process(release: &str) -> Arc<Process> {
    let runtime = Runtime::new(release.parse().expect("a release"));
    runtime.observe_hooks(false);
    Arc::new(Process {
        runtime,
        tool: Tool(Plain::new("told", NOTHING)),
        ended: Event::new("ended"),
    })
}

/// Runs `work` on a second thread.
fn with_worker(process: &Arc<Process>, work: impl Fn(&Caller<'_>) -> Step<()> + Send + 'static) {
    let worker = Arc::clone(process);
    let _handle = sync::spawn(ThreadIndex::new(1), move || {
        let caller = Caller::new(&worker.runtime, &worker.tool);
        if work(&caller).is_err() {
            caller.let_others_end();
        }
        worker.ended.set();
    });
}

/// The main thread replaces the reference tracer, while a worker makes an object in an interpreter that is made like this.
fn replace(process: &Arc<Process>, config: &InterpreterConfig) -> Step<()> {
    let caller = Caller::new(&process.runtime, &process.tool);
    caller.initialize()?;
    let main = caller.thread_state_get()?;
    caller.ref_tracer_set_tracer(Some(CallbackId(1)), 1)?;
    let sub = caller
        .new_interpreter_from_config(config)?
        .expect("a legal configuration");
    caller.thread_state_swap(main)?;
    with_worker(process, move |caller| {
        caller.eval_restore_thread(sub)?;
        let kind = ObjectKind {
            cyclic: false,
            finalizer: None,
        };
        caller.object_new(ObjectId::new(0), kind)?;
        caller.eval_save_thread().map(drop)
    });
    // The worker may come before or after.
    caller.eval_save_thread()?;
    caller.eval_restore_thread(main)?;
    caller.ref_tracer_set_tracer(Some(CallbackId(2)), 2)?;
    caller.eval_save_thread()?;
    process.ended.wait();
    Ok(())
}

fn replaced(name: &'static str, config: InterpreterConfig) -> BTreeSet<u64> {
    explored(name, Bound::Preemptions(2), 0, move || {
        let process = process("3.14");
        assert_eq!(replace(&process, &config), Ok(()));
        process.tool.0.peek()
    })
}

/// With a GIL of its own a thread comes between the two words of the tracer: it sees either of them old or new (R41). Two
/// preemptions.
#[test]
fn a_tracer_is_torn_between_two_gils_preemptions_2() {
    let own = InterpreterConfig {
        gil: 2,
        ..InterpreterConfig::LEGACY
    };
    let all = [told(1, 1), told(1, 2), told(2, 1), told(2, 2)];
    assert_eq!(replaced("own", own), BTreeSet::from(all));
}

/// With one GIL both words are old, or both are new. Two preemptions.
#[test]
fn a_tracer_is_whole_under_one_gil_preemptions_2() {
    let whole = [told(1, 1), told(2, 2)];
    assert_eq!(
        replaced("shared", InterpreterConfig::LEGACY),
        BTreeSet::from(whole)
    );
}

/// A profile function is set for all threads, while a worker makes a thread state and deletes it, without the GIL.
fn set_for_all(process: &Arc<Process>) -> Step<()> {
    let caller = Caller::new(&process.runtime, &process.tool);
    caller.initialize()?;
    with_worker(process, |caller| {
        let made = caller.thread_state_new(InterpreterHandle::MAIN)?;
        caller.thread_state_delete(made)
    });
    let profile = Tracer {
        function: Some(CallbackId(1)),
        object: None,
    };
    let set = caller.eval_set_profile_all_threads(profile);
    process.ended.wait();
    set
}

fn over_after_walk(release: &'static str) -> BTreeSet<Option<Over>> {
    explored(release, Bound::Preemptions(3), 0, move || {
        let process = process(release);
        let result = set_for_all(&process);
        assert_eq!(result.is_err(), process.runtime.over().is_some());
        process.runtime.over()
    })
}

/// Since gh-137400 the walk over all threads has HEAD_LOCK, without which no thread state is freed (R39). Three preemptions.
#[test]
fn a_walk_over_all_threads_meets_nothing_freed_preemptions_3() {
    for release in ["3.13.10", "3.14", "3.15"] {
        assert_eq!(
            over_after_walk(release),
            BTreeSet::from([None]),
            "{release}"
        );
    }
}

/// Before, it gave HEAD_LOCK up before it used what it had read. Three preemptions.
#[test]
fn a_walk_in_steps_meets_what_is_freed_preemptions_3() {
    let expected = BTreeSet::from([None, Some(Over::Crash(Crash::UseAfterFree))]);
    for release in ["3.12", "3.13.0", "3.14.0"] {
        assert_eq!(over_after_walk(release), expected, "{release}");
    }
}
