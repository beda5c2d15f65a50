//! The names of the language that are no calls: C's types and constants, fields of structures; and likeness of names.

use super::calls::Type;
use crate::runtime::ConfigField;

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

/// The fields of a structure that scenarios may write, by their places.
pub fn fields(kind: Type) -> impl Iterator<Item = &'static str> {
    let own = (kind == Type::InterpreterConfig).then_some(CONFIG_FIELDS);
    let runtime = (kind == Type::Config).then_some(ConfigField::ALL);
    let named = runtime.into_iter().flatten().map(|field| field.name());
    own.into_iter().flatten().chain(named)
}

/// The fields of `_PyInterpreterConfig_LEGACY_INIT`, in the order of [`CONFIG_FIELDS`].
pub const CONFIG_LEGACY: [i64; 7] = [1, 1, 1, 1, 1, 0, 1];

/// The fields of `_PyInterpreterConfig_INIT`, in the order of [`CONFIG_FIELDS`].
pub const CONFIG_ISOLATED: [i64; 7] = [0, 0, 0, 1, 0, 1, 2];

/// C's constants and their values.
pub const CONSTANTS: [(&str, i64, Type); 28] = [
    ("PyExc_Exception", 1, Type::Object),
    ("PyExc_RuntimeError", 2, Type::Object),
    ("PyExc_KeyboardInterrupt", 3, Type::Object),
    ("PyExc_SystemExit", 4, Type::Object),
    ("PyGILState_LOCKED", 0, Type::GilState),
    ("PyGILState_UNLOCKED", 1, Type::GilState),
    ("PyTrace_CALL", 0, Type::Int),
    ("PyTrace_EXCEPTION", 1, Type::Int),
    ("PyTrace_LINE", 2, Type::Int),
    ("PyTrace_RETURN", 3, Type::Int),
    ("PyTrace_C_CALL", 4, Type::Int),
    ("PyTrace_C_EXCEPTION", 5, Type::Int),
    ("PyTrace_C_RETURN", 6, Type::Int),
    ("PyTrace_OPCODE", 7, Type::Int),
    ("PyRefTracer_CREATE", 0, Type::Int),
    ("PyRefTracer_DESTROY", 1, Type::Int),
    ("PyRefTracer_TRACKER_REMOVED", 2, Type::Int),
    ("PyInterpreterConfig_DEFAULT_GIL", 0, Type::Int),
    ("PyInterpreterConfig_SHARED_GIL", 1, Type::Int),
    ("PyInterpreterConfig_OWN_GIL", 2, Type::Int),
    ("DEFAULT_GIL", 0, Type::Int),
    ("SHARED_GIL", 1, Type::Int),
    ("OWN_GIL", 2, Type::Int),
    ("Py_MOD_GIL_USED", 0, Type::Int),
    ("Py_MOD_GIL_NOT_USED", 1, Type::Int),
    ("true", 1, Type::Int),
    ("false", 0, Type::Int),
    ("EOF", -1, Type::Int),
];

/// C's types by their words; a trailing `*` is written where a pointer is meant.
const TYPES: [(&str, Type); 42] = [
    ("PyThreadState", Type::ThreadState),
    ("PyInterpreterState", Type::Interpreter),
    ("PyGILState_STATE", Type::GilState),
    ("PyStatus", Type::Status),
    ("PyObject", Type::Object),
    ("PyFrameObject", Type::Frame),
    ("PyMutex", Type::Mutex),
    ("Py_tss_t", Type::TssKey),
    ("PyConfig", Type::Config),
    ("PyPreConfig", Type::PreConfig),
    ("PyInterpreterConfig", Type::InterpreterConfig),
    ("PyCriticalSection", Type::CriticalSection),
    ("PyCriticalSection2", Type::CriticalSection2),
    ("PyInterpreterGuard", Type::Guard),
    ("PyInterpreterView", Type::View),
    ("PyThreadStateToken", Type::Token),
    ("Py_tracefunc", Type::Function),
    ("PyRefTracer", Type::Function),
    ("_PyFrameEvalFunction", Type::Function),
    ("int", Type::Int),
    ("unsigned", Type::Int),
    ("unsigned int", Type::Int),
    ("long", Type::Int),
    ("unsigned long", Type::Int),
    ("long long", Type::Int),
    ("unsigned long long", Type::Int),
    ("short", Type::Int),
    ("bool", Type::Int),
    ("_Bool", Type::Int),
    ("size_t", Type::Int),
    ("ssize_t", Type::Int),
    ("Py_ssize_t", Type::Int),
    ("int32_t", Type::Int),
    ("uint32_t", Type::Int),
    ("int64_t", Type::Int),
    ("uint64_t", Type::Int),
    ("intptr_t", Type::Int),
    ("uintptr_t", Type::Int),
    ("void", Type::Pointer),
    ("char", Type::Text),
    ("wchar_t", Type::Text),
    ("auto", Type::Any),
];

/// The type that the words of a declaration name, without their `*`. `const`, `static` and `struct` mean nothing.
#[must_use]
pub fn c_type(words: &str) -> Option<Type> {
    let mut plain: Vec<&str> = words
        .split(' ')
        .filter(|word| !matches!(*word, "const" | "static" | "volatile" | "struct"))
        .collect();
    if plain.is_empty() {
        // A qualifier alone: the type's name follows.
        plain.push("int");
    }
    let plain = plain.join(" ");
    let found = TYPES.iter().find(|(name, _)| *name == plain);
    found.map(|(_, kind)| *kind)
}

/// The names of the types, for suggestions.
pub(super) fn type_names() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

/// The constant of that name.
#[must_use]
pub fn constant(name: &str) -> Option<(i64, Type)> {
    let found = CONSTANTS.iter().find(|(constant, _, _)| *constant == name);
    found.map(|(_, value, kind)| (*value, *kind))
}

/// The candidate that is most like a misspelt name; the first of several. `None` if none is like it.
#[must_use]
pub fn similar<'name>(
    name: &str,
    candidates: impl Iterator<Item = &'name str>,
) -> Option<&'name str> {
    // Nobody misspells a name of this length, and comparing takes time and memory.
    if name.len() > 80 {
        return None;
    }
    // A third of the letters may differ: two-letter names are too easily like each other.
    let limit = name.len() / 3;
    let lower = name.to_ascii_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase());
        if distance <= limit && candidate != name && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
