//! The names of the language that are no calls: constants and fields of structures, with their C values.

/// The fields of `PyInterpreterConfig` in C's order.
pub const CONFIG_FIELDS: [&str; 7] = [
    "use_main_obmalloc",
    "allow_fork",
    "allow_exec",
    "allow_threads",
    "allow_daemon_threads",
    "check_multi_interp_extensions",
    "gil",
];
