//! The runtime on real threads: sequences of calls, every fatal error, and threads that meet.
//!
//! Single-thread tests need no scheduler: what one thread does is deterministic. Tests with two threads claim what holds
//! in every interleaving.
#![cfg(not(loom))]
#![expect(
    clippy::disallowed_types,
    reason = "what callbacks did is gathered beside the program, which does not see it"
)]

use std::sync::Arc;
use std::sync::Mutex;
use tstate::runtime::{
    AttachState, Callback, CallbackId, Caller, Crash, Daemon, Ended, Fatal, GilState, Host,
    InterpreterHandle, MutexSlot, ObjectId, ObjectKind, Over, Phase, Profile, Runtime, Stage, Step,
    ThreadStateHandle,
};
use tstate::sync::{self, Event, Semaphore, ThreadIndex};

/// The release that tests of one release speak of.
const PROFILE: Profile = Profile::release(14).expect("a release");

/// A host whose callbacks are closures' numbers: each call is logged, and may act.
struct Program {
    log: Mutex<Vec<(u16, u64)>>,
    act: fn(&Caller<'_>, CallbackId, u64) -> Step<i32>,
    spawns: bool,
}

impl Program {
    fn new(act: fn(&Caller<'_>, CallbackId, u64) -> Step<i32>) -> Self {
        Self {
            log: Mutex::new(Vec::new()),
            act,
            spawns: true,
        }
    }

    fn called(&self) -> Vec<(u16, u64)> {
        self.log.lock().expect("no callback panics").clone()
    }
}

impl Host for Program {
    fn call(&self, caller: &Caller<'_>, callback: CallbackId, argument: u64) -> Step<i32> {
        self.log
            .lock()
            .expect("no callback panics")
            .push((callback.0, argument));
        (self.act)(caller, callback, argument)
    }

