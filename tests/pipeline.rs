//! A failure in every stage in which an interpreter is made, in every release: what is there afterwards is what was there
//! before (S71), but where the contract knows an exception.
//!
//! One thread, on the runtime itself. The counts at the end of each test keep it from passing empty.
#![cfg(not(loom))]

use tstate::runtime::differences::{Creation, HalfMade, NoInterpreter};
use tstate::runtime::{
    AuditEvent, Callback, CallbackId, Caller, Config, Crash, Fatal, Host, InterpreterConfig,
    Observation, Over, Profile, Runtime, Stage, StatusError, Step, ThreadStateHandle,
};
use tstate::sync::ThreadIndex;

/// All releases, and patch levels at which something here changed.
const PROFILES: [&str; 13] = [
    "3.8", "3.9", "3.10.12", "3.10", "3.11.2", "3.11", "3.12", "3.13.0", "3.13.7", "3.13.8",
    "3.13", "3.14", "3.15",
];

/// Its callbacks, as audit hooks, refuse one event.
struct Refusing(Option<AuditEvent>);

impl Host for Refusing {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn audit(&self, _: &Caller<'_>, _: CallbackId, event: AuditEvent) -> Step<i32> {
        Ok(if self.0 == Some(event) { -1 } else { 0 })
    }

    fn spawn(&self, _: ThreadIndex) -> bool {
        false
    }
}

fn profile(name: &str) -> Profile {
    name.parse().expect("a profile")
}

fn process(profile: Profile) -> Runtime {
    let runtime = Runtime::new(profile);
    runtime.observe_ids();
    runtime.observe_failures();
    runtime.observe_audit();
    runtime
}

fn stages(profile: Profile, creation: Creation) -> impl Iterator<Item = Stage> {
    let stages = profile.stages_by_name().map(|(stage, _)| stage);
    stages.filter(move |stage| profile.runs_stage(*stage, creation))
}

/// What S71 speaks of: the lists with their ids, who is current, and the GIL.
fn kept(runtime: &Runtime) -> Observation {
    let mut seen = runtime.observe();
    for interpreter in &mut seen.interpreters {
        for state in &mut interpreter.thread_states {
            // Whoever may drop the GIL to read files is asked to less or more.
            state.eval_breaker.clear();
        }
        interpreter.gil.last_holder = ThreadStateHandle::NULL;
    }
    for thread in &mut seen.threads {
        // Whoever attached a thread state that is gone has an empty slot, which S71 does not speak of.
        thread.tss = ThreadStateHandle::NULL;
    }
    seen.threads.retain(|thread| !thread.current.is_null());
    seen
}

fn current(seen: &Observation) -> ThreadStateHandle {
    let thread = seen.threads.first();
    thread.map_or(ThreadStateHandle::NULL, |thread| thread.current)
}

/// What the call gave, what was there before and after, and how the process ended if it did.
struct Attempt {
    given: Option<Result<ThreadStateHandle, StatusError>>,
    before: Observation,
    after: Observation,
    over: Option<Over>,
    holds_gil: bool,
}

fn attempt(profile: Profile, stage: Stage, attached: bool) -> Attempt {
    let runtime = process(profile);
    let host = Refusing(None);
    let caller = Caller::new(&runtime, &host);
    caller.initialize().expect("initialization succeeds");
    if !attached {
        caller.eval_save_thread().expect("the thread is attached");
    }
    let before = kept(&runtime);
    caller.fail_stage(stage).expect("asking succeeds");
    let given = caller.new_interpreter_from_config(&InterpreterConfig::LEGACY);
    Attempt {
        given: given.ok(),
        before,
        after: kept(&runtime),
        over: runtime.over(),
        holds_gil: runtime.holds_gil(ThreadIndex::FIRST),
    }
}

/// Whether the stage comes once the new thread state is attached, or current.
fn is_late(stage: Stage) -> bool {
    stage > Stage::Gil
}

/// S71: all is as it was.
fn check_unchanged(about: &str, attempt: &Attempt) {
    assert_eq!(attempt.after, attempt.before, "S71: {about}");
    assert!(attempt.holds_gil, "S71: {about}");
    assert_eq!(attempt.over, None, "{about}");
}

