//! Simulated threads: stackful coroutines whose stacks can be saved and put back.
//!
//! A fiber runs on a pooled stack of its own that never moves. Suspended, it is nothing but the bytes of that stack
//! above its stack pointer and the coroutine's few words; [`Fiber::save`] copies both and [`Fiber::restore`] puts them
//! back, so that the explorer can return to an earlier state without running the program again.
//!
//! # Why copying bytes is sound here
//!
//! 1. All fibers and the explorer run on one OS thread; a fiber is saved or restored only while it is suspended.
//! 2. A fiber owns no heap across a suspension (the rule of `sync`): restoring an older stack can neither free twice
//!    nor forget to free.
//! 3. Stacks never move, so pointers into them, which a saved stack may hold, stay valid.
//! 4. A fiber is never unwound: its root never returns, and it is reset when the pool goes away.

#![expect(
    unsafe_code,
    reason = "stacks are copied as bytes, and the root of a fiber outlives what it borrows"
)]

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, Yielder};
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;

/// Bytes of stack for one fiber. Deepest seen: nested callbacks of the scenario driver, 20 KiB unoptimised.
const STACK_BYTES: usize = 512 * 1024;
/// What may lie below the address noted in [`Suspender::suspend`]: the frame itself and the saved registers.
const RED_ZONE: usize = 512;

/// What a fiber runs first.
type Root<'a> = Box<dyn FnOnce(&Yielder<(), ()>, ()) + 'a>;
type Routine = Coroutine<(), (), (), DefaultStack>;

/// Where a fiber hands control back; valid while its fiber lives.
#[derive(Debug)]
struct Suspender {
    yielder: Cell<*const Yielder<(), ()>>,
    /// Lowest address of the stack that matters while the fiber is suspended.
    low: Cell<usize>,
}

/// One simulated thread.
#[derive(Debug)]
pub(super) struct Fiber {
    routine: UnsafeCell<ManuallyDrop<Box<Routine>>>,
    suspender: Box<Suspender>,
    base: usize,
}

impl Fiber {
    /// A fiber that will run `root` when first resumed. `root` must never return.
    ///
    /// # Safety
    ///
    /// `root` and what it borrows must outlive the fiber.
    pub(super) unsafe fn new<'a>(root: impl FnOnce() + 'a) -> Self {
        let stack = DefaultStack::new(STACK_BYTES).expect("a stack can be mapped");
        let base = stack.base().get();
        let suspender = Box::new(Suspender {
            yielder: Cell::new(std::ptr::null()),
            low: Cell::new(base - 1024),
        });
        let slot: *const Suspender = &raw const *suspender;
        let body = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: the suspender is boxed and lives as long as the fiber.
            unsafe { (*slot).yielder.set(yielder) };
            root();
            unreachable!("the root of a fiber does not return");
        };
        let body: Root<'a> = Box::new(body);
        // SAFETY: the caller promises that what the root borrows outlives the fiber.
        let body: Root<'static> = unsafe { std::mem::transmute(body) };
        let routine = Coroutine::with_stack(stack, move |yielder, input| body(yielder, input));
        Self {
            routine: UnsafeCell::new(ManuallyDrop::new(Box::new(routine))),
            suspender,
            base,
        }
    }

    /// Runs the fiber until it suspends.
    pub(super) fn resume(&self) {
        // SAFETY: only the explorer resumes, saves and restores, never from within a fiber; the running fiber itself
        // touches the suspender alone.
        let result = unsafe { (*self.routine.get()).resume(()) };
        debug_assert!(matches!(result, corosensei::CoroutineResult::Yield(())));
    }

    /// Suspends this fiber; to be called on its own stack.
    #[inline(never)]
    pub(super) fn suspend(&self) {
        let marker = 0_u8;
        let here = std::hint::black_box(&raw const marker) as usize;
        self.suspender.low.set(here - RED_ZONE);
        // SAFETY: set when the fiber first ran, which it must have, as this is its own stack; the yielder lives at the
        // base of that stack.
        unsafe { (*self.suspender.yielder.get()).suspend(()) };
    }

    /// Appends what the suspended fiber is to `bytes`.
    pub(super) fn save(&self, bytes: &mut Vec<u8>) {
        let low = self.suspender.low.get();
        // SAFETY: as in `resume`.
        let words: *const Routine = unsafe { &raw const ***self.routine.get() };
        bytes.extend_from_slice(&low.to_ne_bytes());
        // SAFETY: the routine is valid for its size, and the stack between `low` and its base is mapped; the fiber is
        // suspended, so nobody writes to either (soundness point 1).
        unsafe {
            bytes.extend_from_slice(std::slice::from_raw_parts(
                words.cast::<u8>(),
                size_of::<Routine>(),
            ));
            bytes.extend_from_slice(std::slice::from_raw_parts(
                low as *const u8,
                self.base - low,
            ));
        }
    }

    /// Makes the fiber again what it was when `bytes` were saved.
    pub(super) fn restore(&self, bytes: &[u8]) {
        let (low, rest) = bytes.split_at(size_of::<usize>());
        let low = usize::from_ne_bytes(low.try_into().expect("saved by `save`"));
        let (words, stack) = rest.split_at(size_of::<Routine>());
        assert_eq!(stack.len(), self.base - low, "saved from this fiber");
        self.suspender.low.set(low);
        // SAFETY: as in `resume`.
        let routine: *mut Routine = unsafe { &raw mut ***self.routine.get() };
        // SAFETY: as in `save`; the bytes come from this very routine and stack, which have not moved (points 1 to 3).
        unsafe {
            std::ptr::copy_nonoverlapping(words.as_ptr(), routine.cast::<u8>(), words.len());
            std::ptr::copy_nonoverlapping(stack.as_ptr(), low as *mut u8, stack.len());
        }
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        // SAFETY: the fiber owns no heap (point 2), so forgetting what is on its stack leaks nothing; afterwards the
        // coroutine counts as completed and gives its stack back. Dropped once, here.
        unsafe {
            let routine = self.routine.get_mut();
            if routine.started() && !routine.done() {
                routine.force_reset();
            }
            ManuallyDrop::drop(routine);
        }
    }
}
