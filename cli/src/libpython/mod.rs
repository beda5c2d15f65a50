//! Real libpythons: which ones are at hand, what each of them is, and whether it can be driven.

mod discover;
mod elf;
mod place;
mod probe;
mod survey;

pub use discover::{Surroundings, discover};
pub use place::{Found, Libpython, Origin, Sysroot, Without, at};
pub use probe::{Build, Identity, Refusal, probe};
pub use survey::{Known, Survey, Wanted, survey};
