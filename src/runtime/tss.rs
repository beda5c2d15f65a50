//! Thread-specific storage: a value for each thread under a key, `PyThread_tss_*` and the older `PyThread_*_key*`.
//!
//! CPython: `Python/thread.c` (`PyThread_tss_alloc`, `PyThread_tss_free`, `PyThread_tss_is_created`), `Python/thread_pthread.h`
//! (`PyThread_tss_create`, `_delete`, `_set`, `_get`, `PyThread_create_key` and its kin); 3.8 to 3.15. The slot of `PyGILState_Ensure` is
//! one of these keys up to 3.14 ([`super::gilstate`]).
//!
//! # States
//!
//! | of a `Py_tss_t` | meaning | who may change it |
//! | --- | --- | --- |
//! | not created: `Py_tss_NEEDS_INIT`, as allocated, or deleted | it names no native key | whoever creates it |
//! | created | it names a native key | whoever deletes it |
//!
//! | of a native key | meaning | who may change it |
//! | --- | --- | --- |
//! | unused, with the number of its next life | every thread reads null | whoever takes it |
//! | used, with the number of its life | values that threads set in this life count | whoever deletes it |
//!
//! # Transitions
//!
//! | from → to | operation | who may take it | holding |
//! | --- | --- | --- | --- |
//! | unused → used | [`NativeKeys::take`], by an exchange | any thread | – |
//! | used → unused, next life | [`NativeKeys::delete`], by an exchange | any thread | – |
//! | not created → created | [`Caller::thread_tss_create`] | any thread | – |
//! | created → not created | [`Caller::thread_tss_delete`] | any thread | – |
//!
//! # Protocol
//!
//! Create: return if created · take a native key · note which · created. Nothing keeps another thread out between the first and the last:
//! two that create at once both succeed, the key names what the last of them took, and what was set under the other is not found again.
//! Delete: return unless created · give the native key back · not created. Neither looks at the runtime: keys and values outlive its
//! lives, and a forked child has those of the thread that forked it.
//!
//! A thread's values go with the thread: its storage is not given to another one here.
//!
//! The older functions name a native key by a number. Differs: their numbers are counted by themselves, from 0; and there are fewer keys
//! than elsewhere. One that was deleted, or never made, is refused, as POSIX threads do.
//!
//! # Invariants
//!
//! *OwnValue*: under a key a thread reads what it set itself in the key's present life, or null. *NativeKeyOnce*: a native key
//! is taken by one thread at a time.
//!
//! # Memory order
//!
//! The two fields of a key are plain in C, where creating it in two threads is a data race: relaxed here. Taking and deleting a native key is
//! sequentially consistent. Values are their thread's own.
//!
//! # Outcomes
//!
//! A crash for null, for a key that is not created where one is needed, and for one that was freed.
//!
//! # Checked by
//!
//! `scenarios/tss`.

use super::handle::{GENERATIONS, TssHandle};
use super::heap::{BLOCKS_MAX, Heap};
use super::outcome::{Crash, Step};
use super::state::Caller;
use crate::sync::{AtomicBool, AtomicU32, Local, Ordering, scope};

/// Declared keys (`Py_tss_t`) that one program has.
pub const TSS_KEYS_MAX: usize = 8;

/// Native keys of each kind.
const NATIVE_MAX: usize = 16;

/// A native key's life, above the bit that says that it is used.
const USED: u32 = 1;

/// Where a value's word has the life of the key that it was set in.
const LIFE_FROM: u32 = 56;

/// `pthread_key_t`s of one kind, and each thread's values.
#[derive(Debug)]
struct NativeKeys {
    keys: [AtomicU32; NATIVE_MAX],
    values: [Local<u64>; NATIVE_MAX],
}

impl NativeKeys {
    fn new(key: &'static str, value: &'static str) -> Self {
        Self {
            keys: std::array::from_fn(|place| AtomicU32::new((key, place), 0)),
            values: std::array::from_fn(|_| Local::new(value, 0)),
        }
    }

    /// `pthread_key_create`: unused → used, of the lowest that is unused; none if all are used.
    fn take(&self) -> Option<usize> {
        let scope = scope();
        let mut place = 0;
        let taken = loop {
            scope.again(&place);
            let Some(key) = self.keys.get(place) else {
                break None;
            };
            let life = key.load(Ordering::SeqCst);
            let is_unused = life & USED == 0;
            if is_unused && exchange(key, life, life | USED) {
                break Some(place);
            }
            place += 1;
        };
        scope.end(&taken);
        taken
    }

