//! Memory that is never used again once it is freed, and cannot be read.
//!
//! What C leaves undefined mostly goes unnoticed: a thread that uses a thread state that another one freed finds the old
//! bytes there, and goes on. Where the fence is up, blocks that may be a thread state or an interpreter have pages of their
//! own, which nobody may touch once they are freed. The first use after free then ends the run, as what it is.
//!
//! Too small blocks are the C library's as ever, and so is what was never allocated: the first thread state of an
//! interpreter lies within it since 3.11, and the main interpreter within the library's own memory. A use after "free" of
//! these is not seen.
//!
//! # Protocol
//!
//! A block is made by taking pages off [`NEXT`], which only grows, and is then free once: its length is replaced by
//! [`FREED`] by whoever frees it. Threads of a run that runs freely may do both at once. The words before are written by
//! [`turn_on`], while there is one thread.

use crate::record;
use libc::{c_int, c_void, siginfo_t, size_t};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the smallest block behind the fence. The smallest thread state, of 3.8, has 264.
const LEAST: usize = 256;
const PAGE: usize = 4096;
/// Bytes of all blocks of a process. Only what is used takes memory.
const LENGTH: usize = 1 << 32;
/// Bytes that an allocator with checks of its own puts before what it gives away, at most.
const HEADER: usize = 64;
/// The length of a block that was freed.
const FREED: usize = usize::MAX;

/// Where the memory begins; 0 while there is none.
static BASE: AtomicUsize = AtomicUsize::new(0);
/// Where it was not used yet.
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// Where the lengths of blocks are, by their first pages.
static LENGTHS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    fn __libc_malloc(size: size_t) -> *mut c_void;
    fn __libc_calloc(count: size_t, size: size_t) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: size_t) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

fn pages(length: usize) -> Option<usize> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping touches no memory of ours.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
    (memory != libc::MAP_FAILED).then_some(memory as usize)
}

/// Puts the fence up for what is allocated from now on; before the library is opened.
///
/// # Errors
///
/// There is no memory.
pub fn turn_on() -> Result<(), String> {
    let lengths = pages(LENGTH / PAGE * size_of::<usize>());
    let (Some(lengths), Some(base)) = (lengths, pages(LENGTH)) else {
        return Err("there is no memory to fence off".to_owned());
    };
    LENGTHS.store(lengths, Ordering::Relaxed);
    NEXT.store(base, Ordering::Relaxed);
    BASE.store(base, Ordering::Relaxed);
    Ok(())
}

/// Whether the fence is up.
pub fn is_on() -> bool {
    BASE.load(Ordering::Relaxed) != 0
}

/// Whether the function is one of those below: what they do is nobody else's to see.
pub fn is_function(address: usize) -> bool {
    let ours = [
        malloc as *const () as usize,
        calloc as *const () as usize,
        realloc as *const () as usize,
        free as *const () as usize,
        malloc_usable_size as *const () as usize,
    ];
    ours.contains(&address)
}

/// Whether the address is of memory behind the fence.
fn holds(address: usize) -> bool {
    let base = BASE.load(Ordering::Relaxed);
    base != 0 && (base..base + LENGTH).contains(&address)
}

/// The length of the block that begins there.
fn length_of(block: usize) -> &'static AtomicUsize {
    let page = (block - BASE.load(Ordering::Relaxed)) / PAGE;
    let lengths = LENGTHS.load(Ordering::Relaxed) as *const AtomicUsize;
    // SAFETY: there is one for each page, they are never taken away, and zero bytes are atomics.
    unsafe { &*lengths.add(page) }
}

/// Where the block begins whose first bytes lie there; nothing if it is none behind the fence, or was freed.
pub fn block_at(address: usize) -> Option<usize> {
    let block = address - address % PAGE;
    let begins = holds(address) && address - block <= HEADER;
    let is_block = |block| !matches!(length_of(block).load(Ordering::Relaxed), 0 | FREED);
    (begins && is_block(block)).then_some(block)
}