/// What the contract says of a stage that fails, for a caller that is attached.
fn check_attached(profile: Profile, stage: Stage, attempt: &Attempt) {
    let about = format!("{profile}, {stage:?}");
    let minor = profile.minor();
    if stage == Stage::MainInterpreter {
        check_no_interpreter(profile, &about, attempt);
    } else if stage == Stage::FirstThreadState && minor <= 12 {
        check_no_thread_state(minor, &about, attempt);
    } else if stage == Stage::ObjectState {
        // W8: nothing is undone.
        let failed = Some(Err(StatusError::Stage(stage)));
        assert_eq!(attempt.given, failed, "{about}");
        assert_eq!(attempt.after.interpreters.len(), 2, "W8: {about}");
        let newest = &attempt.after.interpreters[0];
        assert!(newest.thread_states.is_empty(), "W8: {about}");
        assert!(current(&attempt.after).is_null(), "W8: {about}");
        assert!(!attempt.holds_gil, "W8: {about}");
    } else if minor == 12 && !is_late(stage) {
        let failed = Some(Err(StatusError::Stage(stage)));
        assert_eq!(attempt.given, failed, "{about}");
        assert_eq!(current(&attempt.after), current(&attempt.before), "{about}");
        assert!(!attempt.holds_gil, "{about}: current without the GIL");
        assert_eq!(attempt.after.interpreters.len(), 1, "{about}");
    } else {
        check_half_made(profile, stage, &about, attempt);
    }
}

fn check_no_interpreter(profile: Profile, about: &str, attempt: &Attempt) {
    match profile.no_interpreter() {
        NoInterpreter::Null => {
            assert_eq!(attempt.given, Some(Ok(ThreadStateHandle::NULL)), "{about}");
            check_unchanged(about, attempt);
        }
        NoInterpreter::EndsProcess => {
            let over = Over::Status(StatusError::Stage(Stage::MainInterpreter));
            assert_eq!(attempt.over, Some(over), "{about}");
        }
        NoInterpreter::AttachesTwice => {
            let over = Over::Fatal(Fatal::AttachedAlready);
            assert_eq!(attempt.over, Some(over), "{about}");
        }
    }
}

fn check_no_thread_state(minor: u8, about: &str, attempt: &Attempt) {
    if minor == 11 {
        assert_eq!(attempt.over, Some(Over::Crash(Crash::Other)), "{about}");
        return;
    }
    assert_eq!(attempt.given, Some(Ok(ThreadStateHandle::NULL)), "{about}");
    if (9..=10).contains(&minor) {
        assert!(attempt.holds_gil, "{about}: the GIL stays held");
        assert!(
            current(&attempt.after).is_null(),
            "{about}: nobody is current"
        );
        assert_eq!(attempt.after.interpreters.len(), 1, "{about}");
    } else {
        check_unchanged(about, attempt);
    }
}

fn check_half_made(profile: Profile, stage: Stage, about: &str, attempt: &Attempt) {
    let failed = Some(Err(StatusError::Stage(stage)));
    let gives_no_reason = stage == Stage::Builtins || stage == Stage::Exception;
    match profile.half_made() {
        HalfMade::Stays if gives_no_reason => {
            assert_eq!(attempt.given, Some(Ok(ThreadStateHandle::NULL)), "{about}");
            check_unchanged(about, attempt);
        }
        HalfMade::Stays => {
            // `Py_NewInterpreter`, the only caller in 3.8, ends the process with it.
            assert_eq!(attempt.given, failed, "{about}");
            assert_eq!(attempt.after.interpreters.len(), 2, "S in A38: {about}");
        }
        HalfMade::DeletesCurrent => {
            let over = Over::Fatal(Fatal::StillCurrent);
            assert_eq!(attempt.over, Some(over), "{about}");
        }
        HalfMade::Deleted | HalfMade::Ended => {
            assert_eq!(attempt.given, failed, "{about}");
            if profile.minor() >= 12 {
                check_unchanged(about, attempt);
            }
        }
    }
}

#[test]
fn a_stage_that_fails_leaves_no_trace_but_where_the_contract_says_so() {
    let mut ran = 0;
    for name in PROFILES {
        let profile = profile(name);
        let mut of_profile = 0;
        for stage in stages(profile, Creation::Sub) {
            check_attached(profile, stage, &attempt(profile, stage, true));
            of_profile += 1;
        }
        assert!(of_profile >= 15, "{name} has {of_profile} stages");
        ran += of_profile;
    }
    assert!(ran >= 250, "{ran} stages were run");
}

#[test]
fn a_detached_caller_is_detached_after_a_failure() {
    let mut ran = 0;
    for name in ["3.12", "3.13.8", "3.13", "3.14", "3.15"] {
        let profile = profile(name);
        for stage in stages(profile, Creation::Sub) {
            let Attempt {
                given,
                before,
                after,
                over,
                ..
            } = attempt(profile, stage, false);
            let about = format!("{name}, {stage:?}");
            assert_eq!(over, None, "{about}");
            match given {
                Some(Ok(null)) => assert!(null.is_null() && profile.minor() == 12, "{about}"),
                Some(Err(error)) => assert_eq!(error, StatusError::Stage(stage), "{about}"),
                None => panic!("{about}: the thread is over"),
            }
            if stage != Stage::ObjectState {
                assert_eq!(after, before, "S71: {about}");
            }
            ran += 1;
        }
    }
    assert!(ran >= 100, "{ran} stages were run");
}