    /// `pthread_key_delete`: used → unused; nothing for one that is not used.
    fn delete(&self, place: usize) {
        let Some(key) = self.keys.get(place) else {
            return;
        };
        let life = key.load(Ordering::SeqCst);
        if life & USED != 0 {
            let next = ((life >> 1) + 1) % u32::from(GENERATIONS);
            let _another_was_faster = exchange(key, life, next << 1);
        }
    }

    /// `pthread_setspecific`; whether the key is used.
    fn set(&self, place: usize, value: u64) -> bool {
        let Some(life) = self.life(place) else {
            return false;
        };
        debug_assert!(value >> LIFE_FROM == 0, "a value leaves room for a life");
        self.values[place].write(value | u64::from(life) << LIFE_FROM);
        true
    }

    /// `pthread_getspecific`: null for a key that is not used.
    fn get(&self, place: usize) -> u64 {
        let Some(life) = self.life(place) else {
            return 0;
        };
        let word = self.values[place].read();
        if word >> LIFE_FROM == u64::from(life) {
            word & ((1 << LIFE_FROM) - 1)
        } else {
            0
        }
    }

    fn life(&self, place: usize) -> Option<u32> {
        let life = self.keys.get(place)?.load(Ordering::SeqCst);
        (life & USED != 0).then_some(life >> 1)
    }
}

fn exchange(key: &AtomicU32, from: u32, to: u32) -> bool {
    key.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
        .is_ok()
}

/// A `Py_tss_t`.
#[derive(Debug)]
struct Key {
    /// `_is_initialized`
    created: AtomicBool,
    /// `_key` plus one; 0 before it was ever created.
    native: AtomicU32,
}

impl Key {
    fn new(created: &'static str, native: &'static str, place: usize) -> Self {
        Self {
            created: AtomicBool::new((created, place), false),
            native: AtomicU32::new((native, place), 0),
        }
    }
}

/// Thread-specific storage of a process.
#[derive(Debug)]
pub(super) struct Tss {
    native: NativeKeys,
    /// Of the older functions.
    numbered: NativeKeys,
    declared: [Key; TSS_KEYS_MAX],
    allocated: [Key; BLOCKS_MAX],
    memory: Heap,
}

impl Tss {
    pub(super) fn new() -> Self {
        let declared = |place| Key::new("tss.created", "tss.key", place);
        let allocated = |place| Key::new("tss.allocated.created", "tss.allocated.key", place);
        Self {
            native: NativeKeys::new("tss.native", "tss.value"),
            numbered: NativeKeys::new("tls.native", "tls.value"),
            declared: std::array::from_fn(declared),
            allocated: std::array::from_fn(allocated),
            memory: Heap::new("tss.memory", "tss.memory.taken"),
        }
    }
}

impl TssHandle {
    /// The address of a declared key with this number.
    ///
    /// # Panics
    ///
    /// If `number` is not below [`TSS_KEYS_MAX`]: it is checked where programs are accepted.
    #[must_use]
    pub const fn declared(number: usize) -> Self {
        assert!(number < TSS_KEYS_MAX, "more keys than TSS_KEYS_MAX");
        Self::new(number, 0)
    }

    /// The number of a declared key; none of one that was allocated.
    #[must_use]
    pub fn number(self) -> Option<usize> {
        self.slot().filter(|slot| *slot < TSS_KEYS_MAX)
    }

    const fn allocated(place: usize, generation: u8) -> Self {
        Self::new(TSS_KEYS_MAX + place, generation)
    }

    /// Its place among those that were allocated.
    fn place(self) -> Option<usize> {
        self.slot()?.checked_sub(TSS_KEYS_MAX)
    }
}

