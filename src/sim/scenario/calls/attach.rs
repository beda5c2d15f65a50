//! Detaching and attaching, GIL state, thread states.

use super::Parameter::{In, Out};
use super::Type::{
    Frame, GilState, Guard, Int, Interpreter, Object, Pointer, ThreadState, Token, View, Void,
};
use super::row::{core, data, entry, surface};
use super::{Call, Kind, Row};

const NULL_STATE: &str =
    "the function must be called with the GIL held, after Python initialization";

pub(super) const ROWS: &[Row] = &[
    surface("PyEval_InitThreads", &[], Void).deprecated(9)
        .says("does nothing")
        .runs(Call::EvalInitThreads),
    surface("PyEval_ThreadsInitialized", &[], Int).deprecated(9)
        .says("1 if there is a GIL; up to 3.11 always")
        .runs(Call::ThreadsInitialized),
    core("PyEval_AcquireLock", &[], Void).deprecated(2).until(12).blocks().says("takes the GIL without a thread state"),
    core("PyEval_ReleaseLock", &[], Void).deprecated(2).until(12).says("drops the GIL without a thread state"),
    core("PyEval_SaveThread", &[], ThreadState)
        .attached()
        .blocks()
        .says("detaches the calling thread's state and drops the GIL; returns the state")
        .runs(Call::EvalSaveThread),
    core("PyEval_RestoreThread", &[In(ThreadState)], Void)
        .detached()
        .blocks()
        .fatal(&["non-NULL old thread state", NULL_STATE])
        .says("takes the GIL and attaches a thread state")
        .runs(Call::EvalRestoreThread),
    core("PyEval_AcquireThread", &[In(ThreadState)], Void)
        .detached()
        .blocks()
        .fatal(&["non-NULL old thread state", NULL_STATE])
        .says("takes the GIL and attaches a thread state")
        .runs(Call::EvalAcquireThread),
    core("PyEval_ReleaseThread", &[In(ThreadState)], Void)
        .attached()
        .blocks()
        .fatal(&["wrong thread state"])
        .says("detaches that thread state and drops the GIL")
        .runs(Call::EvalReleaseThread),
    core("PyThreadState_Get", &[], ThreadState)
        .attached()
        .fatal(&[NULL_STATE])
        .alias(&["PyThreadState_GET"])
        .says("the attached thread state")
        .runs(Call::ThreadStateGet),
    core("PyThreadState_GetUnchecked", &[], ThreadState)
        .says("the attached thread state, or `NULL`; up to 3.12 named `_PyThreadState_UncheckedGet`")
        .runs(Call::ThreadStateGetUnchecked),
    surface("_PyThreadState_UncheckedGet", &[], ThreadState).deprecated(14)
        .says("the attached thread state, or `NULL`")
        .runs(Call::ThreadStateUncheckedGet),
    core("PyThreadState_Swap", &[In(ThreadState)], ThreadState)
        .blocks()
        .alias(&["_PyThreadState_Swap"])
        .says("detaches the attached state, attaches another or none, returns the former; 3.11: takes no GIL")
        .runs(Call::ThreadStateSwap),
    core("Py_BEGIN_ALLOW_THREADS", &[], Void)
        .kind(Kind::Macro)
        .attached()
        .blocks()
        .says("opens a block that runs detached: `PyEval_SaveThread()` into a hidden local"),
    core("Py_END_ALLOW_THREADS", &[], Void)
        .kind(Kind::Macro)
        .detached()
        .blocks()
        .says("closes the block: `PyEval_RestoreThread()` of the hidden local"),
    core("Py_BLOCK_THREADS", &[], Void)
        .kind(Kind::Macro)
        .detached()
        .blocks()
        .says("attaches again inside the block"),
    core("Py_UNBLOCK_THREADS", &[], Void)
        .kind(Kind::Macro)
        .attached()
        .blocks()
        .says("detaches again inside the block"),
    core("PyGILState_Ensure", &[], GilState)
        .blocks()
        .fatal(&["Couldn't create thread-state for new thread"])
        .says("attaches the calling thread's state, made if it has none; returns whether it was attached before")
        .runs(Call::GilStateEnsure),
    core("PyGILState_Release", &[In(GilState)], Void)
        .attached()
        .fatal(&["auto-releasing thread-state, but no thread-state for this thread", "must be current when releasing"])
        .says("undoes one `PyGILState_Ensure()`; the last one of a state that it made deletes it")
        .runs(Call::GilStateRelease),
    core("PyGILState_GetThisThreadState", &[], ThreadState)
        .says("the state that `PyGILState_Ensure()` would use, or `NULL`")
        .runs(Call::GilStateGetThisThreadState),
    core("PyGILState_Check", &[], Int)
        .says("whether the attached state is the calling thread's; always 1 once a sub-interpreter was made")
        .runs(Call::GilStateCheck),
    core("PyThreadState_New", &[In(Interpreter)], ThreadState)
        .says("makes a thread state and binds it to the calling thread; does not attach it")
        .runs(Call::ThreadStateNew),
    core("PyThreadState_Clear", &[In(ThreadState)], Void)
        .attached()
        .blocks()
        .says("drops what a thread state refers to; finalizers run here")
        .runs(Call::ThreadStateClear),
    core("PyThreadState_Delete", &[In(ThreadState)], Void)
        .fatal(&["is still current", NULL_STATE])
        .says("frees a cleared thread state that is not attached")
        .runs(Call::ThreadStateDelete),
    core("PyThreadState_DeleteCurrent", &[], Void)
        .attached()
        .fatal(&[NULL_STATE])
        .says("detaches and frees the attached, cleared thread state")
        .runs(Call::ThreadStateDeleteCurrent),
    data("PyThreadState_GetFrame", &[In(ThreadState)], Frame).since(9)
        .says("the innermost frame of a thread state, or `NULL`")
        .runs(Call::ThreadStateFrame),
    data("PyThreadState_GetID", &[In(ThreadState)], Int)
        .since(9)
        .says("the number of a thread state in its interpreter, from 1")
        .runs(Call::ThreadStateGetId),
    data("PyThreadState_GetInterpreter", &[In(ThreadState)], Interpreter)
        .since(9)
        .says("the interpreter of a thread state")
        .runs(Call::ThreadStateGetInterpreter),
    data("PyThreadState_EnterTracing", &[In(ThreadState)], Void).since(11).attached().says("suspends tracing")
        .runs(Call::ThreadStateEnterTracing),
    data("PyThreadState_LeaveTracing", &[In(ThreadState)], Void).since(11).attached().says("resumes tracing")
        .runs(Call::ThreadStateLeaveTracing),
    data("PyThreadState_GetDict", &[], Object)
        .says("the attached thread state's dictionary, or `NULL`")
        .runs(Call::ThreadStateGetDict),
    core("PyThreadState_SetAsyncExc", &[In(Int), In(Object)], Int)
        .attached()
        .says("raises an exception in the thread of that ident in this interpreter; how many were found")
        .runs(Call::ThreadStateSetAsyncExc),
    data("PyEval_GetFrame", &[], Frame).attached()
        .says("the innermost frame of the current thread state, or `NULL`")
        .runs(Call::EvalFrame),
    surface("PyThread_get_thread_ident", &[], Int)
        .says("the calling OS thread's ident")
        .runs(Call::ThreadGetIdent),
    core("PyInterpreterGuard_FromCurrent", &[], Guard)
        .since(15)
        .attached()
        .says("makes finalization of this interpreter wait; `NULL` if it is too late")
        .runs(Call::InterpreterGuardFromCurrent),
    core("PyInterpreterGuard_FromView", &[In(View)], Guard)
        .since(15)
        .blocks()
        .says("makes finalization of a viewed interpreter wait; `NULL` if it is too late")
        .runs(Call::InterpreterGuardFromView),
    core("PyInterpreterGuard_Close", &[In(Guard)], Void).since(15).says("lets finalization go on")
        .runs(Call::InterpreterGuardClose),
    data("PyInterpreterView_FromCurrent", &[], View).since(15).attached().says("remembers this interpreter")
        .runs(Call::InterpreterViewFromCurrent),
    data("PyInterpreterView_FromMain", &[], View).since(15).says("remembers the main interpreter")
        .runs(Call::InterpreterViewFromMain),
    data("PyInterpreterView_Close", &[In(View)], Void).since(15).says("frees a view")
        .runs(Call::InterpreterViewClose),
    core("PyThreadState_Ensure", &[In(Guard)], Token)
        .since(15)
        .blocks()
        .says("attaches a state of the guarded interpreter, made if need be; `NULL` if none can be made")
        .runs(Call::ThreadStateEnsure),
    core("PyThreadState_EnsureFromView", &[In(View)], Token)
        .since(15)
        .blocks()
        .says("guards a viewed interpreter and attaches a state of it; `NULL` if it is too late")
        .runs(Call::ThreadStateEnsureFromView),
    core("PyThreadState_Release", &[In(Token)], Void)
        .since(15)
        .attached()
        .blocks()
        .fatal(&["PyThreadState_Release() called more times than PyThreadState_Ensure()", NULL_STATE])
        .says("undoes one `PyThreadState_Ensure()`")
        .runs(Call::ThreadStateRelease),
    entry(Kind::Type, "PyInterpreterState", "an interpreter"),
    entry(Kind::Type, "PyThreadState", "a thread state"),
    entry(Kind::Field, "PyThreadState.interp", "the interpreter of a thread state: `ts->interp`"),
    entry(Kind::Field, "PyThreadState.on_delete", "a hook of a thread state's end").until(12),
    entry(Kind::Type, "PyGILState_STATE", "what `PyGILState_Ensure()` found: `PyGILState_LOCKED` or `_UNLOCKED`"),
    entry(Kind::Type, "PyInterpreterGuard", "keeps finalization waiting").since(15),
    entry(Kind::Type, "PyInterpreterView", "remembers an interpreter without keeping it").since(15),
    entry(Kind::Type, "PyThreadStateToken", "what `PyThreadState_Release()` needs").since(15),
    core("_PyGILState_GetInterpreterStateUnsafe", &[], Interpreter).says("the interpreter that `PyGILState_Ensure()` uses"),
    data("PyErr_Occurred", &[], Object).attached().says("the pending exception, or `NULL`"),
    data("PyErr_PrintEx", &[In(Int)], Void).attached().says("prints and drops the pending exception"),
    data("PyErr_SetString", &[In(Object), In(super::Type::Text)], Void).attached().says("sets an exception"),
    surface("PyRefTracer_GetTracer", &[Out(Pointer)], super::Type::Function)
        .since(13)
        .attached()
        .says("the reference tracer and its data")
        .runs(Call::RefTracerGetTracer),
];
