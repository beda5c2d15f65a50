//! What the first bytes of a file say: whether it is a shared library that this machine can load.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Bytes of the header that are read.
const HEADER_BYTES: usize = 20;

/// The header's number of a shared object.
const SHARED_OBJECT: u16 = 3;

/// The header's number of the machine that this program was built for; `None` if it is not known here.
const MACHINE: Option<u16> = if cfg!(target_arch = "x86_64") {
    Some(62)
} else if cfg!(target_arch = "aarch64") {
    Some(183)
} else {
    None
};

/// Why the file cannot be loaded; `None` if nothing in its header speaks against it.
pub(super) fn fault(path: &Path) -> Option<String> {
    let mut header = [0; HEADER_BYTES];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    if let Err(error) = read {
        if error.kind() == ErrorKind::UnexpectedEof {
            return Some("the file is too short for a library".to_owned());
        }
        let text = error.to_string().to_lowercase();
        return Some(text.split(" (os error").next().unwrap_or(&text).to_owned());
    }
    judge(&header)
}

fn judge(header: &[u8; HEADER_BYTES]) -> Option<String> {
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let fault = if !header.starts_with(b"\x7fELF") {
        "the file is no ELF library"
    } else if header[4] != 2 || header[5] != 1 {
        "the library is not a 64-bit little-endian one"
    } else if number(16) != SHARED_OBJECT {
        "the file is no shared library"
    } else if MACHINE.is_some_and(|machine| machine != number(18)) {
        "the library was built for another kind of processor"
    } else {
        return None;
    };
    Some(fault.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{HEADER_BYTES, MACHINE, judge};

    fn header(change: impl FnOnce(&mut [u8; HEADER_BYTES])) -> Option<String> {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16] = 3;
        bytes[18..20].copy_from_slice(&MACHINE.unwrap_or(0).to_le_bytes());
        change(&mut bytes);
        judge(&bytes)
    }

    #[test]
    fn only_a_shared_library_of_this_machine_passes() {
        assert_eq!(header(|_| {}), None);
        let faults = [
            header(|bytes| bytes[0] = b'!'),
            header(|bytes| bytes[4] = 1),
            header(|bytes| bytes[16] = 2),
            header(|bytes| bytes[18] = 40),
        ];
        assert!(faults.iter().all(Option::is_some), "{faults:?}");
    }
}
