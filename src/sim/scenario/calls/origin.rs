//! Where names come from: the page of the C API that declares them, what else that page names, the internals of 3.8, PEP 788;
//! and where each is documented.

use super::Row;

/// The manual whose pages are linked to: the newest release that is out.
const MANUAL: &str = "https://docs.python.org/3.14/";
/// Where the sources of 3.8 are read.
const SOURCES: &str = "https://github.com/python/cpython/blob/3.8/";

/// Where a name comes from. A name can have several origins, or none: then the model needs it beside those that have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Declared on the page "Initialization, Finalization, and Threads".
    Declared,
    /// Named there, and declared elsewhere or not at all.
    Mentioned,
    /// Among the internals behind `Py_NewInterpreter` in 3.8.
    Internals,
    /// Added by PEP 788, in 3.15.
    Pep788,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Declared,
        Self::Mentioned,
        Self::Internals,
        Self::Pep788,
    ];

    /// Its names, in the order of their source.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Declared => DECLARED.to_vec(),
            Self::Mentioned => MENTIONED.to_vec(),
            Self::Internals => INTERNALS
                .iter()
                .flat_map(|(_, names)| names.iter().copied())
                .collect(),
            Self::Pep788 => PEP_788.to_vec(),
        }
    }
}

impl Row {
    /// Where the name comes from.
    #[must_use]
    pub fn origins(&self) -> Vec<Origin> {
        let mut origins = Origin::ALL.to_vec();
        origins.retain(|origin| self.names().any(|name| origin.names().contains(&name)));
        origins
    }

    /// The name and its other names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The address of its documentation; of an internal name, of the source that has it.
    #[must_use]
    pub fn documentation(&self) -> String {
        let name = self.name;
        if let Some((_, place)) = WORDS.iter().find(|(word, _)| *word == name) {
            return format!("{MANUAL}{place}");
        }
        if PEP_788.contains(&name) {
            return "https://peps.python.org/pep-0788/".to_owned();
        }
        if DECLARED.contains(&name) {
            return format!("{MANUAL}c-api/init.html#c.{name}");
        }
        let starts = |(start, _): &&(&str, &str)| name.starts_with(start);
        if let Some((_, page)) = PAGES.iter().find(starts) {
            return format!("{MANUAL}c-api/{page}.html#c.{name}");
        }
        let mut files = INTERNALS.iter().chain(OTHER_SOURCES);
        match files.find(|(_, names)| names.contains(&name)) {
            Some((file, _)) => format!("{SOURCES}{file}"),
            None => format!("{MANUAL}c-api/init.html#c.{name}"),
        }
    }
}

/// Which page has the names that begin so, where it is not the page of initialization; the longest beginnings first.
const PAGES: &[(&str, &str)] = &[
    ("PyConfig", "init_config"),
    ("PyPreConfig", "init_config"),
    ("PyStatus", "init_config"),
    ("Py_PreInitialize", "init_config"),
    ("_Py_InitializeMain", "init_config"),
    ("Py_ExitStatusException", "init_config"),
    ("Py_AtExit", "sys"),
    ("Py_Exit", "sys"),
    ("PyOS_", "sys"),
    ("PySys_A", "sys"),
    ("Py_DecodeLocale", "sys"),
    ("Py_EncodeLocale", "sys"),
    ("Py_Version", "apiabiversion"),
    ("PyEval_GetFrame", "reflection"),
    ("PyErr_", "exceptions"),
    ("PyExc_", "exceptions"),
    ("PyGC_", "gcsupport"),
    ("PyImport_", "import"),
    ("PyMem_", "memory"),
    ("PyDict_", "dict"),
    ("PyModule_", "module"),
    ("Py_INCREF", "refcounting"),
    ("Py_DECREF", "refcounting"),
];

/// Where the manual tells what a word of the language stands for.
const WORDS: &[(&str, &str)] = &[
    ("atexit", "library/atexit.html#atexit.register"),
    ("at_clear", "c-api/init.html#c.PyThreadState_Clear"),
    (
        "at_thread_exit",
        "c-api/init.html#non-python-created-threads",
    ),
    ("at_fork", "library/os.html#os.register_at_fork"),
    ("at_signal", "library/signal.html#signal.signal"),
    ("at_site", "library/site.html#module-sitecustomize"),
    ("at_main", "c-api/init.html#c.Py_RunMain"),
    ("alloc_hook", "c-api/memory.html#c.PyMem_SetAllocator"),
    (
        "sys._current_frames",
        "library/sys.html#sys._current_frames",
    ),
    (
        "tracemalloc.start",
        "library/tracemalloc.html#tracemalloc.start",
    ),
    (
        "tracemalloc.stop",
        "library/tracemalloc.html#tracemalloc.stop",
    ),
    (
        "interpreters.run",
        "library/concurrent.interpreters.html#concurrent.interpreters.Interpreter.exec",
    ),
    (
        "interpreters.destroy",
        "library/concurrent.interpreters.html#concurrent.interpreters.Interpreter.close",
    ),
];

