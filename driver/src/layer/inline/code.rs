//! The library's code in memory: its functions, and what their instructions do.

use super::super::fence;
use gimli::{BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, NativeEndian, UnwindSection};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use libc::{c_int, c_void, dl_phdr_info, size_t};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of the longest instruction.
const LONGEST: usize = 15;

/// A program or library in memory.
#[derive(Debug, Default)]
pub(super) struct Image {
    /// An address in its code.
    code: usize,
    /// Its parts.
    loaded: Vec<Range<usize>>,
    /// The table by which frames are unwound.
    table: Option<usize>,
}

/// A place to stop at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Where.
    pub(super) address: usize,
    /// What the instruction begins with.
    pub(super) byte: u8,
    /// It is a point itself, and does not only begin a window.
    pub(super) is_point: bool,
}

impl Image {
    /// The program or library that the address is in.
    pub(super) fn of(code: usize) -> Self {
        let mut image = Self {
            code,
            ..Self::default()
        };
        // SAFETY: the function is given each library's description, and `image` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut image).cast()) };
        image
    }

    fn holds(&self, address: usize) -> bool {
        self.loaded.iter().any(|part| part.contains(&address))
    }

    /// The part that its code is in.
    pub(super) fn code(&self) -> Range<usize> {
        let part = self.loaded.iter().find(|part| part.contains(&self.code));
        part.cloned().unwrap_or_default()
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

fn decoder(bytes: &'static [u8], address: usize) -> Decoder<'static> {
    Decoder::with_ip(64, bytes, address as u64, DecoderOptions::NONE)
}

fn has_memory(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|at| instruction.op_kind(at) == OpKind::Memory)
}

/// Whether the instruction is one that other processors see as one.
fn is_atomic(instruction: &Instruction) -> bool {
    let exchanges = instruction.mnemonic() == Mnemonic::Xchg && has_memory(instruction);
    instruction.has_lock_prefix() || exchanges || instruction.mnemonic() == Mnemonic::Mfence
}

/// Whether the instruction there is one that the processor is about to execute, and accesses memory.
pub(super) fn is_access(address: usize) -> bool {
    // SAFETY: the processor is about to execute what lies there, and an instruction is not longer.
    let bytes = unsafe { std::slice::from_raw_parts(address as *const u8, LONGEST) };
    let instruction = decoder(bytes, address).decode();
    !instruction.is_invalid() && accesses(&instruction)
}

/// Whether the instruction reads or writes memory other than the stack, and goes on to the next one.
fn accesses(instruction: &Instruction) -> bool {
    instruction.flow_control() == FlowControl::Next
        && has_memory(instruction)
        && !matches!(instruction.memory_base(), Register::RSP)
        && !matches!(instruction.mnemonic(), Mnemonic::Lea | Mnemonic::Nop)
}

/// Whose calls are points: those that the program stands in for, but for memory.
struct Calls {
    library: Image,
    program: Image,
    known: BTreeMap<usize, bool>,
}

impl Calls {
    /// Whether the call's target only jumps to a function of the program.
    fn leads_to_ours(&mut self, target: usize) -> bool {
        if let Some(known) = self.known.get(&target) {
            return *known;
        }
        let mut decoder = decoder(self.library.from(target), target);
        let mut first = decoder.decode();
        if first.mnemonic() == Mnemonic::Endbr64 {
            first = decoder.decode();
        }
        let jumps = first.mnemonic() == Mnemonic::Jmp && first.is_ip_rel_memory_operand();
        let is_ours = jumps && self.is_ours(first.memory_displacement64() as usize);
        self.known.insert(target, is_ours);
        is_ours
    }

    /// Whether the library's slot there holds a function of the program.
    fn is_ours(&self, slot: usize) -> bool {
        if !self.library.holds(slot) {
            return false;
        }
        // SAFETY: the slot is loaded, and all are filled when a library is opened.
        let function = unsafe { (slot as *const usize).read_unaligned() };
        self.program.holds(function) && !fence::is_function(function)
    }

    fn is_call_of_ours(&mut self, instruction: &Instruction) -> bool {
        match instruction.flow_control() {
            FlowControl::Call => self.leads_to_ours(instruction.near_branch_target() as usize),
            FlowControl::IndirectCall if instruction.is_ip_rel_memory_operand() => {
                self.is_ours(instruction.memory_displacement64() as usize)
            }
            FlowControl::Next
            | FlowControl::UnconditionalBranch
            | FlowControl::IndirectBranch
            | FlowControl::ConditionalBranch
            | FlowControl::Return
            | FlowControl::IndirectCall
            | FlowControl::Interrupt
            | FlowControl::XbeginXabortXend
            | FlowControl::Exception => false,
        }
    }
}

/// The places of the library that has this address: atomic operations, and if so asked where calls of ours return.
pub(super) fn places(code: usize, returns: bool) -> Result<Vec<Place>, String> {
    let library = Image::of(code);
    let functions = functions(&library)?;
    let mut calls = Calls {
        library,
        program: Image::of(places as *const () as usize),
        known: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for function in functions {
        let bytes = calls.library.from(function.start);
        let bytes = bytes.get(..function.len()).unwrap_or_default();
        let mut decoder = decoder(bytes, function.start);
        let mut after_call = false;
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                continue;
            }
            let is_atomic = is_atomic(&instruction);
            let address = instruction.ip() as usize;
            if is_atomic || after_call {
                found.push(Place {
                    address,
                    byte: bytes[address - function.start],
                    is_point: is_atomic || accesses(&instruction),
                });
            }
            after_call = returns && calls.is_call_of_ours(&instruction);
        }
    }
    found.sort_unstable();
    found.dedup_by_key(|place| place.address);
    Ok(found)
}
