//! Functions that CPython's internals of 3.8 name. They have no step of their own in a scenario: each is a part of a
//! call above, and stands here so that its name is known.

use super::Parameter::In;
use super::Type::{Config, Int, Interpreter, Object, Pointer, Status, Text, ThreadState, Void};
use super::row::{core, data, surface};
use super::{Parameter, Row};

const NONE: &[Parameter] = &[];
const STATE: &[Parameter] = &[In(ThreadState)];

pub(super) const ROWS: &[Row] = &[
    core("new_threadstate", &[In(Interpreter), In(Int)], ThreadState)
        .until(8)
        .says("`PyThreadState_New()` inside"),
    core("_PyThreadState_Init", STATE, Void)
        .until(8)
        .says("notes a state as the thread's and counts it"),
    surface("_PyThreadState_GetFrame", STATE, super::Type::Frame)
        .until(8)
        .says("the getter of frames"),
    core("_PyRuntimeGILState_GetThreadState", NONE, ThreadState)
        .until(8)
        .says("reads the current state"),
    core("_PyRuntimeGILState_SetThreadState", STATE, Void)
        .until(8)
        .says("writes the current state"),
    core("_Py_atomic_load_relaxed", &[In(Pointer)], Pointer).says("a relaxed load of one word"),
    core(
        "_Py_atomic_store_relaxed",
        &[In(Pointer), In(Pointer)],
        Void,
    )
    .says("a relaxed store of one word"),
    core("_Py_atomic_load_explicit", &[In(Pointer), In(Int)], Pointer)
        .until(12)
        .says("a load with an order"),
    core(
        "_Py_atomic_store_explicit",
        &[In(Pointer), In(Pointer), In(Int)],
        Void,
    )
    .until(12)
    .says("a store with an order"),
    core("HEAD_LOCK", NONE, Void)
        .blocks()
        .says("locks the list of interpreters"),
    core("HEAD_UNLOCK", NONE, Void).says("unlocks the list of interpreters"),
    surface("PyMem_RawMalloc", &[In(Int)], Pointer).says("allocates without a thread state"),
    surface("PyMem_RawFree", &[In(Pointer)], Void).says("frees without a thread state"),
    surface("_PyConfig_Copy", &[In(Config), In(Config)], Status).says("copies a configuration"),
    surface(
        "_PyEval_EvalFrameDefault",
        &[In(ThreadState), In(Pointer), In(Int)],
        Object,
    )
    .attached()
    .says("evaluates a frame"),
    data("_PyStatus_OK", NONE, Status).says("success"),
    data("_PyStatus_ERR", &[In(Text)], Status).says("an error"),
    data("_PyStatus_EXCEPTION", &[In(Status)], Int).says("whether a status is an error or an exit"),
    core("new_interpreter", &[In(Pointer)], Status)
        .until(11)
        .blocks()
        .says("`Py_NewInterpreter()` inside"),
    core("_PyRuntime_Initialize", NONE, Status).says("initializes the runtime once"),
    surface("PyDict_New", NONE, Object)
        .attached()
        .says("makes a dictionary"),
    surface(
        "PyDict_SetItemString",
        &[In(Object), In(Text), In(Object)],
        Int,
    )
    .attached()
    .says("sets an item"),
    surface("PyModule_GetDict", &[In(Object)], Object)
        .attached()
        .says("a module's dictionary"),
    surface("_PyExc_Init", NONE, Status).says("step of a new interpreter: exceptions"),
    surface("_PyErr_Init", NONE, Status).says("step of a new interpreter: errors"),
    surface("_PyImport_FindBuiltin", &[In(Text), In(Object)], Object)
        .until(11)
        .says("step: finds a built-in module"),
    surface("_PySys_InitMain", NONE, Int)
        .until(8)
        .says("step: finishes `sys`"),
    surface("_PyBuiltins_AddExceptions", &[In(Object)], Status)
        .says("step: exceptions into `builtins`"),
    surface("_PySys_SetPreliminaryStderr", &[In(Object)], Status)
        .says("step: a first `sys.stderr`"),
    surface("_PyImportHooks_Init", NONE, Status).says("step: import hooks"),
    surface("init_importlib", NONE, Status).says("step: `importlib`"),
    surface("init_importlib_external", NONE, Status).says("step: `importlib` from files"),
    surface("_PyUnicode_InitEncodings", NONE, Status).says("step: encodings"),
    surface("init_sys_streams", NONE, Status).says("step: standard streams"),
    surface("add_main_module", &[In(Interpreter)], Status).says("step: `__main__`"),
    surface("init_import_site", NONE, Status).says("step: `site`"),
];