    fn spawn(&self, _thread: ThreadIndex) -> bool {
        self.spawns
    }
}

fn idle(_: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
    Ok(0)
}

/// Every release, the oldest first.
fn releases() -> impl Iterator<Item = Profile> {
    (8..=15).map(|minor| Profile::release(minor).expect("a release"))
}

/// Runs `body` on the first thread, initialized and attached, and not to its end, under every release.
#[track_caller]
fn everywhere(body: impl Fn(&Caller<'_>)) {
    for profile in releases() {
        let ((), over) = run_under(profile, &body);
        assert_eq!(over, None, "{profile}");
    }
}

/// Runs `body` on the first thread, initialized and attached.
fn run<R>(body: impl FnOnce(&Caller<'_>) -> R) -> (R, Option<Over>) {
    run_under(PROFILE, body)
}

fn run_under<R>(profile: Profile, body: impl FnOnce(&Caller<'_>) -> R) -> (R, Option<Over>) {
    let program = Program::new(idle);
    let runtime = Runtime::new(profile);
    let caller = Caller::new(&runtime, &program);
    caller.initialize().expect("initialization succeeds");
    let result = body(&caller);
    (result, runtime.over())
}

/// The process ends for this reason when `body` runs on the first thread, initialized and attached.
#[track_caller]
fn ends<T: std::fmt::Debug + PartialEq>(over: Over, body: impl FnOnce(&Caller<'_>) -> Step<T>) {
    let (result, found) = run(body);
    assert_eq!(result, Err(Ended::ProcessOver));
    assert_eq!(found, Some(over));
}

fn callback(id: u16) -> Callback {
    Callback::new(CallbackId(id), u64::from(id) * 10)
}

#[test]
fn initialization_attaches_the_main_thread_state() {
    for profile in releases() {
        let program = Program::new(idle);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        assert_eq!(runtime.stage(), Stage::NotStarted);
        assert_eq!(caller.interpreter_state_main(), Ok(InterpreterHandle::NULL));
        caller.initialize().unwrap();
        assert_eq!(runtime.stage(), Stage::Done);
        let main = caller.thread_state_get().unwrap();
        assert_eq!(caller.gil_state_get_this_thread_state(), Ok(main));
        assert_eq!(caller.gil_state_check(), Ok(1));
        assert_eq!(caller.thread_state_get_id(main), Ok(1));
        assert_eq!(caller.interpreter_state_get(), Ok(InterpreterHandle::MAIN));
        assert_eq!(
            caller.interpreter_state_get_id(InterpreterHandle::MAIN),
            Ok(0)
        );
        assert_eq!(caller.interpreter_state_head(), Ok(InterpreterHandle::MAIN));
        assert_eq!(
            caller.interpreter_state_next(InterpreterHandle::MAIN),
            Ok(InterpreterHandle::NULL)
        );
        assert_eq!(
            caller.interpreter_state_thread_head(InterpreterHandle::MAIN),
            Ok(main)
        );
        assert_eq!(caller.is_initialized(), Ok(1));
        assert!(runtime.holds_gil(ThreadIndex::FIRST));
        caller.initialize().unwrap();
        assert_eq!(runtime.thread_states(), 1);
    }
}

#[test]
fn finalization_leaves_nothing_and_can_be_repeated() {
    everywhere(|caller| {
        let runtime = caller.runtime;
        assert_eq!(caller.finalize_ex(), Ok(0));
        assert_eq!(runtime.phase(), Phase::Finished);
        assert_eq!(caller.is_initialized(), Ok(0));
        assert_eq!(caller.is_finalizing(), Ok(1));
        assert_eq!(
            caller.thread_state_get_unchecked(),
            Ok(ThreadStateHandle::NULL)
        );
        assert_eq!(caller.interpreter_state_main(), Ok(InterpreterHandle::NULL));
        assert_eq!(caller.interpreter_state_head(), Ok(InterpreterHandle::NULL));
        assert_eq!((runtime.interpreters(), runtime.thread_states()), (0, 0));
        assert_eq!(runtime.observe().unlisted, []);
        assert_eq!(caller.finalize_ex(), Ok(0));
    });
}

#[test]
fn a_second_life_begins_like_the_first() {
    everywhere(|caller| {
        let runtime = caller.runtime;
        runtime.observe_ids();
        let first = runtime.observe();
        caller.finalize_ex().unwrap();
        caller.initialize().unwrap();
        assert_eq!(caller.is_finalizing(), Ok(0));
        let main = caller.thread_state_get().unwrap();
        assert_eq!(caller.thread_state_get_id(main), Ok(1));
        assert_eq!(
            caller.interpreter_state_get_id(InterpreterHandle::MAIN),
            Ok(0)
        );
        assert_eq!(
            runtime.observe().interpreters.len(),
            first.interpreters.len()
        );
        assert_eq!(caller.finalize_ex(), Ok(0));
    });
}

/// What is registered too late to run in one life does not run in the next, and its objects are not killed there.
#[test]
fn a_life_keeps_what_was_too_late_for_the_last_one() {
    fn late(caller: &Caller<'_>, callback: CallbackId, _: u64) -> Step<i32> {
        if callback.0 == 1 {
            caller.exit_callback(Callback::new(CallbackId(99), 0))?;
            caller.unstable_at_exit(InterpreterHandle::MAIN, Callback::new(CallbackId(98), 0))?;
            caller.object_new(
                ObjectId::new(0),
                ObjectKind {
                    cyclic: false,
                    finalizer: Some(CallbackId(97)),
                },
            )?;
        }
        Ok(0)
    }
    for profile in releases() {
        let program = Program::new(late);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        caller.initialize().unwrap();
        // The last thing that runs attached: after exit functions and modules.
        let main = InterpreterHandle::MAIN;
        caller.unstable_at_exit(main, callback(1)).unwrap();
        caller.finalize_ex().unwrap();
        caller.initialize().unwrap();
        caller.finalize_ex().unwrap();
        let called: Vec<_> = program.called().into_iter().map(|(id, _)| id).collect();
        assert!(
            !called.contains(&99) && !called.contains(&97),
            "{profile}: {called:?}"
        );
        assert_eq!(runtime.over(), None, "{profile}");
    }
}

#[test]
fn save_and_restore_are_inverse() {
    everywhere(|caller| {
        let before = caller.runtime.observe();
        let saved = caller.eval_save_thread().unwrap();
        assert!(!caller.runtime.attached(ThreadIndex::FIRST));
        assert!(!caller.runtime.holds_gil(ThreadIndex::FIRST));
        assert_eq!(caller.gil_state_check(), Ok(0));
        caller.eval_restore_thread(saved).unwrap();
        assert_eq!(caller.runtime.observe(), before);
        caller.eval_release_thread(saved).unwrap();
        caller.eval_acquire_thread(saved).unwrap();
        assert_eq!(caller.runtime.observe(), before);
        assert_eq!(caller.eval(), Ok(0));
    });
}

#[test]
fn swap_returns_what_it_detached_and_moves_the_gilstate_slot() {
    let ((), over) = run(|caller| {
        let main = caller.thread_state_get().unwrap();
        let other = caller.thread_state_new(InterpreterHandle::MAIN).unwrap();
        assert_eq!(caller.gil_state_get_this_thread_state(), Ok(main));
        assert_eq!(caller.thread_state_swap(other), Ok(main));
        assert_eq!(caller.gil_state_get_this_thread_state(), Ok(other));
        assert_eq!(caller.thread_state_swap(other), Ok(other));
        assert_eq!(caller.thread_state_next(other), Ok(main));
        assert_eq!(caller.thread_state_swap(main), Ok(other));
        caller.thread_state_clear(other).unwrap();
        caller.thread_state_delete(other).unwrap();
        assert_eq!(caller.runtime.thread_states(), 1);
        assert_eq!(caller.thread_state_swap(ThreadStateHandle::NULL), Ok(main));
        assert_eq!(caller.thread_state_swap(main), Ok(ThreadStateHandle::NULL));
    });
    assert_eq!(over, None);
}

#[test]
fn nested_ensures_detach_at_the_last_release() {
    everywhere(|caller| {
        assert_eq!(caller.gil_state_ensure(), Ok(GilState::Locked));
        caller.gil_state_release(GilState::Locked).unwrap();
        let saved = caller.eval_save_thread().unwrap();
        assert_eq!(caller.gil_state_ensure(), Ok(GilState::Unlocked));
        assert_eq!(caller.gil_state_ensure(), Ok(GilState::Locked));
        caller.gil_state_release(GilState::Locked).unwrap();
        assert!(caller.runtime.attached(ThreadIndex::FIRST));
        caller.gil_state_release(GilState::Unlocked).unwrap();
        assert!(!caller.runtime.attached(ThreadIndex::FIRST));
        caller.eval_restore_thread(saved).unwrap();
    });
}

#[test]
fn one_release_too_many_deletes_the_main_thread_state() {
    let ((), over) = run(|caller| {
        caller.gil_state_release(GilState::Locked).unwrap();
        assert_eq!(
            caller.thread_state_get_unchecked(),
            Ok(ThreadStateHandle::NULL)
        );
        assert_eq!(caller.runtime.thread_states(), 0);
        assert_eq!(caller.gil_state_ensure(), Ok(GilState::Unlocked));
        assert_eq!(caller.runtime.thread_states(), 1);
    });
    assert_eq!(over, None);
}

#[test]
fn every_fatal_error_of_one_thread() {
    let detached = |caller: &Caller<'_>| caller.eval_save_thread().map(drop);
    ends(Over::Fatal(Fatal::GetNull), |caller| {
        detached(caller).and_then(|()| caller.thread_state_get())
    });
    ends(Over::Fatal(Fatal::InterpreterGetNull), |caller| {
        detached(caller).and_then(|()| caller.interpreter_state_get())
    });
    ends(Over::Fatal(Fatal::RestoreNull), |caller| {
        caller.eval_restore_thread(ThreadStateHandle::NULL)
    });
    ends(Over::Fatal(Fatal::AcquireNull), |caller| {
        caller.eval_acquire_thread(ThreadStateHandle::NULL)
    });
    ends(Over::Fatal(Fatal::DeleteNull), |caller| {
        caller.thread_state_delete(ThreadStateHandle::NULL)
    });
    ends(Over::Fatal(Fatal::DeleteCurrentNull), |caller| {
        detached(caller).and_then(|()| caller.thread_state_delete_current())
    });
    ends(Over::Fatal(Fatal::AtExitNull), |caller| {
        detached(caller)
            .and_then(|()| caller.unstable_at_exit(InterpreterHandle::MAIN, callback(1)))
    });
    ends(Over::Fatal(Fatal::AttachedAlready), |caller| {
        caller.eval_restore_thread(caller.thread_state_get().expect("attached"))
    });
    ends(Over::Fatal(Fatal::StillCurrent), |caller| {
        caller.thread_state_delete(caller.thread_state_get().expect("attached"))
    });
    ends(Over::Fatal(Fatal::ReleaseNotCurrent), |caller| {
        detached(caller).and_then(|()| caller.gil_state_release(GilState::Unlocked))
    });
    ends(Over::Fatal(Fatal::ReleaseWithoutState), |caller| {
        caller
            .finalize_ex()
            .and_then(|_| caller.gil_state_release(GilState::Unlocked))
    });
    ends(Over::Fatal(Fatal::UnlockUnlocked), |caller| {
        caller.mutex_unlock(MutexSlot::new(0))
    });
    ends(Over::Fatal(Fatal::GilNotLocked), |caller| {
        let main = caller.eval_save_thread().expect("attached");
        caller.eval_release_thread(main)
    });
    ends(Over::Exit(3), |caller| caller.exit(3));
}

#[test]
fn every_crash_of_one_thread() {
    let detached = |caller: &Caller<'_>| caller.eval_save_thread().map(drop);
    ends(Over::Crash(Crash::NoThreadState), |caller| {
        detached(caller).and_then(|()| caller.eval_save_thread())
    });
    ends(Over::Crash(Crash::NoThreadState), |caller| {
        detached(caller).and_then(|()| caller.eval())
    });
    ends(Over::Crash(Crash::NoThreadState), |caller| {
        detached(caller).and_then(|()| caller.make_pending_calls())
    });
    ends(Over::Crash(Crash::NoThreadState), |caller| {
        detached(caller).and_then(|()| caller.gc_collect())
    });
    ends(Over::Crash(Crash::Other), |caller| {
        caller.finalize_ex().and_then(|_| caller.gil_state_ensure())
    });
    ends(Over::Crash(Crash::UseAfterFree), |caller| {
        let other = caller.thread_state_new(InterpreterHandle::MAIN)?;
        caller.thread_state_clear(other)?;
        caller.thread_state_delete(other)?;
        caller.thread_state_swap(other)
    });
    ends(Over::Crash(Crash::UseAfterFree), |caller| {
        let object = ObjectId::new(0);
        caller.object_new(
            object,
            ObjectKind {
                cyclic: false,
                finalizer: None,
            },
        )?;
        caller.object_touch(object)?;
        caller.object_drop(object)?;
        caller.object_touch(object)
    });
}

#[test]
fn calls_before_initialization_crash() {
    let program = Program::new(idle);
    for call in [
        |caller: &Caller<'_>| caller.gil_state_ensure().map(drop),
        |caller: &Caller<'_>| caller.add_pending_call(callback(1)).map(drop),
        |caller: &Caller<'_>| caller.thread_state_new(InterpreterHandle::NULL).map(drop),
    ] {
        let runtime = Runtime::new(PROFILE);
        assert_eq!(
            call(&Caller::new(&runtime, &program)),
            Err(Ended::ProcessOver)
        );
        assert_eq!(runtime.over(), Some(Over::Crash(Crash::Other)));
    }
}

#[test]
fn the_main_finalizer_is_swapped_in() {
    let ((), over) = run(|caller| {
        caller.eval_save_thread().unwrap();
        assert_eq!(caller.finalize_ex(), Ok(0));
    });
    assert_eq!(over, None);
}

#[test]
fn pending_calls_run_in_order_at_a_check_point() {
    let program = Program::new(idle);
    let runtime = Runtime::new(PROFILE);
    let caller = Caller::new(&runtime, &program);
    caller.initialize().unwrap();
    for id in 1..=32 {
        assert_eq!(caller.add_pending_call(callback(id)), Ok(0));
    }
    assert_eq!(caller.add_pending_call(callback(33)), Ok(-1));
    assert_eq!(runtime.pending(), 32);
    assert_eq!(program.called(), []);
    assert_eq!(caller.eval(), Ok(0));
    assert_eq!(
        program.called(),
        (1..=32)
            .map(|id| (id, u64::from(id) * 10))
            .collect::<Vec<_>>()
    );
    assert_eq!(caller.make_pending_calls(), Ok(0));
}

#[test]
fn a_pending_call_that_raises_leaves_the_rest_for_later() {
    fn raise_first(_: &Caller<'_>, callback: CallbackId, _: u64) -> Step<i32> {
        Ok(if callback.0 == 1 { -1 } else { 0 })
    }
    for profile in releases() {
        let program = Program::new(raise_first);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        caller.initialize().unwrap();
        caller.add_pending_call(callback(1)).unwrap();
        caller.add_pending_call(callback(2)).unwrap();
        assert_eq!(caller.eval(), Ok(-1));
        assert_eq!(runtime.pending(), 1);
        assert_eq!(caller.eval(), Ok(0));
        assert_eq!(program.called(), [(1, 10), (2, 20)]);
    }
}

#[test]
fn a_pending_call_starts_no_other() {
    fn nested(caller: &Caller<'_>, callback: CallbackId, _: u64) -> Step<i32> {
        if callback.0 == 1 {
            assert_eq!(caller.make_pending_calls(), Ok(0));
            assert_eq!(caller.runtime.pending(), 1);
        }
        Ok(0)
    }
    for profile in releases() {
        let program = Program::new(nested);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        caller.initialize().unwrap();
        caller.add_pending_call(callback(1)).unwrap();
        caller.add_pending_call(callback(2)).unwrap();
        assert_eq!(caller.make_pending_calls(), Ok(0));
        assert_eq!(program.called(), [(1, 10), (2, 20)]);
    }
}

/// Everything that finalization runs: pending calls, atexit, objects, the thread state's clearing, C callbacks.
#[test]
fn finalization_runs_callbacks_in_phase_order() {
    fn late_ones_are_dropped(caller: &Caller<'_>, callback: CallbackId, _: u64) -> Step<i32> {
        if callback.0 == 3 {
            caller.exit_callback(Callback::new(CallbackId(99), 0))?;
            caller.add_pending_call(Callback::new(CallbackId(98), 0))?;
        }
        Ok(0)
    }
    for profile in releases() {
        let program = Program::new(late_ones_are_dropped);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        caller.initialize().unwrap();
        let main = caller.thread_state_get().unwrap();
        let kind = |cyclic, id| ObjectKind {
            cyclic,
            finalizer: Some(CallbackId(id)),
        };
        caller.at_exit(callback(11)).unwrap();
        caller.at_exit(callback(10)).unwrap();
        caller
            .unstable_at_exit(InterpreterHandle::MAIN, callback(9))
            .unwrap();
        caller
            .unstable_at_exit(InterpreterHandle::MAIN, callback(8))
            .unwrap();
        assert_eq!(caller.at_clear(main, callback(7)), Ok(true));
        caller.object_new(ObjectId::new(0), kind(false, 6)).unwrap();
        caller.object_new(ObjectId::new(1), kind(true, 5)).unwrap();
        caller.object_drop(ObjectId::new(1)).unwrap();
        caller.exit_callback(callback(4)).unwrap();
        caller.exit_callback(callback(3)).unwrap();
        caller.add_pending_call(callback(1)).unwrap();
        caller.add_pending_call(callback(2)).unwrap();
        assert_eq!(caller.finalize_ex(), Ok(0));
        let order: Vec<_> = program.called().into_iter().map(|(id, _)| id).collect();
        assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(runtime.over(), None);
    }
}

#[test]
fn at_exit_takes_thirty_two() {
    everywhere(|caller| {
        for id in 0..32 {
            assert_eq!(caller.at_exit(callback(id)), Ok(0));
        }
        assert_eq!(caller.at_exit(callback(32)), Ok(-1));
    });
}

#[test]
fn cyclic_objects_wait_for_a_collection() {
    for profile in releases() {
        let program = Program::new(idle);
        let runtime = Runtime::new(profile);
        let caller = Caller::new(&runtime, &program);
        caller.initialize().unwrap();
        let object = ObjectId::new(3);
        caller
            .object_new(
                object,
                ObjectKind {
                    cyclic: true,
                    finalizer: Some(CallbackId(1)),
                },
            )
            .unwrap();
        caller.object_drop(object).unwrap();
        assert_eq!(program.called(), []);
        caller.gc_collect().unwrap();
        assert_eq!(program.called(), [(1, 3)]);
    }
}

#[test]
fn mutexes_lock_and_unlock() {
    everywhere(|caller| {
        let mutex = MutexSlot::new(2);
        assert_eq!(caller.mutex_is_locked(mutex), Ok(0));
        caller.mutex_lock(mutex).unwrap();
        assert_eq!(caller.mutex_is_locked(mutex), Ok(1));
        assert!(caller.runtime.mutex_held(mutex));
        caller.mutex_unlock(mutex).unwrap();
        assert_eq!(caller.mutex_is_locked(mutex), Ok(0));
    });
}

#[test]
fn more_thread_states_than_a_region_has() {
    everywhere(|caller| {
        let made: Vec<_> = (0..6)
            .map(|_| caller.thread_state_new(InterpreterHandle::MAIN).unwrap())
            .collect();
        assert!(made.iter().all(|handle| !handle.is_null()));
        assert_eq!(caller.runtime.thread_states(), 7);
        for &handle in &made {
            caller.thread_state_clear(handle).unwrap();
            caller.thread_state_delete(handle).unwrap();
        }
        assert_eq!(caller.runtime.thread_states(), 1);
        assert_eq!(caller.runtime.observe().unlisted, []);
    });
}

#[test]
fn a_refused_thread_leaves_nothing() {
    let program = Program {
        spawns: false,
        ..Program::new(idle)
    };
    let runtime = Runtime::new(PROFILE);
    let caller = Caller::new(&runtime, &program);
    caller.initialize().unwrap();
    assert_eq!(caller.thread_start(ThreadIndex::new(1), Daemon::No), Ok(-1));
    assert_eq!(runtime.thread_states(), 1);
    assert_eq!(caller.thread_join(ThreadIndex::new(1)), Ok(0));
    assert_eq!(caller.thread_join(ThreadIndex::new(2)), Ok(-1));
    assert_eq!(caller.finalize_ex(), Ok(0));
}

/// A runtime that threads of a test share.
struct Shared {
    runtime: Runtime,
    program: Program,
}

impl Shared {
    fn new(act: fn(&Caller<'_>, CallbackId, u64) -> Step<i32>) -> Arc<Self> {
        Arc::new(Self {
            runtime: Runtime::new(PROFILE),
            program: Program::new(act),
        })
    }

    fn caller(&self) -> Caller<'_> {
        Caller::new(&self.runtime, &self.program)
    }
}

/// Two workers ensure and release over and over while the main thread detaches, attaches and checks.
#[test]
fn ensure_and_release_from_two_threads() {
    let shared = Shared::new(idle);
    shared.caller().initialize().unwrap();
    let workers: Vec<_> = (1..=2)
        .map(|index| {
            let shared = shared.clone();
            sync::spawn(ThreadIndex::new(index), move || {
                let caller = shared.caller();
                for _ in 0..200 {
                    assert_eq!(caller.gil_state_ensure(), Ok(GilState::Unlocked));
                    assert_eq!(caller.gil_state_check(), Ok(1));
                    assert_eq!(caller.eval(), Ok(0));
                    caller.gil_state_release(GilState::Unlocked).unwrap();
                }
            })
        })
        .collect();
    let caller = shared.caller();
    for _ in 0..100 {
        caller.eval().unwrap();
        let saved = caller.eval_save_thread().unwrap();
        caller.eval_restore_thread(saved).unwrap();
    }
    let saved = caller.eval_save_thread().unwrap();
    for worker in workers {
        worker.join();
    }
    caller.eval_restore_thread(saved).unwrap();
    assert_eq!(shared.runtime.thread_states(), 1);
    assert_eq!(shared.runtime.over(), None);
}

/// The worker detaches; main finalizes; the worker attaches: it is parked for good, and main is not kept.
#[test]
fn a_late_thread_hangs_and_finalization_ends() {
    let shared = Shared::new(idle);
    shared.caller().initialize().unwrap();
    let detached = Arc::new(Event::new("detached"));
    let finalized = Arc::new(Event::new("finalized"));
    let worker = sync::spawn(ThreadIndex::new(1), {
        let (shared, detached, finalized) = (shared.clone(), detached.clone(), finalized.clone());
        move || {
            sync::return_from_hang();
            let caller = shared.caller();
            caller.gil_state_ensure().unwrap();
            let saved = caller.eval_save_thread().unwrap();
            detached.set();
            finalized.wait();
            assert_eq!(caller.eval_restore_thread(saved), Err(Ended::Hung));
            sync::hang_forever();
        }
    });
    let caller = shared.caller();
    let saved = caller.eval_save_thread().unwrap();
    detached.wait();
    caller.eval_restore_thread(saved).unwrap();
    assert_eq!(caller.finalize_ex(), Ok(0));
    let unlisted = shared.runtime.observe().unlisted;
    assert_eq!(
        unlisted
            .iter()
            .map(|tstate| tstate.state)
            .collect::<Vec<_>>(),
        [AttachState::ShuttingDown]
    );
    finalized.set();
    worker.join();
    assert!(shared.runtime.hung(ThreadIndex::new(1)));
    assert_eq!(
        shared.runtime.observe().unlisted,
        [],
        "the last reference went with the thread"
    );
    assert_eq!(shared.runtime.over(), None);
}

/// P01: a thread state made while modules are torn down carries no mark, so it attaches.
#[test]
fn a_thread_state_made_during_teardown_attaches() {
    static WAY: std::sync::OnceLock<(Semaphore, Semaphore)> = std::sync::OnceLock::new();
    fn let_the_worker_in(caller: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        let (go, done) = WAY.get().expect("made before");
        let saved = caller.eval_save_thread()?;
        go.post();
        done.acquire();
        caller.eval_restore_thread(saved)?;
        Ok(0)
    }
    WAY.get_or_init(|| (Semaphore::new("go", 0), Semaphore::new("done", 0)));
    let shared = Shared::new(let_the_worker_in);
    let caller = shared.caller();
    caller.initialize().unwrap();
    let worker = sync::spawn(ThreadIndex::new(1), {
        let shared = shared.clone();
        move || {
            let (go, done) = WAY.get().expect("made before");
            go.acquire();
            let caller = shared.caller();
            assert_eq!(caller.gil_state_ensure(), Ok(GilState::Unlocked));
            caller.gil_state_release(GilState::Unlocked).unwrap();
            done.post();
        }
    });
    caller
        .object_new(
            ObjectId::new(0),
            ObjectKind {
                cyclic: false,
                finalizer: Some(CallbackId(1)),
            },
        )
        .unwrap();
    assert_eq!(caller.finalize_ex(), Ok(0));
    worker.join();
    assert_eq!(shared.runtime.over(), None);
}

/// A program that starts real threads for `threading`, all with the same body.
struct Threaded {
    runtime: Runtime,
    started: Mutex<Vec<sync::JoinHandle>>,
    body: fn(&Caller<'_>) -> Step<()>,
    itself: std::sync::OnceLock<std::sync::Weak<Threaded>>,
}

impl Host for Threaded {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn spawn(&self, thread: ThreadIndex) -> bool {
        let shared = self
            .itself
            .get()
            .and_then(std::sync::Weak::upgrade)
            .expect("the test holds it");
        let handle = sync::spawn(thread, move || {
            sync::return_from_hang();
            let caller = Caller::new(&shared.runtime, &*shared);
            match caller.python_thread(|| (shared.body)(&caller)) {
                Ok(()) | Err(Ended::Hung) => {}
                Err(ended) => panic!("{ended:?}"),
            }
        });
        self.started
            .lock()
            .expect("no test panics with it")
            .push(handle);
        true
    }
}

fn threaded(body: fn(&Caller<'_>) -> Step<()>) -> Arc<Threaded> {
    let program = Arc::new(Threaded {
        runtime: Runtime::new(PROFILE),
        started: Mutex::new(Vec::new()),
        body,
        itself: std::sync::OnceLock::new(),
    });
    program
        .itself
        .set(Arc::downgrade(&program))
        .expect("set once");
    program
}

#[test]
fn python_threads_are_joined_by_python_and_by_finalization() {
    let program = threaded(|caller| {
        let saved = caller.eval_save_thread()?;
        caller.eval_restore_thread(saved)?;
        caller.eval().map(drop)
    });
    let caller = Caller::new(&program.runtime, &*program);
    caller.initialize().unwrap();
    assert_eq!(caller.thread_start(ThreadIndex::new(1), Daemon::No), Ok(0));
    assert_eq!(caller.thread_start(ThreadIndex::new(2), Daemon::No), Ok(0));
    assert_eq!(caller.thread_join(ThreadIndex::new(1)), Ok(0));
    assert_eq!(caller.finalize_ex(), Ok(0));
    assert!(program.runtime.thread_ended(ThreadIndex::new(2)));
    for thread in program.started.lock().unwrap().drain(..) {
        thread.join();
    }
    assert_eq!(program.runtime.over(), None);
    assert_eq!(program.runtime.observe().unlisted, []);
}

/// One thread holds the mutex and detaches; the other waits for it attached: it detaches while it is parked.
#[test]
fn a_waiter_for_a_mutex_lets_the_owner_attach() {
    let shared = Shared::new(idle);
    let caller = shared.caller();
    caller.initialize().unwrap();
    let mutex = MutexSlot::new(0);
    caller.mutex_lock(mutex).unwrap();
    let worker = sync::spawn(ThreadIndex::new(1), {
        let shared = shared.clone();
        move || {
            let caller = shared.caller();
            caller.gil_state_ensure().unwrap();
            caller.mutex_lock(mutex).unwrap();
            caller.mutex_unlock(mutex).unwrap();
            caller.gil_state_release(GilState::Unlocked).unwrap();
        }
    });
    let saved = caller.eval_save_thread().unwrap();
    sync::wait_until(&|| shared.runtime.parked(ThreadIndex::new(1)));
    caller.eval_restore_thread(saved).unwrap();
    caller.mutex_unlock(mutex).unwrap();
    let saved = caller.eval_save_thread().unwrap();
    worker.join();
    caller.eval_restore_thread(saved).unwrap();
    assert!(!shared.runtime.mutex_held(mutex));
    assert_eq!(shared.runtime.over(), None);
}

#[test]
fn an_observation_is_text() {
    let (text, _) = run(|caller| caller.runtime.observe().to_string());
    assert_eq!(
        text,
        "runtime: stage Done, phase NotStarted\n  initialized true, finalizing NULL\n  \
         pending calls of main: none\n  at exit: none\n\
         interp0:\n  gil: Taken by thread 0, last holder ts56\n  pending calls: none\n  atexit: none\n  \
         native atexit: none\n  ts56: Attached, Init, thread 0, counter 1, references 2, holds the GIL\n\
         thread 0: current ts56, tss ts56\n"
    );
}
