//! CPython's thread and interpreter lifecycle as real concurrent code, and the explorer that checks scenarios of C-API
//! calls over every interleaving.
//!
//! ```
//! use std::sync::Arc;
//! use tstate::sim::{CheckOptions, check, scenario, verdict::Status};
//!
//! let source = "
//!     thread main {
//!         Py_Initialize()
//!         start worker
//!         join worker
//!         Py_FinalizeEx()
//!     }
//!     foreign thread worker {
//!         g = PyGILState_Ensure()
//!         PyGILState_Release(g)
//!     }";
//! let file = scenario::parse(source).expect("it parses");
//! let program = Arc::new(scenario::check(&file).expect("every name is known"));
//! let profile = program.profiles[0];
//! let verdict = check(&program, source, profile, &CheckOptions::default(), &mut |_| true).verdict;
//! assert_eq!(verdict.status(), Status::Failed);
//! assert_eq!(verdict.outcomes[0].text, "deadlock(main, worker)");
//! ```
//!
//! * [`sync`]: the primitives, with three engines.
//! * [`runtime`]: the lifecycle. [`runtime::Caller`] has every function of the C API that is modelled.
//! * [`sim`]: scenarios, the explorer, verdicts.
//!
//! Not explored: weak memory (loom runs the same runtime for that), data races in user code, and what the README names.

pub mod runtime;
#[cfg(feature = "sim")]
pub mod sim;
pub mod sync;
