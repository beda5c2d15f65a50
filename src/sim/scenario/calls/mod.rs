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
