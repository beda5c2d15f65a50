//! The child's reset, with each lock of the runtime as another thread left it.
//!
//! Loom cannot leave a thread behind. The worker takes the lock, keeps it and ends: what follows on the first thread is the
//! child, in which nobody will give it back. A lock that the reset forgot stops the child, which ends the test.

use crate::{Bound, explored};
use std::sync::Arc;
use tstate::runtime::lock_order::Lock;
use tstate::runtime::{Callback, CallbackId, Caller, Over, Runtime, Step};
use tstate::sync::{self, Event, ThreadIndex};

/// A process: its runtime, and what its threads tell each other.
struct Process {
    runtime: Runtime,
    /// The worker was in the GIL, and is not any more.
    came: Event,
    /// The first thread is about to fork.
    forks: Event,
    /// The worker is gone.
    ended: Event,
}

/// What a child does with every lock that its reset is for.
fn live_on(caller: &Caller<'_>) -> Step<i32> {
    let saved = caller.eval_save_thread()?;
    caller.eval_restore_thread(saved)?;
    assert_eq!(caller.add_pending_call(Callback::new(CallbackId(1), 0))?, 0);
    assert_eq!(caller.make_pending_calls()?, 0);
    assert_eq!(caller.at_exit(Callback::new(CallbackId(2), 0))?, 0);
    assert_eq!(caller.add_audit_hook(Callback::new(CallbackId(3), 0))?, 0);
    caller.before_fork()?;
    caller.after_fork_parent()?;
    caller.finalize_ex()
}

/// The child of a process whose worker was in the GIL once, took `lock` and is gone.
fn child(process: &Arc<Process>, lock: Option<Lock>) -> Step<i32> {
    let caller = Caller::new(&process.runtime, &());
    caller.initialize()?;
    let saved = caller.eval_save_thread()?;
    let worker = Arc::clone(process);
    let _handle = sync::spawn(ThreadIndex::new(1), move || {
        let caller = Caller::new(&worker.runtime, &());
        let state = caller.gil_state_ensure();
        let detached = state.and_then(|_| caller.eval_save_thread());
        assert!(detached.is_ok(), "the worker comes and goes");
        worker.came.set();
        worker.forks.wait();
        if let Some(lock) = lock {
            assert!(caller.keep_for_good(lock), "{lock:?} can be kept");
        }
        worker.ended.set();
    });
    process.came.wait();
    caller.eval_restore_thread(saved)?;
    caller.before_fork()?;
    process.forks.set();
    // The worker is not in the child: all that it does comes before the fork.
    process.ended.wait();
    caller.after_fork_child()?;
    live_on(&caller)
}

fn children(profile: &'static str, lock: Option<Lock>) -> Vec<(Result<i32, ()>, Option<Over>)> {
    let found = explored(profile, Bound::Preemptions(1), 0, move || {
        let process = Arc::new(Process {
            runtime: Runtime::new(profile.parse().expect("a release")),
            came: Event::new("came"),
            forks: Event::new("forks"),
            ended: Event::new("ended"),
        });
        let result = child(&process, lock).map_err(|_| ());
        (result, process.runtime.over())
    });
    found.into_iter().collect()
}

const FINE: (Result<i32, ()>, Option<Over>) = (Ok(0), None);

/// Nobody had anything.
#[test]
fn a_child_lives_on_preemptions_1() {
    for profile in ["3.8", "3.11", "3.12"] {
        assert_eq!(children(profile, None), [FINE], "{profile}");
    }
}

/// Up to 3.12 a fork takes no lock but the import lock, so that another thread may have any other.
#[test]
fn a_child_makes_anew_what_a_gone_thread_had_preemptions_1() {
    let locks = [
        Lock::HeadLock,
        Lock::PendingQueue,
        Lock::AtExit,
        Lock::GilMutex,
        Lock::GilSwitchMutex,
    ];
    for lock in locks {
        assert_eq!(children("3.12", Some(lock)), [FINE], "{lock:?}");
    }
}

/// Since 3.13 the forking thread itself has HEAD_LOCK, and another may have what the parking lot and the GIL consist of.
#[test]
fn a_child_of_the_newest_release_makes_anew_what_a_gone_thread_had_preemptions_1() {
    let locks = [
        Lock::PendingQueue,
        Lock::Bucket,
        Lock::AtExit,
        Lock::GilMutex,
        Lock::GilSwitchMutex,
        Lock::AuditHooks,
    ];
    for lock in locks {
        assert_eq!(children("3.14", Some(lock)), [FINE], "{lock:?}");
    }
}

/// The order of 3.11.10 (gh-112275).
#[test]
fn the_last_patches_renew_head_lock_before_they_use_it_preemptions_1() {
    assert_eq!(children("3.11", Some(Lock::HeadLock)), [FINE]);
    assert_eq!(children("3.8", Some(Lock::HeadLock)), [FINE]);
}
