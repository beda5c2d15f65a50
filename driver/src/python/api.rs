//! The functions of the C API that runs call, by their C names.
//!
//! They are as safe as the scenario is: a misuse crashes the child process, which is what a run is there to see.

use super::library::{is_of_library, required};
use std::ffi::{c_char, c_int, c_long, c_ulong, c_void};
use std::sync::atomic::AtomicUsize;

/// Any pointer of C.
pub type Pointer = *mut c_void;
/// `PyObject *(*)(PyObject *, PyObject *)`
pub type Function = extern "C-unwind" fn(Pointer, Pointer) -> Pointer;

/// `PyStatus`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

// SAFETY: its texts are constants of the library.
unsafe impl Send for Status {}

impl Status {
    /// `PyStatus_Ok`
    pub const OK: Self = Self {
        kind: 0,
        function: std::ptr::null(),
        message: std::ptr::null(),
        exit_code: 0,
    };

    /// `PyStatus_Exception`
    pub fn is_exception(&self) -> bool {
        self.kind != 0
    }

    /// Whether it is an error with this very message, in a function whose name is a constant of the library.
    pub fn is_error(&self, message: *const c_char) -> bool {
        self.kind == 1
            && !message.is_null()
            && self.message == message
            && is_of_library(self.function.addr())
    }
}

/// `PyMemAllocatorEx`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Allocator {
    /// Passed to each function.
    pub context: Pointer,
    /// `malloc`
    pub malloc: Option<extern "C-unwind" fn(Pointer, usize) -> Pointer>,
    /// `calloc`
    pub calloc: Option<extern "C-unwind" fn(Pointer, usize, usize) -> Pointer>,
    /// `realloc`
    pub realloc: Option<extern "C-unwind" fn(Pointer, Pointer, usize) -> Pointer>,
    /// `free`
    pub free: Option<extern "C-unwind" fn(Pointer, Pointer)>,
}

// SAFETY: the context is the library's, which calls its allocators on any thread.
unsafe impl Send for Allocator {}
// SAFETY: as above.
unsafe impl Sync for Allocator {}

impl Allocator {
    /// None at all.
    pub const NONE: Self = Self {
        context: std::ptr::null_mut(),
        malloc: None,
        calloc: None,
        realloc: None,
        free: None,
    };
}

/// `Py_AuditHookFunction`
pub type AuditHook = extern "C-unwind" fn(*const c_char, Pointer, Pointer) -> c_int;

/// `Py_tracefunc`
pub type TraceFunction = extern "C-unwind" fn(Pointer, Pointer, c_int, Pointer) -> c_int;
/// `PyRefTracer`
pub type RefTracer = extern "C-unwind" fn(Pointer, c_int, Pointer) -> c_int;
/// `_PyFrameEvalFunction`
pub type FrameEvalFunction = extern "C-unwind" fn(Pointer, Pointer, c_int) -> Pointer;

macro_rules! functions {
    ($($name:ident $names:literal ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)+) => {$(
        #[doc = concat!("`", $names, "`")]
        #[inline]
        pub fn $name($($argument: $type),*) $(-> $result)? {
            static ADDRESS: AtomicUsize = AtomicUsize::new(0);
            let address = required(&ADDRESS, $names);
            // SAFETY: the symbol has this type in every release that has it. Whether the call is allowed now is the
            // scenario's matter; a crash is what the run observes.
            unsafe {
                let function = std::mem::transmute::<
                    usize,
                    unsafe extern "C-unwind" fn($($type),*) $(-> $result)?,
                >(address);
                function($($argument),*)
            }
        }
    )+};
}

