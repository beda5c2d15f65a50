//! Words of the language where C has no function, Python's functions, and internal functions that scenarios may call.

use super::Parameter::{Callback, In};
use super::Type::{Int, Interpreter, Pointer, Void};
use super::row::{core, data};
use super::{Call, Kind, Row};

pub(super) const ROWS: &[Row] = &[
    core("atexit", &[Callback(0)], Void)
        .kind(Kind::Word)
        .attached()
        .says("Python's `atexit.register()` in the current interpreter")
        .runs(Call::AtExitPython),
    core("at_clear", &[In(Pointer), Callback(0)], Void)
        .kind(Kind::Word)
        .says("runs a callback once, in the clearing of that thread state or interpreter")
        .runs(Call::AtClear),
    core("at_thread_exit", &[Callback(0)], Void)
        .kind(Kind::Word)
        .says("runs a callback natively when this thread ends or is unwound")
        .runs(Call::AtThreadExit),
    core("at_fork", &[Callback(0), Callback(0), Callback(0)], Void)
        .kind(Kind::Word)
        .attached()
        .says("Python's `os.register_at_fork()`: before, in the parent, in the child")
        .runs(Call::AtFork),
    core("at_signal", &[Callback(1)], Int)
        .kind(Kind::Word)
        .attached()
        .says("Python's signal handler: runs at a check of the main thread; 0, or -1 if this is another thread")
        .runs(Call::AtSignal),
    core("at_site", &[Callback(0)], Void)
        .kind(Kind::Word)
        .says("what `site` runs during initialization")
        .runs(Call::AtSite),
    core("at_main", &[Callback(0)], Void)
        .kind(Kind::Word)
        .says("what `Py_RunMain()` and `Py_Main()` run")
        .runs(Call::AtMain),
    core("alloc_hook", &[Callback(0)], Void)
        .kind(Kind::Word)
        .says("runs a callback in each allocation by a call or `new`, but not in its own")
        .runs(Call::AllocHook),
    core("sys._current_frames", &[], Int)
        .kind(Kind::Word)
        .attached()
        .blocks()
        .says("walks the thread states of every interpreter")
        .runs(Call::CurrentFrames),
    core("tracemalloc.start", &[], Int)
        .kind(Kind::Word)
        .attached()
        .says("starts tracing allocations")
        .runs(Call::TracemallocStart),
    core("tracemalloc.stop", &[], Int)
        .kind(Kind::Word)
        .attached()
        .says("stops tracing allocations")
        .runs(Call::TracemallocStop),
    core("interpreters.run", &[In(Interpreter), Callback(0)], Int)
        .kind(Kind::Word)
        .attached()
        .blocks()
        .since(13)
        .says("runs a callback in another interpreter, on this thread")
        .runs(Call::InterpretersRun),
    core("interpreters.destroy", &[In(Interpreter)], Int)
        .kind(Kind::Word)
        .attached()
        .blocks()
        .since(13)
        .says("ends another interpreter; raises while it runs")
        .runs(Call::InterpretersDestroy),
    core(
        "_PyEval_AddPendingCall",
        &[In(Interpreter), Callback(1), In(Pointer), In(Int)],
        Int,
    )
    .since(9)
    .blocks()
    .says("queues a callback for an interpreter: interpreter, callback, argument, flags")
    .runs(Call::EvalAddPendingCall),
    core("_PyEval_StopTheWorld", &[In(Interpreter)], Void)
        .since(13)
        .attached()
        .blocks()
        .says("stops every other thread of an interpreter, in free-threaded builds"),
    core("_PyEval_StartTheWorld", &[In(Interpreter)], Void)
        .since(13)
        .says("lets the stopped threads go on"),
    core("_PyEval_StopTheWorldAll", &[], Void)
        .since(13)
        .attached()
        .blocks()
        .says("stops every other thread"),
    core("_PyEval_StartTheWorldAll", &[], Void)
        .since(13)
        .says("lets the stopped threads go on"),
    data(
        "_PyInterpreterState_GetIDObject",
        &[In(Interpreter)],
        super::Type::Object,
    )
    .attached()
    .says("the number of an interpreter as an object"),
];
