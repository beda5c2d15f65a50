//! What C declares where the types of the table do not tell: functions whose parameters or results are narrower, or named
//! types of callbacks. As in the headers of 3.15, or of the last release that has it; internals as in 3.8.

use super::Row;

impl Row {
    /// What C declares, without the names of parameters; nothing where the types of the table say the same.
    #[must_use]
    pub fn declaration(&self) -> Option<&'static str> {
        let place = IN_C.binary_search_by_key(&self.name, |(name, _)| name);
        place.ok().map(|place| IN_C[place].1)
    }

    /// The names that [`Row::declaration`] knows, sorted.
    pub fn declared_otherwise() -> impl Iterator<Item = &'static str> {
        IN_C.iter().map(|(name, _)| *name)
    }
}

#[rustfmt::skip]
const IN_C: &[(&str, &str)] = &[
    ("PyConfig_SetArgv", "PyStatus PyConfig_SetArgv(PyConfig *, Py_ssize_t, wchar_t *const *)"),
    ("PyEval_SetProfile", "void PyEval_SetProfile(Py_tracefunc, PyObject *)"),
    ("PyEval_SetProfileAllThreads", "void PyEval_SetProfileAllThreads(Py_tracefunc, PyObject *)"),
    ("PyEval_SetTrace", "void PyEval_SetTrace(Py_tracefunc, PyObject *)"),
    ("PyEval_SetTraceAllThreads", "void PyEval_SetTraceAllThreads(Py_tracefunc, PyObject *)"),
    ("PyGC_Collect", "Py_ssize_t PyGC_Collect(void)"),
    ("PyInterpreterState_GetID", "int64_t PyInterpreterState_GetID(PyInterpreterState *)"),
    ("PyMem_RawMalloc", "void *PyMem_RawMalloc(size_t)"),
    ("PyRefTracer_GetTracer", "PyRefTracer PyRefTracer_GetTracer(void **)"),
    ("PyRefTracer_SetTracer", "int PyRefTracer_SetTracer(PyRefTracer, void *)"),
    ("PySys_AddAuditHook", "int PySys_AddAuditHook(Py_AuditHookFunction, void *)"),
    ("PySys_Audit", "int PySys_Audit(const char *, const char *, ...)"),
    ("PySys_SetArgv", "void PySys_SetArgv(int, wchar_t **)"),
    ("PySys_SetArgvEx", "void PySys_SetArgvEx(int, wchar_t **, int)"),
    ("PyThreadState_GetID", "uint64_t PyThreadState_GetID(PyThreadState *)"),
    ("PyThreadState_SetAsyncExc", "int PyThreadState_SetAsyncExc(unsigned long, PyObject *)"),
    ("PyThread_get_thread_ident", "unsigned long PyThread_get_thread_ident(void)"),
    ("PyUnstable_AtExit", "int PyUnstable_AtExit(PyInterpreterState *, atexit_datacallbackfunc, void *)"),
    ("Py_AddPendingCall", "int Py_AddPendingCall(int (*)(void *), void *)"),
    ("Py_AtExit", "int Py_AtExit(void (*)(void))"),
    ("Py_BytesMain", "int Py_BytesMain(int, char **)"),
    ("Py_DecodeLocale", "wchar_t *Py_DecodeLocale(const char *, size_t *)"),
    ("Py_EncodeLocale", "char *Py_EncodeLocale(const wchar_t *, size_t *)"),
    ("Py_InitializeFromConfig", "PyStatus Py_InitializeFromConfig(const PyConfig *)"),
    ("Py_Main", "int Py_Main(int, wchar_t **)"),
    ("Py_NewInterpreterFromConfig", "PyStatus Py_NewInterpreterFromConfig(PyThreadState **, const PyInterpreterConfig *)"),
    ("Py_PreInitialize", "PyStatus Py_PreInitialize(const PyPreConfig *)"),
    ("Py_PreInitializeFromArgs", "PyStatus Py_PreInitializeFromArgs(const PyPreConfig *, Py_ssize_t, wchar_t **)"),
    ("Py_PreInitializeFromBytesArgs", "PyStatus Py_PreInitializeFromBytesArgs(const PyPreConfig *, Py_ssize_t, char **)"),
    ("Py_SetProgramName", "void Py_SetProgramName(const wchar_t *)"),
    ("Py_SetPythonHome", "void Py_SetPythonHome(const wchar_t *)"),
    ("_PyConfig_Copy", "PyStatus _PyConfig_Copy(PyConfig *, const PyConfig *)"),
    ("_PyEval_AddPendingCall", "_Py_add_pending_call_result _PyEval_AddPendingCall(PyInterpreterState *, _Py_pending_call_func, void *, int)"),
    ("_PyEval_EvalFrameDefault", "PyObject *_PyEval_EvalFrameDefault(PyFrameObject *, int)"),
    ("_PyEval_StartTheWorldAll", "void _PyEval_StartTheWorldAll(_PyRuntimeState *)"),
    ("_PyEval_StopTheWorldAll", "void _PyEval_StopTheWorldAll(_PyRuntimeState *)"),
    ("_PyInterpreterState_GetEvalFrameFunc", "_PyFrameEvalFunction _PyInterpreterState_GetEvalFrameFunc(PyInterpreterState *)"),
    ("_PyInterpreterState_SetEvalFrameFunc", "void _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState *, _PyFrameEvalFunction)"),
    ("_PySys_InitMain", "int _PySys_InitMain(_PyRuntimeState *, PyInterpreterState *)"),
    ("_PyThreadState_Init", "void _PyThreadState_Init(_PyRuntimeState *, PyThreadState *)"),
    ("_PyUnicode_InitEncodings", "PyStatus _PyUnicode_InitEncodings(PyThreadState *)"),
];