functions! {
    append_inittab "PyImport_AppendInittab" (name: *const c_char, make: extern "C-unwind" fn() -> Pointer) -> c_int;
    module_new "PyModule_Create2" (definition: Pointer, version: c_int) -> Pointer;
    initialize_ex "Py_InitializeEx" (signals: c_int);
    initialize_from_config "Py_InitializeFromConfig" (config: Pointer) -> Status;
    config_python "PyConfig_InitPythonConfig" (config: Pointer);
    config_arguments "PyConfig_SetBytesArgv" (config: Pointer, count: isize, arguments: *const *const c_char) -> Status;
    config_clear "PyConfig_Clear" (config: Pointer);
    add_audit_hook "PySys_AddAuditHook" (hook: AuditHook, data: Pointer) -> c_int;
    allocator "PyMem_GetAllocator" (domain: c_int, allocator: *mut Allocator);
    set_allocator "PyMem_SetAllocator" (domain: c_int, allocator: *const Allocator);
    is_initialized "Py_IsInitialized" () -> c_int;
    is_finalizing "Py_IsFinalizing|_Py_IsFinalizing" () -> c_int;
    finalize_ex "Py_FinalizeEx" () -> c_int;
    exit "Py_Exit" (status: c_int);
    at_exit "Py_AtExit" (function: extern "C-unwind" fn()) -> c_int;
    unstable_at_exit "PyUnstable_AtExit" (interpreter: Pointer, function: extern "C-unwind" fn(Pointer), data: Pointer) -> c_int;
    innermost_frame "PyEval_GetFrame" () -> Pointer;
    thread_state_frame "PyThreadState_GetFrame" (state: Pointer) -> Pointer;
    initialize_main "_Py_InitializeMain" () -> Status;
    preinitialize "Py_PreInitialize" (config: Pointer) -> Status;
    preconfig_python "PyPreConfig_InitPythonConfig" (config: Pointer);
    config_isolated "PyConfig_InitIsolatedConfig" (config: Pointer);
    exit_status_exception "Py_ExitStatusException" (status: Status);
    set_home "Py_SetPythonHome" (home: *const i32);
    set_program_name "Py_SetProgramName" (name: *const i32);
    set_argv "PySys_SetArgvEx" (count: c_int, arguments: *const *const i32, path: c_int);
    encode_locale "Py_EncodeLocale" (text: *const i32, error: *mut usize) -> Pointer;
    threads_initialized "PyEval_ThreadsInitialized" () -> c_int;
    run_main "Py_RunMain" () -> c_int;
    bytes_main "Py_BytesMain" (count: c_int, arguments: *const *const c_char) -> c_int;
    add_pending_call "Py_AddPendingCall" (function: extern "C-unwind" fn(Pointer) -> c_int, data: Pointer) -> c_int;
    eval_add_pending_call "_PyEval_AddPendingCall" (interpreter: Pointer, function: extern "C-unwind" fn(Pointer) -> c_int, data: Pointer, flags: c_int) -> c_int;
    make_pending_calls "Py_MakePendingCalls" () -> c_int;
    check_signals "PyErr_CheckSignals" () -> c_int;
    set_async_exc "PyThreadState_SetAsyncExc" (ident: c_ulong, exception: Pointer) -> c_int;
    raw_malloc "PyMem_RawMalloc" (size: usize) -> Pointer;
    before_fork "PyOS_BeforeFork" ();
    after_fork_parent "PyOS_AfterFork_Parent" ();
    after_fork_child "PyOS_AfterFork_Child" ();
    sys_audit "PySys_Audit" (event: *const c_char, format: *const c_char) -> c_int;
    set_profile "PyEval_SetProfile" (function: Option<TraceFunction>, object: Pointer);
    set_trace "PyEval_SetTrace" (function: Option<TraceFunction>, object: Pointer);
    set_profile_all "PyEval_SetProfileAllThreads" (function: Option<TraceFunction>, object: Pointer);
    set_trace_all "PyEval_SetTraceAllThreads" (function: Option<TraceFunction>, object: Pointer);
    enter_tracing "PyThreadState_EnterTracing" (state: Pointer);
    leave_tracing "PyThreadState_LeaveTracing" (state: Pointer);
    ref_tracer_set_tracer "PyRefTracer_SetTracer" (tracer: Option<RefTracer>, data: Pointer) -> c_int;
    ref_tracer "PyRefTracer_GetTracer" (data: *mut Pointer) -> Pointer;
    set_eval_frame "_PyInterpreterState_SetEvalFrameFunc" (interpreter: Pointer, function: Pointer);
    eval_frame "_PyInterpreterState_GetEvalFrameFunc" (interpreter: Pointer) -> Pointer;
    eval_frame_default "_PyEval_EvalFrameDefault" (state: Pointer, frame: Pointer, throws: c_int) -> Pointer;
    mutex_lock "PyMutex_Lock" (mutex: Pointer);
    mutex_unlock "PyMutex_Unlock" (mutex: Pointer);
    save_thread "PyEval_SaveThread" () -> Pointer;
    restore_thread "PyEval_RestoreThread" (state: Pointer);
    acquire_thread "PyEval_AcquireThread" (state: Pointer);
    release_thread "PyEval_ReleaseThread" (state: Pointer);
    thread_state_swap "PyThreadState_Swap" (state: Pointer) -> Pointer;
    thread_state_new "PyThreadState_New" (interpreter: Pointer) -> Pointer;
    thread_state_clear "PyThreadState_Clear" (state: Pointer);
    thread_state_delete "PyThreadState_Delete" (state: Pointer);
    thread_state_delete_current "PyThreadState_DeleteCurrent" ();
    thread_state "PyThreadState_Get" () -> Pointer;
    thread_state_unchecked "PyThreadState_GetUnchecked|_PyThreadState_UncheckedGet" () -> Pointer;
    thread_state_id "PyThreadState_GetID" (state: Pointer) -> u64;
    thread_state_interpreter "PyThreadState_GetInterpreter" (state: Pointer) -> Pointer;
    thread_state_next "PyThreadState_Next" (state: Pointer) -> Pointer;
    thread_state_dict "PyThreadState_GetDict" () -> Pointer;
    thread_state_dict_of "_PyThreadState_GetDict" (state: Pointer) -> Pointer;
    gil_state_ensure "PyGILState_Ensure" () -> c_int;
    gil_state_release "PyGILState_Release" (state: c_int);
    gil_state_this "PyGILState_GetThisThreadState" () -> Pointer;
    gil_state_check "PyGILState_Check" () -> c_int;
    guard_from_current "PyInterpreterGuard_FromCurrent" () -> Pointer;
    guard_from_view "PyInterpreterGuard_FromView" (view: Pointer) -> Pointer;
    guard_close "PyInterpreterGuard_Close" (guard: Pointer);
    view_from_current "PyInterpreterView_FromCurrent" () -> Pointer;
    view_from_main "PyInterpreterView_FromMain" () -> Pointer;
    view_close "PyInterpreterView_Close" (view: Pointer);
    thread_state_ensure "PyThreadState_Ensure" (guard: Pointer) -> Pointer;
    thread_state_ensure_from_view "PyThreadState_EnsureFromView" (view: Pointer) -> Pointer;
    thread_state_release "PyThreadState_Release" (token: Pointer);
    tss_alloc "PyThread_tss_alloc" () -> Pointer;
    tss_free "PyThread_tss_free" (key: Pointer);
    tss_is_created "PyThread_tss_is_created" (key: Pointer) -> c_int;
    tss_create "PyThread_tss_create" (key: Pointer) -> c_int;
    tss_delete "PyThread_tss_delete" (key: Pointer);
    tss_set "PyThread_tss_set" (key: Pointer, value: Pointer) -> c_int;
    tss_get "PyThread_tss_get" (key: Pointer) -> Pointer;
    create_key "PyThread_create_key" () -> c_int;
    delete_key "PyThread_delete_key" (key: c_int);
    set_key_value "PyThread_set_key_value" (key: c_int, value: Pointer) -> c_int;
    get_key_value "PyThread_get_key_value" (key: c_int) -> Pointer;
    delete_key_value "PyThread_delete_key_value" (key: c_int);
    new_interpreter "Py_NewInterpreter" () -> Pointer;
    new_interpreter_from_config "Py_NewInterpreterFromConfig" (state: *mut Pointer, config: *const [c_int; 7]) -> Status;
    end_interpreter "Py_EndInterpreter" (state: Pointer);
    interpreter "PyInterpreterState_Get|_PyInterpreterState_Get" () -> Pointer;
    interpreter_new "PyInterpreterState_New" () -> Pointer;
    interpreter_clear "PyInterpreterState_Clear" (interpreter: Pointer);
    interpreter_delete "PyInterpreterState_Delete" (interpreter: Pointer);
    interpreter_dict "PyInterpreterState_GetDict" (interpreter: Pointer) -> Pointer;
    tuple_item "PyTuple_GetItem" (tuple: Pointer, place: isize) -> Pointer;
    interpreter_id "PyInterpreterState_GetID" (interpreter: Pointer) -> i64;
    interpreter_head "PyInterpreterState_Head" () -> Pointer;
    interpreter_main "PyInterpreterState_Main" () -> Pointer;
    interpreter_next "PyInterpreterState_Next" (interpreter: Pointer) -> Pointer;
    interpreter_threads "PyInterpreterState_ThreadHead" (interpreter: Pointer) -> Pointer;
    collect "PyGC_Collect" () -> isize;
    compile "Py_CompileString" (text: *const c_char, file: *const c_char, start: c_int) -> Pointer;
    eval_code "PyEval_EvalCode" (code: Pointer, globals: Pointer, locals: Pointer) -> Pointer;
    error_set "PyErr_SetString" (kind: Pointer, text: *const c_char);
    error_clear "PyErr_Clear" ();
    import_add "PyImport_AddModule" (name: *const c_char) -> Pointer;
    import "PyImport_ImportModule" (name: *const c_char) -> Pointer;
    module_dict "PyModule_GetDict" (module: Pointer) -> Pointer;
    attribute "PyObject_GetAttrString" (object: Pointer, name: *const c_char) -> Pointer;
    call "PyObject_Call" (function: Pointer, arguments: Pointer, names: Pointer) -> Pointer;
    type_of "PyObject_Type" (object: Pointer) -> Pointer;
    tuple "PyTuple_New" (length: isize) -> Pointer;
    tuple_set "PyTuple_SetItem" (tuple: Pointer, place: isize, item: Pointer) -> c_int;
    list "PyList_New" (length: isize) -> Pointer;
    list_append "PyList_Append" (list: Pointer, item: Pointer) -> c_int;
    dict "PyDict_New" () -> Pointer;
    dict_set "PyDict_SetItemString" (dict: Pointer, name: *const c_char, item: Pointer) -> c_int;
    dict_delete "PyDict_DelItemString" (dict: Pointer, name: *const c_char) -> c_int;
    number "PyLong_FromLong" (value: c_long) -> Pointer;
    number_value "PyLong_AsLong" (object: Pointer) -> c_long;
    boolean "PyBool_FromLong" (value: c_long) -> Pointer;
    text "PyUnicode_AsUTF8" (object: Pointer) -> *const c_char;
    text_new "PyUnicode_FromString" (text: *const c_char) -> Pointer;
    capsule "PyCapsule_New" (pointer: Pointer, name: *const c_char, destructor: extern "C-unwind" fn(Pointer)) -> Pointer;
    capsule_pointer "PyCapsule_GetPointer" (capsule: Pointer, name: *const c_char) -> Pointer;
    function_new "PyCFunction_NewEx" (definition: Pointer, this: Pointer, module: Pointer) -> Pointer;
    increase "Py_IncRef" (object: Pointer);
    decrease "Py_DecRef" (object: Pointer);
}
