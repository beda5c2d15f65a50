//! The calls that the runtime implements.

/// A call that the runtime implements. Variants are C's names without the `Py` prefix, in Rust's case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `Py_Initialize()`
    Initialize,
    /// `Py_InitializeEx(initsigs)`
    InitializeEx,
    /// `Py_IsInitialized()`
    IsInitialized,
    /// `Py_IsFinalizing()`
    IsFinalizing,
    /// `Py_FinalizeEx()`
    FinalizeEx,
    /// `Py_Finalize()`
    Finalize,
    /// `Py_Exit(code)`
    Exit,
    /// `Py_AtExit(f)`
    AtExit,
    /// `PyUnstable_AtExit(interp, f, data)`
    UnstableAtExit,
    /// `PyEval_InitThreads()`
    EvalInitThreads,
    /// `PyEval_SaveThread()`
    EvalSaveThread,
    /// `PyEval_RestoreThread(ts)`
    EvalRestoreThread,
    /// `PyEval_AcquireThread(ts)`
    EvalAcquireThread,
    /// `PyEval_ReleaseThread(ts)`
    EvalReleaseThread,
    /// `PyThreadState_Get()`
    ThreadStateGet,
    /// `PyThreadState_GetUnchecked()`
    ThreadStateGetUnchecked,
    /// `_PyThreadState_UncheckedGet()`
    ThreadStateUncheckedGet,
    /// `PyThreadState_Swap(ts)`
    ThreadStateSwap,
    /// `PyThreadState_New(interp)`
    ThreadStateNew,
    /// `PyThreadState_Clear(ts)`
    ThreadStateClear,
    /// `PyThreadState_Delete(ts)`
    ThreadStateDelete,
    /// `PyThreadState_DeleteCurrent()`
    ThreadStateDeleteCurrent,
    /// `PyThreadState_GetID(ts)`
    ThreadStateGetId,
    /// `PyThreadState_GetInterpreter(ts)`
    ThreadStateGetInterpreter,
    /// `PyThreadState_Next(ts)`
    ThreadStateNext,
    /// `PyGILState_Ensure()`
    GilStateEnsure,
    /// `PyGILState_Release(state)`
    GilStateRelease,
    /// `PyGILState_GetThisThreadState()`
    GilStateGetThisThreadState,
    /// `PyGILState_Check()`
    GilStateCheck,
    /// `PyInterpreterGuard_FromCurrent()`
    InterpreterGuardFromCurrent,
    /// `PyInterpreterGuard_FromView(view)`
    InterpreterGuardFromView,
    /// `PyInterpreterGuard_Close(guard)`
    InterpreterGuardClose,
    /// `PyInterpreterView_FromCurrent()`
    InterpreterViewFromCurrent,
    /// `PyInterpreterView_FromMain()`
    InterpreterViewFromMain,
    /// `PyInterpreterView_Close(view)`
    InterpreterViewClose,
    /// `PyThreadState_Ensure(guard)`
    ThreadStateEnsure,
    /// `PyThreadState_EnsureFromView(view)`
    ThreadStateEnsureFromView,
    /// `PyThreadState_Release(token)`
    ThreadStateRelease,
    /// `PyThread_tss_alloc()`
    ThreadTssAlloc,
    /// `PyThread_tss_free(key)`
    ThreadTssFree,
    /// `PyThread_tss_is_created(key)`
    ThreadTssIsCreated,
    /// `PyThread_tss_create(key)`
    ThreadTssCreate,
    /// `PyThread_tss_delete(key)`
    ThreadTssDelete,
    /// `PyThread_tss_set(key, value)`
    ThreadTssSet,
    /// `PyThread_tss_get(key)`
    ThreadTssGet,
    /// `PyThread_create_key()`
    ThreadCreateKey,
    /// `PyThread_delete_key(key)`
    ThreadDeleteKey,
    /// `PyThread_set_key_value(key, value)`
    ThreadSetKeyValue,
    /// `PyThread_get_key_value(key)`
    ThreadGetKeyValue,
    /// `PyThread_delete_key_value(key)`
    ThreadDeleteKeyValue,
    /// `PyThread_ReInitTLS()`
    ThreadReInitTls,
    /// `Py_NewInterpreter()`
    NewInterpreter,
    /// `Py_NewInterpreterFromConfig(ts, config)`
    NewInterpreterFromConfig,
    /// `Py_EndInterpreter(ts)`
    EndInterpreter,
    /// `PyStatus_Exception(status)`
    StatusException,
    /// `PyInterpreterState_Get()`
    InterpreterStateGet,
    /// `PyInterpreterState_GetID(interp)`
    InterpreterStateGetId,
    /// `PyInterpreterState_New()`
    InterpreterStateNew,
    /// `PyInterpreterState_Clear(interp)`
    InterpreterStateClear,
    /// `PyInterpreterState_Delete(interp)`
    InterpreterStateDelete,
    /// `PyInterpreterState_GetDict(interp)`
    InterpreterStateGetDict,
    /// `PyThreadState_GetDict()`
    ThreadStateGetDict,
    /// `Py_InitializeFromConfig(config)`
    InitializeFromConfig,
    /// `PyConfig_InitPythonConfig(&config)`
    ConfigInitPython,
    /// `PyConfig_InitIsolatedConfig(&config)`
    ConfigInitIsolated,
    /// `PyConfig_Clear(&config)`
    ConfigClear,
    /// `PyConfig_SetArgv(&config, argc, argv)`
    ConfigSetArgv,
    /// `PyPreConfig_InitPythonConfig(&config)` and its kin
    PreConfigFill,
    /// `Py_PreInitialize(&config)` and its kin
    PreInitialize,
    /// `_Py_InitializeMain()`
    InitializeMain,
    /// `Py_ExitStatusException(status)`
    ExitStatusException,
    /// `Py_RunMain()`
    RunMain,
    /// `Py_Main(argc, argv)`, `Py_BytesMain(argc, argv)`
    Main,
    /// `at_main(f)`
    AtMain,
    /// `Py_GetVersion()` and its kin: a text that is always there
    FixedText,
    /// `Py_SetProgramName(name)`, `Py_SetPythonHome(home)`
    SetParameter,
    /// `PySys_SetArgvEx(argc, argv, updatepath)`, `PySys_SetArgv(argc, argv)`
    SetArgv,
    /// `Py_EncodeLocale(text, error)`
    EncodeLocale,
    /// `PyEval_ThreadsInitialized()`
    ThreadsInitialized,
    /// `PySys_AddAuditHook(f, data)`
    AddAuditHook,
    /// `PySys_Audit(event, format)`
    SysAudit,
    /// `PyEval_SetProfile(f, o)`
    EvalSetProfile,
    /// `PyEval_SetTrace(f, o)`
    EvalSetTrace,
    /// `PyEval_SetProfileAllThreads(f, o)`
    EvalSetProfileAllThreads,
    /// `PyEval_SetTraceAllThreads(f, o)`
    EvalSetTraceAllThreads,
    /// `PyThreadState_EnterTracing(ts)`
    ThreadStateEnterTracing,
    /// `PyThreadState_LeaveTracing(ts)`
    ThreadStateLeaveTracing,
    /// `PyRefTracer_SetTracer(f, data)`
    RefTracerSetTracer,
    /// `PyRefTracer_GetTracer(data)`
    RefTracerGetTracer,
    /// `_PyInterpreterState_SetEvalFrameFunc(interp, f)`
    InterpreterStateSetEvalFrameFunc,
    /// `_PyInterpreterState_GetEvalFrameFunc(interp)`
    InterpreterStateGetEvalFrameFunc,
    /// `sys._current_frames()`
    CurrentFrames,
    /// `tracemalloc.start()`
    TracemallocStart,
    /// `tracemalloc.stop()`
    TracemallocStop,
    /// `alloc_hook(f)`
    AllocHook,
    /// `PyInterpreterState_Head()`
    InterpreterStateHead,
    /// `PyInterpreterState_Main()`
    InterpreterStateMain,
    /// `PyInterpreterState_Next(interp)`
    InterpreterStateNext,
    /// `PyInterpreterState_ThreadHead(interp)`
    InterpreterStateThreadHead,
    /// `PyOS_BeforeFork()`
    BeforeFork,
    /// `PyOS_AfterFork_Parent()`
    AfterForkParent,
    /// `PyOS_AfterFork_Child()`, `PyOS_AfterFork()`
    AfterForkChild,
    /// `at_fork(before, parent, child)`
    AtFork,
    /// `PyEval_GetFrame()`
    EvalFrame,
    /// `PyThreadState_GetFrame(ts)`
    ThreadStateFrame,
    /// `interpreters.run(x, f)`
    InterpretersRun,
    /// `interpreters.destroy(x)`
    InterpretersDestroy,
    /// `Py_AddPendingCall(f, arg)`
    AddPendingCall,
    /// `_PyEval_AddPendingCall(interp, f, arg, flags)`
    EvalAddPendingCall,
    /// `Py_MakePendingCalls()`
    MakePendingCalls,
    /// `PyErr_CheckSignals()`
    ErrCheckSignals,
    /// `at_signal(f)`
    AtSignal,
    /// `PyThreadState_SetAsyncExc(id, exc)`
    ThreadStateSetAsyncExc,
    /// `PyThread_get_thread_ident()`
    ThreadGetIdent,
    /// `PyMutex_Lock(m)`
    MutexLock,
    /// `PyMutex_Unlock(m)`
    MutexUnlock,
    /// `PyMutex_IsLocked(m)`
    MutexIsLocked,
    /// `Py_BEGIN_CRITICAL_SECTION(o)`
    BeginCriticalSection,
    /// `Py_BEGIN_CRITICAL_SECTION2(a, b)`
    BeginCriticalSection2,
    /// `Py_BEGIN_CRITICAL_SECTION_MUTEX(m)`
    BeginCriticalSectionMutex,
    /// `Py_BEGIN_CRITICAL_SECTION2_MUTEX(m1, m2)`
    BeginCriticalSection2Mutex,
    /// `PyCriticalSection_Begin(c, o)`
    CriticalSectionBegin,
    /// `PyCriticalSection_BeginMutex(c, m)`
    CriticalSectionBeginMutex,
    /// `PyCriticalSection_End(c)`
    CriticalSectionEnd,
    /// `PyCriticalSection2_Begin(c, a, b)`
    CriticalSection2Begin,
    /// `PyCriticalSection2_BeginMutex(c, m1, m2)`
    CriticalSection2BeginMutex,
    /// `PyCriticalSection2_End(c)`
    CriticalSection2End,
    /// `PyGC_Collect()`
    GcCollect,
    /// `atexit(f)`
    AtExitPython,
    /// `at_clear(x, f)`
    AtClear,
    /// `at_site(f)`
    AtSite,
    /// `at_thread_exit(f)`
    AtThreadExit,
}