#[test]
fn the_next_interpreter_is_made_as_if_nothing_had_failed() {
    let mut ran = 0;
    for name in ["3.12", "3.13.8", "3.14", "3.15"] {
        let profile = profile(name);
        for stage in stages(profile, Creation::Sub).filter(|stage| is_late(*stage)) {
            let runtime = process(profile);
            let host = Refusing(None);
            let caller = Caller::new(&runtime, &host);
            caller.initialize().unwrap();
            let main = caller.thread_state_get().unwrap();
            caller.fail_stage(stage).unwrap();
            let config = InterpreterConfig::LEGACY;
            let failed = caller.new_interpreter_from_config(&config).unwrap();
            assert_eq!(failed, Err(StatusError::Stage(stage)), "{name}");
            let made = caller.new_interpreter_from_config(&config).unwrap();
            let made = made.expect("a failure strikes once");
            let home = caller.interpreter_state_head().unwrap();
            let id = caller.interpreter_state_get_id(home);
            assert_eq!(id, Ok(2), "{name}, {stage:?}: an id is used once");
            caller.end_interpreter(made).unwrap();
            caller.thread_state_swap(main).unwrap();
            assert_eq!(caller.finalize_ex(), Ok(0), "{name}, {stage:?}");
            ran += 1;
        }
    }
    assert!(ran >= 60, "{ran} stages were run");
}

#[test]
fn a_hook_that_refuses_is_a_failure_of_the_first_stage() {
    for name in PROFILES {
        let profile = profile(name);
        let runtime = process(profile);
        let host = Refusing(Some(AuditEvent::InterpreterNew));
        let caller = Caller::new(&runtime, &host);
        let hook = Callback::new(CallbackId(0), 0);
        assert_eq!(caller.add_audit_hook(hook), Ok(0), "{name}");
        caller
            .initialize()
            .expect("nobody makes the main interpreter");
        let before = kept(&runtime);
        let given = caller.new_interpreter();
        match profile.no_interpreter() {
            NoInterpreter::Null => {
                assert_eq!(given, Ok(ThreadStateHandle::NULL), "P02: {name}");
                assert_eq!(kept(&runtime), before, "S71: {name}");
            }
            NoInterpreter::EndsProcess => {
                let over = Over::Status(StatusError::Audit);
                assert_eq!(runtime.over(), Some(over), "V32: {name}");
            }
            NoInterpreter::AttachesTwice => {
                let over = Over::Fatal(Fatal::AttachedAlready);
                assert_eq!(runtime.over(), Some(over), "V32: {name}");
            }
        }
    }
}

#[test]
fn initialization_that_fails_undoes_nothing_and_has_the_text_of_its_release() {
    let mut ran = 0;
    for name in PROFILES {
        let profile = profile(name);
        for stage in stages(profile, Creation::Main) {
            let about = format!("{name}, {stage:?}");
            let runtime = process(profile);
            let host = Refusing(None);
            let caller = Caller::new(&runtime, &host);
            caller.fail_stage(stage).unwrap();
            let failed = caller
                .initialize_from_config(Some(&Config::python()))
                .unwrap();
            assert_eq!(failed, Err(StatusError::Stage(stage)), "{about}");
            assert_eq!(runtime.over(), None, "{about}");
            let seen = runtime.observe();
            assert_eq!(seen.stage, stage, "{about}");
            let made = stage > Stage::MainInterpreter;
            assert_eq!(seen.interpreters.len(), usize::from(made), "{about}");
            let attached = stage > Stage::Gil;
            assert_eq!(runtime.holds_gil(ThreadIndex::FIRST), attached, "{about}");
            assert_eq!(!current(&seen).is_null(), attached, "{about}");
            let after_main = stage > Stage::Main && profile.minor() < 15;
            assert_eq!(seen.initialized, after_main, "{about}");

            let runtime = process(profile);
            let caller = Caller::new(&runtime, &host);
            caller.fail_stage(stage).unwrap();
            assert!(caller.initialize().is_err(), "{about}");
            let Some(Over::Status(error)) = runtime.over() else {
                panic!("{about}: the process is over by its status");
            };
            let text = error.message(profile);
            assert!(text.len() > 20, "{about}: {text:?} is no text");
            ran += 1;
        }
    }
    assert!(ran >= 250, "{ran} stages were run");
}

#[test]
fn every_stage_has_a_name_of_its_own_in_some_release() {
    let mut names = Vec::new();
    for &stage in Stage::ALL {
        let Some(name) = stage.name() else { continue };
        assert_eq!(Stage::named(name), Some(stage));
        assert!(!names.contains(&name), "{name} twice");
        names.push(name);
        let runs = |profile: &str| {
            let mut stages = self::profile(profile).stages_by_name();
            stages.any(|(known, _)| known == stage)
        };
        assert!(PROFILES.into_iter().any(runs), "{name} is in no release");
    }
    assert!(names.len() >= 35, "{} names", names.len());
}
