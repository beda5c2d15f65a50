//! Points of a run at the library's inline atomics, where it calls nobody: locked instructions, exchanges and fences. A
//! `PyMutex` nobody waits for, the lock of the lists of thread states since 3.13 among them, is one; so is what asks the
//! holder of the GIL to give it up.
//!
//! What is only read or written, atomic or not, is an ordinary instruction and no point.
//!
//! # Protocol
//!
//! 1. Before the first run, the instructions are found: functions by the tables by which the library's frames are unwound,
//!    so that nothing is taken for code that is none, and instructions by a decoder ([`find`]).
//! 2. A run puts a breakpoint on the first byte of each ([`arm`]). Its code is its own copy; others do not see it.
//! 3. Whoever comes to one is interrupted by `SIGTRAP` before the instruction. It stands at a point ([`step_at`]); others may
//!    go on, and come to the same place.
//! 4. When it goes on, it puts the byte back and has the processor interrupt it after one instruction, then puts the
//!    breakpoint there again. Meanwhile it has the turn, so nobody passes where the breakpoint is not.
//!
//! # Loops
//!
//! Of an instruction that a thread comes to again and again, with no other point of anybody in between, the first two times
//! are points, then every time that is a power of two or a multiple of [`SEEN_OFTEN`]. Such loops empty tables, of a
//! thousand objects or one; what spins waits for others, who get their turn.

use crate::python;
use std::sync::OnceLock;

/// Where the instructions are and what they begin with, by address.
static PLACES: OnceLock<Vec<(usize, u8)>> = OnceLock::new();

/// Finds the instructions of the library that is open.
///
/// # Errors
///
/// The library has no tables for unwinding, or the machine is not one that is known.
pub fn find() -> Result<(), String> {
    let code = python::symbol("Py_GetVersion").ok_or("no library is open")?;
    let mut places = machine::places(code)?;
    places.sort_unstable();
    places.dedup();
    PLACES.get_or_init(|| places);
    Ok(())
}

