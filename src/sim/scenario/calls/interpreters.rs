//! Interpreter states and sub-interpreters, pending calls, fork.

use super::Parameter::{Callback, In, Out};
use super::Type::{
    Function, Int, Interpreter, InterpreterConfig, Object, Pointer, Status, Text, ThreadState, Void,
};
use super::row::{core, data, entry, surface};
use super::{Call, Kind, Row};

const NULL_STATE: &str =
    "the function must be called with the GIL held, after Python initialization";

pub(super) const ROWS: &[Row] = &[
    core("PyInterpreterState_New", &[], Interpreter)
        .fatal(&["memory allocation failed", "sys.audit failed", "interpreter already initialized"])
        .says("makes an interpreter without a GIL and without a thread state")
        .runs(Call::InterpreterStateNew),
    core("PyInterpreterState_Clear", &[In(Interpreter)], Void)
        .attached()
        .blocks()
        .says("clears an interpreter and its thread states")
        .runs(Call::InterpreterStateClear),
    core("PyInterpreterState_Delete", &[In(Interpreter)], Void)
        .fatal(&["NULL interpreter", "remaining threads", "remaining subinterpreters", "is still current"])
        .says("frees a cleared interpreter")
        .runs(Call::InterpreterStateDelete),
    core("PyInterpreterState_Get", &[], Interpreter)
        .since(9)
        .attached()
        .fatal(&[NULL_STATE])
        .says("the interpreter of the attached thread state")
        .runs(Call::InterpreterStateGet),
    data("PyInterpreterState_GetID", &[In(Interpreter)], Int)
        .says("the number of an interpreter; the main one's is 0")
        .runs(Call::InterpreterStateGetId),
    data("PyInterpreterState_GetDict", &[In(Interpreter)], Object)
        .attached()
        .says("an interpreter's dictionary")
        .runs(Call::InterpreterStateGetDict),
    data("_PyInterpreterState_GetEvalFrameFunc", &[In(Interpreter)], Function)
        .since(9)
        .says("the function that evaluates frames")
        .runs(Call::InterpreterStateGetEvalFrameFunc),
    data("_PyInterpreterState_SetEvalFrameFunc", &[In(Interpreter), Callback(3)], Void)
        .since(9)
        .attached()
        .says("replaces the function that evaluates frames; free-threaded builds stop the interpreter")
        .runs(Call::InterpreterStateSetEvalFrameFunc),
    core("PyInterpreterState_Head", &[], Interpreter)
        .says("the newest interpreter, or `NULL`")
        .runs(Call::InterpreterStateHead),
    core("PyInterpreterState_Main", &[], Interpreter)
        .says("the main interpreter; `NULL` before initialization and after finalization")
        .runs(Call::InterpreterStateMain),
    core("PyInterpreterState_Next", &[In(Interpreter)], Interpreter)
        .says("the next older interpreter, or `NULL`")
        .runs(Call::InterpreterStateNext),
    core("PyInterpreterState_ThreadHead", &[In(Interpreter)], ThreadState)
        .says("the newest thread state of an interpreter, or `NULL`")
        .runs(Call::InterpreterStateThreadHead),
    core("PyThreadState_Next", &[In(ThreadState)], ThreadState)
        .says("the next older thread state, or `NULL`")
        .runs(Call::ThreadStateNext),
    core("Py_NewInterpreter", &[], ThreadState)
        .blocks()
        .fatal(&["Py_Initialize must be called first", "GIL is not locked"])
        .says("makes a sub-interpreter that shares the GIL and attaches its first state")
        .runs(Call::NewInterpreter),
    core("Py_NewInterpreterFromConfig", &[Out(ThreadState), In(InterpreterConfig)], Status)
        .optional(1)
        .since(12)
        .blocks()
        .fatal(&["non-NULL old thread state"])
        .says("makes a sub-interpreter and attaches its first state; with the configuration alone it returns the state")
        .runs(Call::NewInterpreterFromConfig),
    core("Py_EndInterpreter", &[In(ThreadState)], Void)
        .attached()
        .blocks()
        .fatal(&["thread is not current", "thread still has a frame", "not the last thread"])
        .says("ends the interpreter of the attached state; nothing is attached afterwards")
        .runs(Call::EndInterpreter),
    entry(Kind::Type, "PyInterpreterConfig", "how a sub-interpreter is made").since(12),
    entry(Kind::Field, "PyInterpreterConfig.use_main_obmalloc", "share the main interpreter's allocator").since(12),
    entry(Kind::Field, "PyInterpreterConfig.allow_fork", "allow `os.fork()`").since(12),
    entry(Kind::Field, "PyInterpreterConfig.allow_exec", "allow `os.exec*()`").since(12),
    entry(Kind::Field, "PyInterpreterConfig.allow_threads", "allow threads").since(12),
    entry(Kind::Field, "PyInterpreterConfig.allow_daemon_threads", "allow daemon threads").since(12),
    entry(Kind::Field, "PyInterpreterConfig.check_multi_interp_extensions", "refuse extensions for one interpreter only")
        .since(12),
    entry(Kind::Field, "PyInterpreterConfig.gil", "which GIL: default, shared or own").since(12),
    entry(Kind::Constant, "PyInterpreterConfig_DEFAULT_GIL", "0: shared").since(12),
    entry(Kind::Constant, "PyInterpreterConfig_SHARED_GIL", "1: the main interpreter's").since(12),
    entry(Kind::Constant, "PyInterpreterConfig_OWN_GIL", "2: its own").since(12),
    core("Py_AddPendingCall", &[Callback(1), In(Pointer)], Int)
        .optional(0)
        .blocks()
        .says("queues a callback for the main thread; -1 if the queue is full")
        .runs(Call::AddPendingCall),
    core("Py_MakePendingCalls", &[], Int)
        .attached()
        .blocks()
        .says("runs queued callbacks, if this is the main thread; 0, or -1 if one raised")
        .runs(Call::MakePendingCalls),
    data("PyErr_CheckSignals", &[], Int)
        .attached()
        .blocks()
        .says("runs Python's signal handlers, if this is the main thread; 0, or -1 if one raised")
        .runs(Call::ErrCheckSignals),
    core("PyOS_BeforeFork", &[], Void)
        .attached()
        .blocks()
        .says("what `os.fork()` does before: hooks, import lock, stopped world, head lock")
        .runs(Call::BeforeFork),
    core("PyOS_AfterFork_Parent", &[], Void)
        .attached()
        .says("what `os.fork()` does after, in the parent")
        .runs(Call::AfterForkParent),
    core("PyOS_AfterFork_Child", &[], Void)
        .attached()
        .fatal(&["not main interpreter", NULL_STATE])
        .says("what `os.fork()` does after, in the child: only this thread's state remains")
        .runs(Call::AfterForkChild),
    surface("PyOS_AfterFork", &[], Void).deprecated(7)
        .attached()
        .says("`PyOS_AfterFork_Child()`")
        .runs(Call::AfterForkChild),
    core("PyImport_ImportModule", &[In(Text)], Object).attached().blocks().says("imports a module"),
];
