//! Guards, views, tokens and keys of thread-specific storage: the library's pointers, and the scenario's names for them.

use super::api::{self, Pointer};
use super::calls::Caller;
use super::injected::{Making, during};
use crate::record;
use crate::sight;
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use tstate::runtime::{GuardHandle, TSS_KEYS_MAX, Token, TssHandle, ViewHandle};
use tstate::sync::Word;

/// `Py_tss_t`: two ints, both 0 at first.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Key([AtomicI32; 2]);

/// Old-style keys that there are at once.
const NUMBERED_MAX: usize = 16;
/// A number that no native key has.
const NO_KEY: c_int = c_int::MAX;

/// The library's numbers of old-style keys, by the scenario's, which counts from 0.
static NUMBERED: [AtomicI32; NUMBERED_MAX] = [const { AtomicI32::new(NO_KEY) }; NUMBERED_MAX];

/// The token that stands for no thread state, once it was seen.
static NO_STATE: AtomicUsize = AtomicUsize::new(0);

/// Where the library's number for one of the scenario's is kept.
fn numbered(key: i32) -> Option<&'static AtomicI32> {
    usize::try_from(key).ok().and_then(|key| NUMBERED.get(key))
}

/// The library's number for one of the scenario's.
fn native(key: i32) -> c_int {
    numbered(key).map_or(NO_KEY, |known| known.load(Ordering::Relaxed))
}

/// `PyThread_create_key`
pub(super) fn create_key() -> i32 {
    let made = api::create_key();
    if made < 0 {
        return made;
    }
    let unused = |known: &AtomicI32| known.load(Ordering::Relaxed) == NO_KEY;
    match NUMBERED.iter().position(unused) {
        Some(place) => {
            NUMBERED[place].store(made, Ordering::Relaxed);
            place as i32
        }
        None => record::refuse("more than 16 old-style keys at once"),
    }
}

/// `PyThread_delete_key`
pub(super) fn delete_key(key: i32) {
    api::delete_key(native(key));
    if let Some(known) = numbered(key) {
        known.store(NO_KEY, Ordering::Relaxed);
    }
}

/// `PyThread_set_key_value`
pub(super) fn set_key_value(key: i32, value: u64) -> i32 {
    api::set_key_value(native(key), value as Pointer)
}

/// `PyThread_get_key_value`
pub(super) fn key_value(key: i32) -> u64 {
    api::get_key_value(native(key)) as u64
}

/// `PyThread_delete_key_value`
pub(super) fn delete_key_value(key: i32) {
    api::delete_key_value(native(key));
}

impl Caller<'_> {
    /// The word of the handle of a guard or a view that was made. Whoever is attached has an exception if there is none.
    fn block_made(&self, block: Pointer) -> u64 {
        if block.is_null() && sight::current() != 0 {
            api::error_clear();
        }
        self.python.handles().block(block, 0)
    }

    /// A name for a guard that was made.
    pub(super) fn guard_made(&self, guard: Pointer) -> GuardHandle {
        GuardHandle::from_word(self.block_made(guard))
    }

    pub(super) fn guard(&self, guard: GuardHandle) -> Pointer {
        self.python.handles().block_pointer(guard.slot())
    }

    /// A name for a view that was made.
    pub(super) fn view_made(&self, view: Pointer) -> ViewHandle {
        ViewHandle::from_word(self.block_made(view))
    }

    pub(super) fn view(&self, view: ViewHandle) -> Pointer {
        self.python.handles().block_pointer(view.slot())
    }

    /// What an Ensure gives: the thread state that was attached, or the token for none.
    pub(super) fn ensured(&self, making: Making, call: impl FnOnce() -> Pointer) -> Token {
        let before = sight::current();
        let token = during(making, call);
        if token.is_null() {
            Token::Null
        } else if before == 0 {
            NO_STATE.store(token as usize, Ordering::Relaxed);
            Token::NoState
        } else {
            Token::State(self.python.state(token))
        }
    }

    pub(super) fn token(&self, token: Token) -> Pointer {
        match token {
            Token::Null => std::ptr::null_mut(),
            Token::NoState => NO_STATE.load(Ordering::Relaxed) as Pointer,
            Token::State(state) => self.python.state_pointer(state),
        }
    }

    /// A name for a key that was allocated.
    pub(super) fn key_made(&self, key: Pointer) -> TssHandle {
        TssHandle::from_word(self.python.handles().block(key, TSS_KEYS_MAX))
    }

    pub(super) fn key(&self, key: TssHandle) -> Pointer {
        if let Some(number) = key.number() {
            return (&raw const self.python.keys[number]).cast_mut().cast();
        }
        let place = key.slot().map(|slot| slot - TSS_KEYS_MAX);
        self.python.handles().block_pointer(place)
    }
}
