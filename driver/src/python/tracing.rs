//! Functions of C that a scenario looks on with: of tracing, of reference tracing, and those that evaluate frames.
//!
//! What a function of tracing is registered with is a tuple: the callback and its object in one number, and the object itself,
//! of which it holds the reference. The others are told nothing by which callbacks could be told apart: each body of a scenario
//! has a function of its own.

use super::api::{self, FrameEvalFunction, Pointer, RefTracer, TraceFunction};
use super::callbacks::{BODIES_MAX, for_each_body, raise};
use super::frames::evaluates;
use super::objects;
use crate::{child, record};
use std::ffi::c_int;
use tstate::runtime::{CallbackId, Evaluator, ObjectId, RefEvent, TraceEvent, Tracer};
use tstate::sim::driver::{reference_traced, traced};
use tstate::sync::Word;

/// How C sets a function of tracing.
type Set = fn(Option<TraceFunction>, Pointer);

const EVENTS: [TraceEvent; 7] = [
    TraceEvent::Call,
    TraceEvent::Exception,
    TraceEvent::Line,
    TraceEvent::Return,
    TraceEvent::NativeCall,
    TraceEvent::NativeException,
    TraceEvent::NativeReturn,
];

/// `PyEval_SetTrace` and its kin.
pub(super) fn set(set: Set, tracer: Tracer) {
    if tracer == Tracer::NONE {
        return set(None, std::ptr::null_mut());
    }
    let registered = api::tuple(2);
    api::tuple_set(registered, 0, api::number(tracer.to_word().cast_signed()));
    let object = tracer.object.map_or(std::ptr::null_mut(), |object| {
        objects::pointer(object.index())
    });
    let object = if object.is_null() {
        api::boolean(0)
    } else {
        api::increase(object);
        object
    };
    api::tuple_set(registered, 1, object);
    set(tracer.function.map(|_| told as TraceFunction), registered);
    api::decrease(registered);
}

/// `Py_tracefunc`
extern "C-unwind" fn told(
    registered: Pointer,
    _frame: Pointer,
    what: c_int,
    _arg: Pointer,
) -> c_int {
    if !evaluates() {
        return 0;
    }
    let word = api::number_value(api::tuple_item(registered, 0));
    let tracer = Tracer::from_word(word.cast_unsigned());
    let event = usize::try_from(what).ok().and_then(|what| EVENTS.get(what));
    let (Some(function), Some(event)) = (tracer.function, event) else {
        record::refuse("an event of tracing that nobody asked for");
    };
    let result = child::callback_with(function, &traced(tracer.object, *event));
    failed(result)
}

fn failed(result: i32) -> c_int {
    if result == -1 {
        raise();
        return -1;
    }
    0
}

extern "C-unwind" fn ref_told_of<const BODY: usize>(
    object: Pointer,
    what: c_int,
    data: Pointer,
) -> c_int {
    let (object, event) = match what {
        0 => (objects::made(object), RefEvent::Create),
        1 => (objects::destroyed(object), RefEvent::Destroy),
        _ => (None, RefEvent::Removed),
    };
    if object.is_none() && event != RefEvent::Removed {
        return 0;
    }
    let object = object.map(ObjectId::new);
    let arguments = reference_traced(object, event, data as u64);
    let result = child::callback_with(CallbackId(BODY as u16), &arguments);
    // Nobody asks for what is returned of an object.
    if event == RefEvent::Removed {
        failed(result)
    } else {
        0
    }
}

const REF_TOLD: [RefTracer; BODIES_MAX] = for_each_body!(ref_told_of);

/// `PyRefTracer_SetTracer`
pub(super) fn set_ref_tracer(function: Option<CallbackId>, data: u64) -> i32 {
    let function = function.map(|id| of_body(&REF_TOLD, id));
    let result = api::ref_tracer_set_tracer(function, data as Pointer);
    if result != 0 {
        api::error_clear();
    }
    result
}

/// `PyRefTracer_GetTracer`
pub(super) fn ref_tracer() -> (Option<CallbackId>, u64) {
    let mut data = std::ptr::null_mut();
    let found = api::ref_tracer(&raw mut data) as usize;
    let place = REF_TOLD.iter().position(|told| *told as usize == found);
    (place.map(|place| CallbackId(place as u16)), data as u64)
}

extern "C-unwind" fn evaluated_of<const BODY: usize>(
    state: Pointer,
    frame: Pointer,
    throws: c_int,
) -> Pointer {
    if evaluates() {
        child::evaluate(CallbackId(BODY as u16), state);
    }
    api::eval_frame_default(state, frame, throws)
}

const EVALUATED: [FrameEvalFunction; BODIES_MAX] = for_each_body!(evaluated_of);

fn default_function() -> Pointer {
    let address = super::library::symbol("_PyEval_EvalFrameDefault");
    address.map_or(std::ptr::null_mut(), |address| address as Pointer)
}

/// `_PyInterpreterState_SetEvalFrameFunc`
pub(super) fn set_eval_frame(interpreter: Pointer, evaluator: Evaluator) {
    let function = match evaluator {
        Evaluator::Null => std::ptr::null_mut(),
        Evaluator::Default => default_function(),
        Evaluator::Own(id) => of_body(&EVALUATED, id) as Pointer,
    };
    api::set_eval_frame(interpreter, function);
}

/// `_PyInterpreterState_GetEvalFrameFunc`
pub(super) fn eval_frame(interpreter: Pointer) -> Evaluator {
    let found = api::eval_frame(interpreter);
    let place = EVALUATED
        .iter()
        .position(|function| *function as usize == found as usize);
    match place {
        Some(place) => Evaluator::Own(CallbackId(place as u16)),
        None if found.is_null() => Evaluator::Null,
        None => Evaluator::Default,
    }
}

fn of_body<F: Copy>(functions: &[F; BODIES_MAX], id: CallbackId) -> F {
    match functions.get(usize::from(id.0)) {
        Some(function) => *function,
        None => record::refuse("a callback beyond the 64th body"),
    }
}
