//! The table of calls: one row per C function, macro, type, constant or word that a scenario may name.
//!
//! The parser, the checks, the driver, the documentation (`tstate api`) and conformance all read these rows. The text
//! of a row is a summary; the steps are in the runtime.

mod call;
mod declaration;
mod row;

mod attach;
mod configure;
mod internal;
mod interpreters;
mod lifecycle;
mod locks;
mod observe;
mod origin;
mod words;

pub use call::Call;
pub use origin::Origin;
pub use row::{Attachment, CallRef, Class, Kind, Modelled, Parameter, Row, Type};

/// The rows by subject, in reading order.
const GROUPS: [&[Row]; 8] = [
    lifecycle::ROWS,
    attach::ROWS,
    interpreters::ROWS,
    observe::ROWS,
    locks::ROWS,
    words::ROWS,
    configure::ROWS,
    internal::ROWS,
];

/// Every row, grouped by subject.
#[must_use]
pub fn rows() -> &'static [&'static [Row]] {
    &GROUPS
}

/// What a scenario can call by that name.
#[must_use]
pub fn find(name: &str) -> Option<CallRef> {
    find_kind(name, |kind| matches!(kind, Kind::Function | Kind::Word))
}

/// The macro of that name that opens or closes a block.
#[must_use]
pub fn find_macro(name: &str) -> Option<CallRef> {
    find_kind(name, |kind| kind == Kind::Macro)
}

/// The global variable of that name.
#[must_use]
pub fn find_global(name: &str) -> Option<CallRef> {
    find_kind(name, |kind| kind == Kind::Global)
}

/// The names of everything that can be called, for suggestions.
pub fn names() -> impl Iterator<Item = &'static str> {
    let callable = |row: &&Row| matches!(row.kind, Kind::Function | Kind::Word);
    GROUPS
        .iter()
        .flat_map(|rows| rows.iter())
        .filter(callable)
        .flat_map(Row::names)
}

fn find_kind(name: &str, wanted: impl Fn(Kind) -> bool) -> Option<CallRef> {
    for (group, rows) in (0_u8..).zip(rows()) {
        for (place, row) in (0_u8..).zip(rows.iter()) {
            if wanted(row.kind) && (row.name == name || row.aliases.contains(&name)) {
                return Some(CallRef { group, place });
            }
        }
    }
    None
}