/// What is in the block that begins there, in words; nothing if it was freed.
pub fn words_of(block: usize) -> &'static [usize] {
    let Some(block) = block_at(block) else {
        return &[];
    };
    let length = length_of(block).load(Ordering::Relaxed) / size_of::<usize>();
    // SAFETY: the block has that many words. Who frees it has the turn, and the caller does until it has looked.
    unsafe { std::slice::from_raw_parts(block as *const usize, length) }
}

/// A new block, all zero, with pages of its own; none if it is too small, or the fence is not up.
fn block(size: usize) -> Option<*mut c_void> {
    if size < LEAST || !is_on() {
        return None;
    }
    let taken = size.checked_next_multiple_of(PAGE).unwrap_or(LENGTH);
    let block = NEXT.fetch_add(taken.min(LENGTH), Ordering::Relaxed);
    if !holds(block) || !holds(block + taken - 1) {
        record::refuse("the run allocates more memory than can be fenced off");
    }
    length_of(block).store(size, Ordering::Relaxed);
    Some(block as *mut c_void)
}

/// Frees a block behind the fence: nobody may touch it from now on.
fn fence_off(block: usize) {
    let length = length_of(block).swap(FREED, Ordering::Relaxed);
    if length == FREED {
        record::freed();
    }
    // SAFETY: the pages are the block's alone.
    let failed = unsafe { libc::mprotect(block as *mut c_void, length, libc::PROT_NONE) } != 0;
    if failed {
        record::refuse("the run frees more blocks than can be fenced off");
    }
}

/// Stands for what a function of the C library that we stand in for does with its object: a use after free is one here too.
pub fn touch<T>(object: *const T) {
    if holds(object as usize) {
        // SAFETY: the caller of that function passes an object of its own; if it was freed, the run ends here.
        unsafe { object.cast::<u8>().read_volatile() };
    }
}

/// From now on a fault behind the fence ends the run as a use after free. Others kill as ever.
pub fn watch() {
    if !is_on() {
        return;
    }
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = faults;
    // SAFETY: all bytes zero are an action with no signals blocked; the handler has the type that its flag asks for.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
    }
}

extern "C" fn faults(_: c_int, about: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes what it knows of the fault.
    let address = unsafe { (*about).si_addr() };
    if holds(address as usize) {
        record::freed();
    }
    // The instruction runs again, and the signal kills.
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: size_t) -> *mut c_void {
    // SAFETY: passed on as it came.
    block(size).unwrap_or_else(|| unsafe { __libc_malloc(size) })
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: size_t, size: size_t) -> *mut c_void {
    let fenced = count.checked_mul(size).and_then(block);
    // SAFETY: passed on as it came.
    fenced.unwrap_or_else(|| unsafe { __libc_calloc(count, size) })
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(old: *mut c_void, size: size_t) -> *mut c_void {
    if !holds(old as usize) {
        // SAFETY: passed on as it came.
        return unsafe { __libc_realloc(old, size) };
    }
    let length = length_of(old as usize).load(Ordering::Relaxed);
    if length == FREED {
        record::freed();
    }
    // SAFETY: the old block has that many bytes, and the new one is another.
    unsafe {
        let new = malloc(size);
        if !new.is_null() {
            std::ptr::copy_nonoverlapping(old.cast::<u8>(), new.cast(), length.min(size));
            fence_off(old as usize);
        }
        new
    }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if holds(block as usize) {
        fence_off(block as usize);
    } else {
        // SAFETY: passed on as it came.
        unsafe { __libc_free(block) };
    }
}

/// # Safety
///
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> size_t {
    if holds(block as usize) {
        return length_of(block as usize).load(Ordering::Relaxed);
    }
    let real = super::real::real!(c"malloc_usable_size" => fn(*mut c_void) -> size_t);
    // SAFETY: passed on as it came.
    unsafe { real(block) }
}
