//! The swappable primitives: the only folder that names `parking_lot`, `loom`, `std::sync` and `std::thread`.
