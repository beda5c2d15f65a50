//! Diagnostics about scenario files, as plain data.
