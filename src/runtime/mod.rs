//! CPython's thread and interpreter lifecycle, 3.14, as concurrent code. Knows `sync` only.
//!
//! The API is [`Caller`]: what one OS thread calls. The state is [`Runtime`]: one process. A difference between releases
//! is a method in [`differences`].
//!
//! Reading order: `state` (the runtime and its callers), `outcome` (how a call ends), `handle`, `lists` and
//! `interpreter`, `arena`, `thread_state`, `gil`, `attach`, `gilstate`; then `eval_breaker`, `pending`, `async_exc`, `signal`,
//! `parking`, `mutex`; then `heap`, `guard`, `ensure`, `tss`; `threading`, `import`, `object`, `exit`, `audit`, `tracing`, `frames`,
//! `ref_tracer`, `allocation`, `failure`; `configure`, `stage`, `initialize`, `life`, `finalize`, `subinterpreter`, `running` and
//! `fork` last. `lock_order` holds for all.

mod allocation;
mod arena;
mod async_exc;
mod attach;
mod audit;
mod callback;
mod configure;
mod current;
pub mod differences;
mod ensure;
mod eval_breaker;
mod exit;
mod failure;
mod finalize;
mod fork;
mod frames;
mod gil;
mod gilstate;
mod guard;
mod handle;
mod heap;
mod import;
mod import_lock;
mod importer;
mod initialize;
mod interpreter;
mod late;
pub mod levels;
mod life;
mod lists;
pub mod lock_order;
mod mutex;
mod object;
#[cfg(feature = "sim")]
mod observe;
mod outcome;
mod parking;
mod pending;
mod pending_queue;
pub mod profile;
mod raw_mutex;
mod ref_tracer;
mod region;
mod running;
mod signal;
mod stage;
mod state;
mod subinterpreter;
mod thread_state;
mod threading;
mod tracing;
mod tss;

pub use arena::{AttachState, THREAD_STATES_MAX, Whence};
pub use async_exc::Exception;
pub use audit::{AUDIT_HOOKS_MAX, AuditEvent};
pub use callback::{ARGUMENT_MAX, Callback, CallbackId};
pub use configure::{Config, ConfigField};
pub use ensure::Token;
pub use eval_breaker::Bit;
pub use finalize::Phase;
pub use fork::FORK_HOOKS_MAX;
pub use frames::Evaluator;
pub use gil::Locked;
pub use gilstate::GilState;
pub use guard::Opened;
pub use handle::{GuardHandle, InterpreterHandle, ThreadStateHandle, TssHandle, ViewHandle};
pub use import::{MODULES_MAX, ModuleId};
pub use interpreter::{Dictionary, EXIT_CALLBACKS_MAX, INTERPRETER_CLEAR_MAX, INTERPRETERS_MAX};
pub use mutex::{MutexSlot, USER_MUTEXES_MAX};
pub use object::{AT_CLEAR_MAX, OBJECTS_MAX, ObjectId, ObjectKind, ObjectState};
#[cfg(feature = "sim")]
pub use observe::{
    GilObservation, GuardObservation, InterpreterObservation, Observation, PendingObservation,
    ThreadObservation, ThreadStateObservation,
};
pub use outcome::{Crash, Ended, Fatal, Limit, Over, StatusError, Step};
pub use pending::PENDING_MAINTHREADONLY;
pub use pending_queue::PENDING_MAX;
pub use profile::Profile;
pub use ref_tracer::RefEvent;
pub use signal::SIGNAL;
pub use stage::Stage;
pub use state::{AT_EXIT_MAX, Caller, Host, Runtime};
pub use subinterpreter::InterpreterConfig;
pub use threading::{Daemon, HandleState};
pub use tracing::{TraceEvent, Tracer};
pub use tss::TSS_KEYS_MAX;
