//! Loom.
#![cfg(loom)]
#[path = "../models/mod.rs"]
mod models;