impl<'a> Caller<'a> {
    /// What a pointer to a key points to.
    fn tss_key(&self, key: TssHandle) -> Step<&'a Key> {
        let storage = &self.runtime.storage;
        if let Some(number) = key.number() {
            return Ok(&storage.declared[number]);
        }
        let Some(place) = key.place() else {
            return Err(self.crash(Crash::Other));
        };
        if storage.memory.read(place, key.generation()).is_none() {
            return Err(self.crash(Crash::UseAfterFree));
        }
        Ok(&storage.allocated[place])
    }

    /// The native key that a key names: it must be created, which nobody checks in C.
    fn tss_native(&self, key: TssHandle) -> Step<usize> {
        let named = self.tss_key(key)?.native.load(Ordering::Relaxed);
        named
            .checked_sub(1)
            .map(|place| place as usize)
            .ok_or_else(|| self.crash(Crash::Other))
    }

    /// A key that is not created; null without memory. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_tss_alloc")]
    pub fn thread_tss_alloc(&self) -> Step<TssHandle> {
        if self.runtime.failures.takes_allocation() {
            return Ok(TssHandle::NULL);
        }
        let storage = &self.runtime.storage;
        let Some((place, generation)) = storage.memory.take(0) else {
            return Ok(TssHandle::NULL);
        };
        let key = &storage.allocated[place];
        key.created.init(false);
        key.native.init(0);
        Ok(TssHandle::allocated(place, generation))
    }

    /// Deletes and frees a key that was allocated; nothing for null.
    ///
    /// # Errors
    ///
    /// A crash for a key that was freed before, and for one that was declared. Source: contract 2.15.
    #[doc(alias = "PyThread_tss_free")]
    pub fn thread_tss_free(&self, key: TssHandle) -> Step<()> {
        if key.is_null() {
            return Ok(());
        }
        self.thread_tss_delete(key)?;
        let Some(place) = key.place() else {
            return Err(self.crash(Crash::Other));
        };
        if self.runtime.storage.memory.free(place, key.generation()) {
            Ok(())
        } else {
            Err(self.crash(Crash::UseAfterFree))
        }
    }

    /// Whether a key is created. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// A crash for null, use after free.
    #[doc(alias = "PyThread_tss_is_created")]
    pub fn thread_tss_is_created(&self, key: TssHandle) -> Step<i32> {
        let created = self.tss_key(key)?.created.load(Ordering::Relaxed);
        Ok(i32::from(created))
    }

    /// Creates a key, unless it is created: 0, or -1 if there is no native key left. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// A crash for null, use after free.
    #[doc(alias = "PyThread_tss_create")]
    pub fn thread_tss_create(&self, key: TssHandle) -> Step<i32> {
        let fields = self.tss_key(key)?;
        if fields.created.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let Some(place) = self.runtime.storage.native.take() else {
            return Ok(-1);
        };
        fields.native.store(place as u32 + 1, Ordering::Relaxed);
        fields.created.store(true, Ordering::Relaxed);
        Ok(0)
    }

    /// Deletes a key, if it is created: every thread forgets its value. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// A crash for null, use after free.
    #[doc(alias = "PyThread_tss_delete")]
    pub fn thread_tss_delete(&self, key: TssHandle) -> Step<()> {
        let fields = self.tss_key(key)?;
        if !fields.created.load(Ordering::Relaxed) {
            return Ok(());
        }
        let native = self.tss_native(key)?;
        self.runtime.storage.native.delete(native);
        fields.created.store(false, Ordering::Relaxed);
        // Differs: C keeps the native key's number, under which another key may come.
        fields.native.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Sets this thread's value; 0, or -1 if the native key is gone. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// A crash for null and for a key that is not created, use after free.
    #[doc(alias = "PyThread_tss_set")]
    pub fn thread_tss_set(&self, key: TssHandle, value: u64) -> Step<i32> {
        let native = self.tss_native(key)?;
        let set = self.runtime.storage.native.set(native, value);
        Ok(if set { 0 } else { -1 })
    }

    /// This thread's value, or null. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// A crash for null and for a key that is not created, use after free.
    #[doc(alias = "PyThread_tss_get")]
    pub fn thread_tss_get(&self, key: TssHandle) -> Step<u64> {
        let native = self.tss_native(key)?;
        Ok(self.runtime.storage.native.get(native))
    }

    /// Makes a key of the older kind: its number, or -1 if there are too many. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_create_key")]
    pub fn thread_create_key(&self) -> Step<i32> {
        let taken = self.runtime.storage.numbered.take();
        Ok(taken.map_or(-1, |place| place as i32))
    }

    /// Deletes a key of the older kind; nothing for a number that is none. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_delete_key")]
    pub fn thread_delete_key(&self, key: i32) -> Step<()> {
        self.runtime.storage.numbered.delete(numbered(key));
        Ok(())
    }

    /// Sets this thread's value; 0, or -1 for a number that is no key. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_set_key_value")]
    pub fn thread_set_key_value(&self, key: i32, value: u64) -> Step<i32> {
        let set = self.runtime.storage.numbered.set(numbered(key), value);
        Ok(if set { 0 } else { -1 })
    }

    /// This thread's value, or null. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_get_key_value")]
    pub fn thread_get_key_value(&self, key: i32) -> Step<u64> {
        Ok(self.runtime.storage.numbered.get(numbered(key)))
    }

    /// This thread forgets its value. Source: contract 2.15.
    ///
    /// # Errors
    ///
    /// None.
    #[doc(alias = "PyThread_delete_key_value")]
    pub fn thread_delete_key_value(&self, key: i32) -> Step<()> {
        self.thread_set_key_value(key, 0).map(drop)
    }
}

/// The place of a numbered key; no place for a negative number.
fn numbered(key: i32) -> usize {
    usize::try_from(key).unwrap_or(NATIVE_MAX)
}
