//! Tracing, auditing, collection.

use super::Parameter::{Callback, In};
use super::Type::{Int, Object, Pointer, Text, Void};
use super::row::{core, data, entry, surface};
use super::{Call, Kind, Row};

pub(super) const ROWS: &[Row] = &[
    data("PyEval_SetProfile", &[Callback(4), In(Object)], Void)
        .attached()
        .says("profiles the attached thread state")
        .runs(Call::EvalSetProfile),
    data("PyEval_SetTrace", &[Callback(4), In(Object)], Void)
        .attached()
        .says("traces the attached thread state")
        .runs(Call::EvalSetTrace),
    core(
        "PyEval_SetProfileAllThreads",
        &[Callback(4), In(Object)],
        Void,
    )
    .since(12)
    .attached()
    .blocks()
    .says("profiles every thread state of the interpreter")
        .runs(Call::EvalSetProfileAllThreads),
    core(
        "PyEval_SetTraceAllThreads",
        &[Callback(4), In(Object)],
        Void,
    )
    .since(12)
    .attached()
    .blocks()
    .says("traces every thread state of the interpreter")
        .runs(Call::EvalSetTraceAllThreads),
    data("PyRefTracer_SetTracer", &[Callback(3), In(Pointer)], Int)
        .since(13)
        .attached()
        .says("replaces the process's reference tracer")
        .runs(Call::RefTracerSetTracer),
    data("PySys_AddAuditHook", &[Callback(3), In(Pointer)], Int)
        .says("adds an audit hook, told of each event by its name, which it refuses by -1; it stays until finalization")
        .runs(Call::AddAuditHook),
    data("PySys_Audit", &[In(Text), In(Text)], Int)
        .attached()
        .says("runs the audit hooks; -1 if one refuses")
        .runs(Call::SysAudit),
    core("PyGC_Collect", &[], Int)
        .attached()
        .blocks()
        .says("a full collection, then the finalizers of what it freed")
        .runs(Call::GcCollect),
    surface("Py_INCREF", &[In(Object)], Void)
        .attached()
        .says("takes a reference"),
    surface("Py_DECREF", &[In(Object)], Void)
        .attached()
        .blocks()
        .says("drops a reference"),
    entry(
        Kind::Type,
        "Py_tracefunc",
        "a callback of tracing: object, frame, event, argument",
    ),
    entry(Kind::Constant, "PyTrace_CALL", "0"),
    entry(Kind::Constant, "PyTrace_EXCEPTION", "1"),
    entry(Kind::Constant, "PyTrace_LINE", "2"),
    entry(Kind::Constant, "PyTrace_RETURN", "3"),
    entry(Kind::Constant, "PyTrace_C_CALL", "4"),
    entry(Kind::Constant, "PyTrace_C_EXCEPTION", "5"),
    entry(Kind::Constant, "PyTrace_C_RETURN", "6"),
    entry(Kind::Constant, "PyTrace_OPCODE", "7"),
    entry(
        Kind::Type,
        "PyRefTracer",
        "a callback of reference tracing: object, event, data",
    )
    .since(13),
    entry(Kind::Constant, "PyRefTracer_CREATE", "0").since(13),
    entry(Kind::Constant, "PyRefTracer_DESTROY", "1").since(13),
    entry(Kind::Constant, "PyRefTracer_TRACKER_REMOVED", "2").since(15),
    entry(
        Kind::Type,
        "_PyFrameEvalFunction",
        "a function that evaluates frames",
    )
    .since(9),
];
