//! Observers: questions about the runtime's state, and the whole of it as one plain ordered value.
//!
//! Observers peek: they are no operation of the program, and belong between two steps, or after the threads ended.

mod collect;
mod display;
mod predicates;
mod value;

pub use value::{
    GilObservation, GuardObservation, InterpreterObservation, Observation, PendingObservation,
    ThreadObservation, ThreadStateObservation,
};
