//! Production primitives, which pass a hook where the feature `sim` is on.
//!
//! `parking_lot` for locks and condition variables, the standard atomics for words. With a controller installed none
//! of them is touched but for the memory of what a [`Mutex`] protects: who owns what and what a word holds is the
//! controller's, so that it can put an earlier state back.
//!
//! Memory order: what the caller names is what the standard atomic gets. [`Plain`], [`Local`] and [`Epoch`] are relaxed
//! words: a lock, or the rule written where they are declared, orders them.

#[cfg(feature = "sim")]
use super::Name;
#[cfg(feature = "sim")]
use super::hook::{self, CellId, CellKind};

/// The number under which the simulator knows a cell. Nothing at all without the feature.
#[derive(Clone, Copy, Debug)]
struct Hook {
    #[cfg(feature = "sim")]
    cell: CellId,
}

impl Hook {
    #[cfg(feature = "sim")]
    fn new(kind: CellKind, name: Name, initial: impl FnOnce() -> u128) -> Self {
        Self {
            cell: hook::current().map_or(CellId::NONE, |controller| {
                controller.register(kind, name, initial())
            }),
        }
    }
}

macro_rules! hook_new {
    ($kind:ident, $name:expr, $initial:expr) => {{
        #[cfg(feature = "sim")]
        let made = super::Hook::new(super::CellKind::$kind, $name.into(), || {
            u128::from($initial)
        });
        #[cfg(not(feature = "sim"))]
        let made = {
            let _: crate::sync::Name = $name.into();
            super::Hook {}
        };
        made
    }};
}

/// Passes a hook: `hooked!(self.hook, controller, cell => expression)`; nothing without the feature or a controller.
macro_rules! hooked {
    ($hook:expr, $controller:ident, $cell:ident => $body:expr) => {
        #[cfg(feature = "sim")]
        if let Some($controller) = crate::sync::hook::current() {
            let $cell = $hook.cell;
            $body
        }
    };
}

mod lock;
mod thread;
mod word;

pub use lock::{Condvar, Event, Mutex, MutexGuard, Semaphore};
pub use thread::{
    JoinHandle, Scope, choose, choose_usually, current_thread, enter_thread, fork, frame,
    hang_forever, learned, observe, pause_point, return_from_hang, scope, send_signal, simulated,
    spawn, statement, wait_until,
};
pub use word::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Epoch, Plain, Remembered};