/// From here on the library's inline atomics are points of the run, in this process.
///
/// # Errors
///
/// The library's code may not be changed.
pub fn arm() -> Result<(), String> {
    match PLACES.get() {
        Some(places) => machine::arm(places),
        None => Ok(()),
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod machine {
    pub(super) fn places(_: usize) -> Result<Vec<(usize, u8)>, String> {
        Err("inline atomics are known on x86-64 only".to_owned())
    }

    pub(super) fn arm(_: &[(usize, u8)]) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::PLACES;
    use crate::schedule::{is_scheduled, own, step_at};
    use gimli::{BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, NativeEndian, UnwindSection};
    use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
    use libc::{c_int, c_void, dl_phdr_info, siginfo_t, size_t, ucontext_t};
    use std::cell::Cell;
    use std::ops::Range;

    const PAGE: usize = 4096;
    /// The instruction that interrupts.
    const BREAKPOINT: u8 = 0xcc;
    /// The processor's flag to interrupt after the next instruction.
    const TRAP_FLAG: i64 = 1 << 8;

    /// See the module's documentation.
    const SEEN_OFTEN: u64 = 64;

    thread_local! {
        /// The place where the thread stood last, how often in a row, and how far the run was then.
        static LAST: Cell<(usize, u64, u64)> = const { Cell::new((0, 0, 0)) };
        /// The place whose instruction the thread is about to have done; 0 outside.
        static STEPPING: Cell<usize> = const { Cell::new(0) };
        /// The thread stands at a point.
        static STANDS: Cell<bool> = const { Cell::new(false) };
    }

    /// A library in memory.
    #[derive(Debug, Default)]
    struct Image {
        /// An address in its code.
        code: usize,
        /// Its parts.
        loaded: Vec<Range<usize>>,
        /// The table by which frames are unwound.
        table: Option<usize>,
    }

    impl Image {
        /// The library that the address is in.
        fn of(code: usize) -> Self {
            let mut image = Self {
                code,
                ..Self::default()
            };
            // SAFETY: the function is given each library's description, and `image` outlives the call.
            unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut image).cast()) };
            image
        }

        /// What is loaded from the address to the end of its part.
        fn from(&self, address: usize) -> &'static [u8] {
            let part = self.loaded.iter().find(|part| part.contains(&address));
            let end = part.map_or(address, |part| part.end);
            // SAFETY: the part is loaded and stays; nobody writes while it is looked at.
            unsafe { std::slice::from_raw_parts(address as *const u8, end - address) }
        }
    }

    unsafe extern "C" fn look(about: *mut dl_phdr_info, _: size_t, found: *mut c_void) -> c_int {
        // SAFETY: the caller passes a description that holds for this call, and what `Image::of` gave it.
        let (about, image) = unsafe { (&*about, &mut *found.cast::<Image>()) };
        let count = usize::from(about.dlpi_phnum);
        // SAFETY: there are that many headers.
        let headers = unsafe { std::slice::from_raw_parts(about.dlpi_phdr, count) };
        let base = about.dlpi_addr as usize;
        let of_kind = |kind| headers.iter().filter(move |header| header.p_type == kind);
        let begin = |header: &libc::Elf64_Phdr| base + header.p_vaddr as usize;
        let parts = of_kind(libc::PT_LOAD)
            .map(|header| begin(header)..begin(header) + header.p_filesz as usize);
        let parts: Vec<Range<usize>> = parts.collect();
        if !parts.iter().any(|part| part.contains(&image.code)) {
            return 0;
        }
        image.table = of_kind(libc::PT_GNU_EH_FRAME).next().map(begin);
        image.loaded = parts;
        1
    }

    /// The code of all functions of the library.
    fn functions(image: &Image) -> Result<Vec<Range<usize>>, String> {
        let lacks = |_: gimli::Error| "the library's tables of frames cannot be read".to_owned();
        let table = image.table.ok_or("the library has no tables of frames")?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(table as u64);
        let header = EhFrameHdr::new(image.from(table), NativeEndian);
        let header = header.parse(&bases, 8).map_err(lacks)?;
        let gimli::Pointer::Direct(frames) = header.eh_frame_ptr() else {
            return Err("the library's tables of frames are elsewhere".to_owned());
        };
        let bases = bases.set_eh_frame(frames);
        let section = EhFrame::new(image.from(frames as usize), NativeEndian);
        let mut entries = section.entries(&bases);
        let mut found = Vec::new();
        while let Some(entry) = entries.next().map_err(lacks)? {
            if let CieOrFde::Fde(entry) = entry {
                let entry = entry.parse(EhFrame::cie_from_offset).map_err(lacks)?;
                let begin = entry.initial_address() as usize;
                found.push(begin..begin + entry.len() as usize);
            }
        }
        Ok(found)
    }

    /// Whether the instruction is one that other processors see as one.
    fn is_atomic(instruction: &Instruction) -> bool {
        let exchanges = instruction.mnemonic() == Mnemonic::Xchg
            && (0..instruction.op_count()).any(|at| instruction.op_kind(at) == OpKind::Memory);
        instruction.has_lock_prefix() || exchanges || instruction.mnemonic() == Mnemonic::Mfence
    }

    pub(super) fn places(code: usize) -> Result<Vec<(usize, u8)>, String> {
        let image = Image::of(code);
        let mut places = Vec::new();
        for function in functions(&image)? {
            let bytes = image.from(function.start);
            let bytes = bytes.get(..function.len()).unwrap_or_default();
            let mut decoder =
                Decoder::with_ip(64, bytes, function.start as u64, DecoderOptions::NONE);
            while decoder.can_decode() {
                let instruction = decoder.decode();
                if !instruction.is_invalid() && is_atomic(&instruction) {
                    let place = instruction.ip() as usize;
                    places.push((place, bytes[place - function.start]));
                }
            }
        }
        Ok(places)
    }

    pub(super) fn arm(places: &[(usize, u8)]) -> Result<(), String> {
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = interrupts;
        // SAFETY: all bytes zero are an action with no signals blocked; the handler has the type that its flag asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
            libc::sigaction(libc::SIGTRAP, &action, std::ptr::null_mut());
        }
        for (place, _) in places {
            let page = place - place % PAGE;
            let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            // SAFETY: the page is the library's code, which this process alone changes.
            let failed = unsafe { libc::mprotect(page as *mut c_void, PAGE, access) } != 0;
            if failed {
                return Err("the library's code cannot be changed here".to_owned());
            }
            set(*place, BREAKPOINT);
        }
        Ok(())
    }

    /// Writes the first byte of the instruction there.
    fn set(place: usize, byte: u8) {
        // SAFETY: `arm` made the page writable, and nobody else runs the library's code now.
        unsafe { (place as *mut u8).write_volatile(byte) };
    }

    /// What the instruction there begins with.
    fn first_byte(place: usize) -> Option<u8> {
        let places = PLACES.get()?;
        let at = places.binary_search_by_key(&place, |(place, _)| *place);
        at.ok().map(|at| places[at].1)
    }

    extern "C" fn interrupts(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the kernel passes the thread's registers, which are this handler's to change.
        let registers = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs };
        let flags = libc::REG_EFL as usize;
        let stepped = STEPPING.replace(0);
        if stepped != 0 {
            set(stepped, BREAKPOINT);
            registers[flags] &= !TRAP_FLAG;
            return;
        }
        let next = libc::REG_RIP as usize;
        let place = registers[next] as usize - 1;
        let Some(byte) = first_byte(place) else {
            // It is not ours: it kills, as it would have.
            // SAFETY: gives the signal its default action, and sends it to this thread.
            unsafe {
                libc::signal(libc::SIGTRAP, libc::SIG_DFL);
                libc::raise(libc::SIGTRAP);
            }
            return;
        };
        stand(place);
        set(place, byte);
        STEPPING.set(place);
        registers[next] = place as i64;
        registers[flags] |= TRAP_FLAG;
    }

    /// The calling thread is at a point, unless it is none of the run, or is at one already, or is the only one left.
    fn stand(place: usize) {
        let is_point = is_scheduled() && !STANDS.get() && own(|schedule| schedule.has_others());
        if !is_point || is_repeated(place) {
            return;
        }
        STANDS.set(true);
        // SAFETY: the place is the calling thread's.
        let error = unsafe { *libc::__errno_location() };
        let before = own(|schedule| schedule.version());
        step_at(place);
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = error };
        STANDS.set(false);
        // If nobody else went on, it is one operation further.
        let (_, times, _) = LAST.get();
        LAST.set((place, times, before + 1));
    }

    /// Whether the thread was here often, and nothing else has happened.
    fn is_repeated(place: usize) -> bool {
        let (last, times, version) = LAST.get();
        let again = last == place && version == own(|schedule| schedule.version());
        let times = if again { times + 1 } else { 1 };
        LAST.set((place, times, version));
        !times.is_power_of_two() && !times.is_multiple_of(SEEN_OFTEN)
    }
}