/// Sources of names that the manual does not have and that are not among the internals of 3.8.
const OTHER_SOURCES: &[(&str, &[&str])] = &[
    ("Python/ceval.c", &["_PyEval_AddPendingCall"]),
    (
        "Python/pystate.c",
        &[
            "_PyGILState_GetInterpreterStateUnsafe",
            "_PyInterpreterState_GetIDObject",
        ],
    ),
];

/// The names that the page declares, in its order.
const DECLARED: [&str; 129] = [
    "Py_BytesWarningFlag",
    "Py_DebugFlag",
    "Py_DontWriteBytecodeFlag",
    "Py_FrozenFlag",
    "Py_HashRandomizationFlag",
    "Py_IgnoreEnvironmentFlag",
    "Py_InspectFlag",
    "Py_InteractiveFlag",
    "Py_IsolatedFlag",
    "Py_LegacyWindowsFSEncodingFlag",
    "Py_LegacyWindowsStdioFlag",
    "Py_NoSiteFlag",
    "Py_NoUserSiteDirectory",
    "Py_OptimizeFlag",
    "Py_QuietFlag",
    "Py_UnbufferedStdioFlag",
    "Py_VerboseFlag",
    "Py_Initialize",
    "Py_InitializeEx",
    "Py_InitializeFromConfig",
    "Py_IsInitialized",
    "Py_IsFinalizing",
    "Py_FinalizeEx",
    "Py_Finalize",
    "Py_BytesMain",
    "Py_Main",
    "Py_RunMain",
    "PyUnstable_AtExit",
    "Py_SetProgramName",
    "Py_SetPythonHome",
    "Py_GetVersion",
    "Py_GetPlatform",
    "Py_GetCopyright",
    "Py_GetCompiler",
    "Py_GetBuildInfo",
    "PySys_SetArgvEx",
    "PySys_SetArgv",
    "PyInterpreterState",
    "PyThreadState",
    "PyThreadState.interp",
    "PyEval_InitThreads",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyThreadState_Get",
    "PyThreadState_GetUnchecked",
    "PyThreadState_Swap",
    "PyEval_AcquireThread",
    "PyEval_ReleaseThread",
    "Py_BEGIN_ALLOW_THREADS",
    "Py_END_ALLOW_THREADS",
    "Py_BLOCK_THREADS",
    "Py_UNBLOCK_THREADS",
    "PyGILState_Ensure",
    "PyGILState_Release",
    "PyGILState_GetThisThreadState",
    "PyGILState_Check",
    "PyInterpreterState_New",
    "PyInterpreterState_Clear",
    "PyInterpreterState_Delete",
    "PyInterpreterState_Get",
    "PyInterpreterState_GetID",
    "PyInterpreterState_GetDict",
    "_PyFrameEvalFunction",
    "_PyInterpreterState_GetEvalFrameFunc",
    "_PyInterpreterState_SetEvalFrameFunc",
    "PyThreadState_New",
    "PyThreadState_Clear",
    "PyThreadState_Delete",
    "PyThreadState_DeleteCurrent",
    "PyThreadState_GetFrame",
    "PyThreadState_GetID",
    "PyThreadState_GetInterpreter",
    "PyThreadState_EnterTracing",
    "PyThreadState_LeaveTracing",
    "PyThreadState_GetDict",
    "PyThreadState_SetAsyncExc",
    "PyInterpreterConfig",
    "PyInterpreterConfig.use_main_obmalloc",
    "PyInterpreterConfig.allow_fork",
    "PyInterpreterConfig.allow_exec",
    "PyInterpreterConfig.allow_daemon_threads",
    "PyInterpreterConfig.check_multi_interp_extensions",
    "PyInterpreterConfig.gil",
    "PyInterpreterConfig_DEFAULT_GIL",
    "PyInterpreterConfig_SHARED_GIL",
    "PyInterpreterConfig_OWN_GIL",
    "Py_NewInterpreterFromConfig",
    "Py_NewInterpreter",
    "Py_EndInterpreter",
    "Py_AddPendingCall",
    "Py_tracefunc",
    "PyTrace_CALL",
    "PyTrace_EXCEPTION",
    "PyTrace_LINE",
    "PyTrace_RETURN",
    "PyTrace_C_CALL",
    "PyTrace_C_EXCEPTION",
    "PyTrace_C_RETURN",
    "PyTrace_OPCODE",
    "PyEval_SetProfile",
    "PyEval_SetProfileAllThreads",
    "PyEval_SetTrace",
    "PyEval_SetTraceAllThreads",
    "PyRefTracer",
    "PyRefTracer_CREATE",
    "PyRefTracer_DESTROY",
    "PyRefTracer_SetTracer",
    "PyRefTracer_GetTracer",
    "PyInterpreterState_Head",
    "PyInterpreterState_Main",
    "PyInterpreterState_Next",
    "PyInterpreterState_ThreadHead",
    "PyThreadState_Next",
    "Py_tss_t",
    "Py_tss_NEEDS_INIT",
    "PyThread_tss_alloc",
    "PyThread_tss_free",
    "PyThread_tss_is_created",
    "PyThread_tss_create",
    "PyThread_tss_delete",
    "PyMutex",
    "PyMutex_Lock",
    "PyMutex_IsLocked",
    "Py_BEGIN_CRITICAL_SECTION",
    "Py_END_CRITICAL_SECTION",
    "Py_BEGIN_CRITICAL_SECTION2",
    "Py_END_CRITICAL_SECTION2",
    "Py_BEGIN_CRITICAL_SECTION_MUTEX",
    "Py_BEGIN_CRITICAL_SECTION2_MUTEX",
];

