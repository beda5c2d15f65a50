//! The global configuration flags, types of configuration, and other names that are no calls.

use super::row::entry;
use super::{Kind, Row};

const fn flag(name: &'static str, summary: &'static str) -> Row {
    entry(Kind::Global, name, summary).deprecated(12)
}

pub(super) const ROWS: &[Row] = &[
    flag("Py_BytesWarningFlag", "feeds `bytes_warning`: `-b`"),
    flag("Py_DebugFlag", "feeds `parser_debug`: `-d`"),
    flag(
        "Py_DontWriteBytecodeFlag",
        "feeds `write_bytecode`, inverted: `-B`",
    ),
    flag("Py_FrozenFlag", "feeds `pathconfig_warnings`, inverted"),
    flag("Py_HashRandomizationFlag", "feeds `use_hash_seed`"),
    flag(
        "Py_IgnoreEnvironmentFlag",
        "feeds `use_environment`, inverted: `-E`",
    ),
    flag("Py_InspectFlag", "feeds `inspect`: `-i`"),
    flag("Py_InteractiveFlag", "feeds `interactive`: `-i`"),
    flag("Py_IsolatedFlag", "feeds `isolated`: `-I`"),
    flag(
        "Py_LegacyWindowsFSEncodingFlag",
        "feeds `legacy_windows_fs_encoding`",
    ),
    flag("Py_LegacyWindowsStdioFlag", "feeds `legacy_windows_stdio`"),
    flag("Py_NoSiteFlag", "feeds `site_import`, inverted: `-S`"),
    flag(
        "Py_NoUserSiteDirectory",
        "feeds `user_site_directory`, inverted: `-s`",
    ),
    flag("Py_OptimizeFlag", "feeds `optimization_level`: `-O`"),
    flag("Py_QuietFlag", "feeds `quiet`: `-q`"),
    flag(
        "Py_UnbufferedStdioFlag",
        "feeds `buffered_stdio`, inverted: `-u`",
    ),
    flag("Py_VerboseFlag", "feeds `verbose`: `-v`"),
    entry(Kind::Constant, "Py_Version", "the version as a number").since(11),
    entry(Kind::Type, "PyStatus", "success, an error or an exit"),
    entry(Kind::Type, "PyConfig", "how the runtime is initialized"),
    entry(
        Kind::Type,
        "PyPreConfig",
        "how the runtime is pre-initialized",
    ),
];
