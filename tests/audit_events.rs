//! Every audit event that the runtime knows is raised by a call, in the releases that raise it, and a hook that refuses it
//! fails that call.
//!
//! One thread, on the runtime itself.
#![cfg(not(loom))]
#![expect(
    clippy::disallowed_types,
    reason = "what hooks are told is gathered beside the runtime"
)]

use std::collections::BTreeSet;
use std::sync::Mutex;
use tstate::runtime::{
    AuditEvent, Callback, CallbackId, Caller, Daemon, Host, ModuleId, Over, Profile, Runtime, Step,
    Tracer,
};
use tstate::sync::ThreadIndex;

/// Its audit hook notes what it is told, and refuses one event.
struct Listening {
    told: Mutex<BTreeSet<AuditEvent>>,
    refused: Option<AuditEvent>,
}

impl Host for Listening {
    fn call(&self, _: &Caller<'_>, _: CallbackId, _: u64) -> Step<i32> {
        Ok(0)
    }

    fn audit(&self, _: &Caller<'_>, _: CallbackId, event: AuditEvent) -> Step<i32> {
        let mut told = self.told.lock().expect("nobody panics");
        told.insert(event);
        Ok(if self.refused == Some(event) { -1 } else { 0 })
    }

    /// No thread can be started.
    fn spawn(&self, _: ThreadIndex) -> bool {
        false
    }
}

/// The results of calls that a hook can make fail, in order.
type Results = Vec<(&'static str, bool)>;

/// Makes every call that raises an event.
fn calls(caller: &Caller<'_>) -> Step<Results> {
    let hook = |id| Callback::new(CallbackId(id), 0);
    let tracer = Tracer {
        function: Some(CallbackId(3)),
        object: None,
    };
    assert_eq!(caller.add_audit_hook(hook(1))?, 0);
    caller.initialize()?;
    let main = caller.thread_state_get()?;
    assert_eq!(caller.add_audit_hook(hook(2))?, 0);
    caller.eval_set_profile(tracer)?;
    caller.eval_set_trace(tracer)?;
    caller.eval_set_profile(Tracer::NONE)?;
    caller.eval_set_trace(Tracer::NONE)?;
    let mut results = vec![
        ("frames", caller.current_frames()? == 0),
        ("import", caller.import_module(ModuleId::new(1))? == 0),
    ];
    let _no_thread = caller.thread_start(ThreadIndex::new(1), Daemon::Yes)?;
    results.push(("fork", caller.os_fork()?.is_some()));
    let sub = caller.new_interpreter()?;
    results.push(("interpreter", !sub.is_null()));
    if !sub.is_null() {
        caller.end_interpreter(sub)?;
        caller.thread_state_swap(main)?;
    }
    results.push(("main", caller.run_main()? == 0));
    Ok(results)
}

fn run(profile: Profile, refused: Option<AuditEvent>) -> (BTreeSet<AuditEvent>, Option<Results>) {
    let runtime = Runtime::new(profile);
    runtime.observe_audit();
    runtime.observe_hooks(true);
    let host = Listening {
        told: Mutex::default(),
        refused,
    };
    let results = calls(&Caller::new(&runtime, &host)).ok();
    assert_eq!(results.is_none(), runtime.over().is_some());
    if let Some(over) = runtime.over() {
        assert!(
            refused == Some(AuditEvent::InterpreterNew) && matches!(over, Over::Fatal(_)),
            "{profile}, {refused:?}: {over:?}"
        );
    }
    let told = host.told.into_inner().expect("nobody panics");
    (told, results)
}

/// The events that no call of this release raises.
fn never_raised(profile: Profile) -> BTreeSet<AuditEvent> {
    let starts = [AuditEvent::StartNewThread, AuditEvent::StartJoinableThread];
    let raised = profile.thread_start_event();
    let others = starts.into_iter().filter(|event| Some(*event) != raised);
    others.collect()
}

#[test]
fn every_event_is_raised_by_a_call() {
    let mut reached = BTreeSet::new();
    for profile in Profile::releases() {
        let (told, results) = run(profile, None);
        let never = never_raised(profile);
        let wanted: BTreeSet<AuditEvent> = AuditEvent::ALL.iter().copied().collect();
        let wanted: BTreeSet<AuditEvent> = wanted.difference(&never).copied().collect();
        assert_eq!(told, wanted, "{profile}");
        let results = results.expect("nothing is refused");
        assert!(
            results.iter().all(|(_, done)| *done),
            "{profile}: {results:?}"
        );
        reached.extend(told);
    }
    assert_eq!(reached.len(), AuditEvent::ALL.len());
}

#[test]
fn a_hook_that_refuses_an_event_fails_the_call_that_raises_it() {
    let failing = [
        (AuditEvent::CurrentFrames, "frames"),
        (AuditEvent::Import, "import"),
        (AuditEvent::Fork, "fork"),
        (AuditEvent::RunStdin, "main"),
        (AuditEvent::InterpreterNew, "interpreter"),
    ];
    for profile in Profile::releases() {
        for (event, name) in failing {
            let (told, results) = run(profile, Some(event));
            assert!(told.contains(&event), "{profile}: {event:?}");
            let Some(results) = results else { continue };
            for (call, done) in results {
                assert_eq!(done, call != name, "{profile}: {event:?}, {call}");
            }
        }
    }
}

#[test]
fn every_event_is_asked_for_by_a_scenario() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/hooks/");
    let files = ["audit-events", "audit-events-of-threads", "audit-main"];
    let texts = files.map(|file| std::fs::read_to_string(format!("{root}{file}.capi")));
    let text = texts
        .map(|text| text.expect("the scenario is there"))
        .concat();
    for event in AuditEvent::ALL {
        let asked = format!("event == \"{}\"", event.name());
        assert!(text.contains(&asked), "{asked}");
    }
}
