//! The table of calls: one row per C function, macro or word that a scenario may call.
//!
//! The parser, the checks, the driver, the documentation (`tstate api`) and conformance all read these rows. The text
//! of a row is a summary; the steps are in the runtime.

mod call;
mod row;

pub use call::Call;
pub use row::{Attachment, CallRef, Class, Parameter, Row, Type};

/// Every row, grouped as the C-API page groups them.
#[must_use]
pub fn rows() -> &'static [&'static [Row]] {
    &[]
}

/// The row of a C name or of one of its aliases.
#[must_use]
pub fn find(name: &str) -> Option<CallRef> {
    for (group, rows) in (0_u8..).zip(rows()) {
        for (place, row) in (0_u8..).zip(rows.iter()) {
            if row.name == name || row.aliases.contains(&name) {
                return Some(CallRef { group, place });
            }
        }
    }
    None
}