/// The names that the page mentions and that matter to the lifecycle.
const MENTIONED: [&str; 26] = [
    "Py_AtExit",
    "PyStatus_Exception",
    "Py_ExitStatusException",
    "PyConfig_InitPythonConfig",
    "PyConfig_SetArgv",
    "PyConfig_Clear",
    "Py_DecodeLocale",
    "Py_EncodeLocale",
    "Py_Version",
    "PyGILState_STATE",
    "_PyThreadState_UncheckedGet",
    "PyThreadState.on_delete",
    "PyEval_GetFrame",
    "PyInterpreterConfig.allow_threads",
    "PyThread_tss_set",
    "PyThread_tss_get",
    "PyThread_create_key",
    "PyCriticalSection",
    "PyCriticalSection2",
    "PyCriticalSection_Begin",
    "PyCriticalSection_BeginMutex",
    "PyCriticalSection_End",
    "PyCriticalSection2_Begin",
    "PyCriticalSection2_BeginMutex",
    "PyCriticalSection2_End",
    "PyOS_AfterFork_Child",
];

/// The functions and macros of the internals, by the file of 3.8 that has them.
const INTERNALS: &[(&str, &[&str])] = &[
    (
        "Python/pystate.c",
        &[
            "PyInterpreterState_New",
            "PyThreadState_New",
            "new_threadstate",
            "_PyThreadState_Init",
            "_PyThreadState_GetFrame",
            "PyThreadState_Swap",
            "_PyThreadState_Swap",
            "_PyRuntimeGILState_GetThreadState",
            "_PyRuntimeGILState_SetThreadState",
            "PyThreadState_GET",
            "PyGILState_Check",
            "HEAD_LOCK",
            "HEAD_UNLOCK",
            "PyInterpreterState_Main",
            "PyInterpreterState_Delete",
            "PyThreadState_Clear",
            "PyThreadState_Delete",
        ],
    ),
    (
        "Include/internal/pycore_atomic.h",
        &[
            "_Py_atomic_load_relaxed",
            "_Py_atomic_store_relaxed",
            "_Py_atomic_load_explicit",
            "_Py_atomic_store_explicit",
        ],
    ),
    ("Python/thread_pthread.h", &["PyThread_get_thread_ident"]),
    ("Objects/obmalloc.c", &["PyMem_RawMalloc", "PyMem_RawFree"]),
    (
        "Python/sysmodule.c",
        &[
            "PySys_Audit",
            "_PySys_InitMain",
            "_PySys_SetPreliminaryStderr",
        ],
    ),
    (
        "Python/initconfig.c",
        &[
            "PyConfig_InitPythonConfig",
            "_PyConfig_Copy",
            "_PyStatus_OK",
            "_PyStatus_ERR",
            "_PyStatus_EXCEPTION",
        ],
    ),
    ("Python/ceval.c", &["_PyEval_EvalFrameDefault"]),
    (
        "Python/pylifecycle.c",
        &[
            "Py_ExitStatusException",
            "Py_NewInterpreter",
            "new_interpreter",
            "Py_Initialize",
            "_PyRuntime_Initialize",
            "init_importlib",
            "init_importlib_external",
            "init_sys_streams",
            "add_main_module",
            "init_import_site",
        ],
    ),
    (
        "Python/errors.c",
        &["PyErr_Occurred", "PyErr_SetString", "_PyErr_Init"],
    ),
    ("Python/pythonrun.c", &["PyErr_PrintEx"]),
    (
        "Objects/dictobject.c",
        &["PyDict_New", "PyDict_SetItemString"],
    ),
    ("Objects/moduleobject.c", &["PyModule_GetDict"]),
    ("Include/object.h", &["Py_INCREF"]),
    (
        "Objects/exceptions.c",
        &["_PyExc_Init", "_PyBuiltins_AddExceptions"],
    ),
    (
        "Python/import.c",
        &["_PyImport_FindBuiltin", "_PyImportHooks_Init"],
    ),
    ("Objects/unicodeobject.c", &["_PyUnicode_InitEncodings"]),
];

/// The names that PEP 788 adds.
const PEP_788: [&str; 12] = [
    "PyInterpreterGuard",
    "PyInterpreterView",
    "PyThreadStateToken",
    "PyInterpreterGuard_FromCurrent",
    "PyInterpreterGuard_FromView",
    "PyInterpreterGuard_Close",
    "PyInterpreterView_FromCurrent",
    "PyInterpreterView_FromMain",
    "PyInterpreterView_Close",
    "PyThreadState_Ensure",
    "PyThreadState_EnsureFromView",
    "PyThreadState_Release",
];
