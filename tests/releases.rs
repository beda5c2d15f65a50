//! What one thread can see of the differences between releases: the current thread state, the GILState slot, the wording
//! of fatal errors, and what becomes of who is late. No scheduler is needed.
#![cfg(not(loom))]

use tstate::runtime::{
    Caller, Crash, Ended, Fatal, InterpreterHandle, Over, Profile, Runtime, ThreadStateHandle,
};
use tstate::sync::ThreadIndex;

/// Runs `body` initialized and attached, under a profile.
fn run<R>(profile: &str, body: impl FnOnce(&Caller<'_>) -> R) -> (R, Option<Over>) {
    let profile: Profile = profile.parse().expect("a profile");
    let runtime = Runtime::new(profile);
    let caller = Caller::new(&runtime, &());
    caller.initialize().expect("initialization succeeds");
    let result = body(&caller);
    (result, runtime.over())
}

const ALL: [&str; 10] = [
    "3.8", "3.9", "3.10", "3.11", "3.12", "3.13.0", "3.13.8", "3.13", "3.14", "3.15",
];

fn since(profile: &str, minor: u8) -> bool {
    let profile: Profile = profile.parse().expect("a profile");
    profile.minor() >= minor
}

#[test]
fn swap_keeps_the_gil_up_to_3_11() {
    for profile in ALL {
        let ((), over) = run(profile, |caller| {
            let main = caller.thread_state_get().unwrap();
            let null = ThreadStateHandle::NULL;
            assert_eq!(caller.thread_state_swap(null), Ok(main), "{profile}");
            assert_eq!(caller.thread_state_get_unchecked(), Ok(null), "{profile}");
            let held = caller.runtime.holds_gil(ThreadIndex::FIRST);
            assert_eq!(held, !since(profile, 12), "{profile}");
            assert_eq!(caller.thread_state_swap(main), Ok(null), "{profile}");
            assert!(caller.runtime.holds_gil(ThreadIndex::FIRST), "{profile}");
            assert!(!caller.runtime.corrupted(), "{profile}");
            assert_eq!(caller.finalize_ex(), Ok(0), "{profile}");
        });
        assert_eq!(over, None, "{profile}");
    }
}

#[test]
fn the_gilstate_slot_follows_attaches_since_3_12() {
    for profile in ALL {
        let ((), over) = run(profile, |caller| {
            let main = caller.thread_state_get().unwrap();
            let other = caller.thread_state_new(InterpreterHandle::MAIN).unwrap();
            caller.eval_save_thread().unwrap();
            caller.eval_acquire_thread(other).unwrap();
            let slot = if since(profile, 12) { other } else { main };
            let found = caller.gil_state_get_this_thread_state();
            assert_eq!(found, Ok(slot), "{profile}");
            let checked = caller.gil_state_check();
            assert_eq!(checked, Ok(i32::from(since(profile, 12))), "{profile}");
            caller.thread_state_clear(other).unwrap();
            caller.thread_state_delete_current().unwrap();
            caller.eval_restore_thread(main).unwrap();
            assert_eq!(caller.finalize_ex(), Ok(0), "{profile}");
        });
        assert_eq!(over, None, "{profile}");
    }
}

#[test]
fn the_gilstate_check_holds_without_python_up_to_3_14() {
    for profile in ALL {
        let without = Ok(i32::from(!since(profile, 15)));
        let parsed: Profile = profile.parse().expect("a profile");
        let runtime = Runtime::new(parsed);
        let caller = Caller::new(&runtime, &());
        assert_eq!(caller.gil_state_check(), without, "{profile}");
        caller.initialize().expect("initialization succeeds");
        assert_eq!(caller.gil_state_check(), Ok(1), "{profile}");
        assert_eq!(caller.finalize_ex(), Ok(0), "{profile}");
        assert_eq!(caller.gil_state_check(), without, "{profile}");
    }
}

#[test]
fn fatal_errors_are_worded_as_each_release_does() {
    let short = "PyThreadState_Get: no current thread";
    let gil = "PyThreadState_Get: the function must be called with the GIL held, but the GIL is";
    let lifecycle =
        "PyThreadState_Get: the function must be called with the GIL held, after Python";
    for profile in ALL {
        let (result, over) = run(profile, |caller| {
            caller.eval_save_thread()?;
            caller.thread_state_get()
        });
        assert_eq!(result, Err(Ended::ProcessOver), "{profile}");
        assert_eq!(over, Some(Over::Fatal(Fatal::GetNull)), "{profile}");
        let text = Fatal::GetNull.message(profile.parse().expect("a profile"));
        let wanted = match (since(profile, 9), since(profile, 12)) {
            (false, _) => short,
            (true, false) => gil,
            (true, true) => lifecycle,
        };
        assert!(text.starts_with(wanted), "{profile}: {text}");
    }
}

#[test]
fn saving_twice_is_fatal_up_to_3_12_and_then_a_crash() {
    for profile in ALL {
        let (_, over) = run(profile, |caller| {
            caller.eval_save_thread()?;
            caller.eval_save_thread()
        });
        let wanted = if since(profile, 13) {
            Over::Crash(Crash::NoThreadState)
        } else {
            Over::Fatal(Fatal::SaveNull)
        };
        assert_eq!(over, Some(wanted), "{profile}");
    }
}

#[test]
fn the_first_thread_state_is_made_again_but_in_3_11_and_3_12() {
    for profile in ALL {
        let (result, over) = run(profile, |caller| {
            let main = caller.thread_state_get()?;
            caller.thread_state_clear(main)?;
            caller.thread_state_delete_current()?;
            caller.gil_state_ensure().map(drop)
        });
        if ["3.11", "3.12"].contains(&profile) {
            let wanted = Over::Fatal(Fatal::AlreadyInitialized);
            assert_eq!(over, Some(wanted), "{profile}");
        } else {
            assert_eq!((result, over), (Ok(()), None), "{profile}");
        }
    }
}

#[test]
fn who_restores_after_finalization_exits_or_hangs() {
    // In 3.8 it would wait for ever; in 3.12 and 3.13 the finalizing thread itself is never asked to leave.
    let ends = [
        ("3.9", Ended::Exited),
        ("3.11", Ended::Exited),
        ("3.14", Ended::Hung),
        ("3.15", Ended::Hung),
    ];
    for (profile, end) in ends {
        let (result, over) = run(profile, |caller| {
            let other = caller.thread_state_new(InterpreterHandle::MAIN)?;
            caller.finalize_ex()?;
            caller.eval_restore_thread(other)
        });
        assert_eq!(result, Err(end), "{profile}");
        assert_eq!(over, None, "{profile}");
    }
}
