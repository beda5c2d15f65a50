//! Names for the library's pointers, as the scenario's machine knows them.
//!
//! A pointer that is seen for the first time gets the next number. One that was in the interpreter's list, left it, and
//! is in it again is another thing at the same address: it gets a new number. One that left it and is read somewhere is
//! the old thing, which is freed.

use super::api::Pointer;
use std::collections::BTreeSet;
use tstate::runtime::{InterpreterHandle, ThreadStateHandle};
use tstate::sync::Word;

/// A thread state or an interpreter that was seen.
#[derive(Clone, Copy, Debug)]
struct Known {
    address: usize,
    listed: bool,
    gone: bool,
}

/// What was seen. Touched by the thread that has the turn.
#[derive(Debug, Default)]
pub struct Handles {
    states: Vec<Known>,
    interpreters: Vec<Known>,
    blocks: Vec<usize>,
}

/// Numbers that fit a handle.
const NUMBERS_MAX: usize = 250;

impl Handles {
    /// The handle of a thread state, given what is in the list now.
    pub fn state(&mut self, pointer: Pointer, list: &BTreeSet<usize>) -> ThreadStateHandle {
        let address = pointer as usize;
        if address == 0 {
            return ThreadStateHandle::NULL;
        }
        self.listed(list);
        let is_listed = list.contains(&address);
        let newest = self
            .states
            .iter()
            .rposition(|known| known.address == address);
        let number = match newest {
            Some(number) if !(self.states[number].gone && is_listed) => number,
            Some(_) | None => {
                self.states.push(Known {
                    address,
                    listed: is_listed,
                    gone: false,
                });
                self.states.len() - 1
            }
        };
        ThreadStateHandle::from_word(place(number))
    }

    /// The pointer of a thread state.
    pub fn state_pointer(&self, handle: ThreadStateHandle) -> Pointer {
        let address = handle
            .slot()
            .map_or(0, |number| self.states[number].address);
        address as Pointer
    }

    /// The word of a handle to a block of memory that was just made, never one that another block had: a guard, a view, a key.
    /// `first` is the first number of its kind that is free.
    pub fn block(&mut self, pointer: Pointer, first: usize) -> u64 {
        if pointer.is_null() {
            return 0;
        }
        self.blocks.push(pointer as usize);
        place(first + self.blocks.len() - 1)
    }

    /// The pointer of a block that has this number.
    pub fn block_pointer(&self, number: Option<usize>) -> Pointer {
        let address = number.and_then(|number| self.blocks.get(number));
        address.copied().unwrap_or(0) as Pointer
    }

    /// The list is this now: what was in it and is no longer is gone.
    fn listed(&mut self, list: &BTreeSet<usize>) {
        for known in &mut self.states {
            let is_listed = list.contains(&known.address) && !known.gone;
            known.gone |= known.listed && !is_listed;
            known.listed |= is_listed;
        }
    }

    /// The handle of an interpreter; `main` is the main one's pointer now, and `list` what is in the list.
    pub fn interpreter(
        &mut self,
        pointer: Pointer,
        main: Pointer,
        list: &[usize],
    ) -> InterpreterHandle {
        let address = pointer as usize;
        if address == 0 {
            return InterpreterHandle::NULL;
        }
        let is_main = pointer == main || (main.is_null() && self.interpreters.is_empty());
        let main = Known {
            address: if is_main { address } else { main as usize },
            listed: true,
            gone: false,
        };
        if self.interpreters.is_empty() {
            self.interpreters.push(main);
        }
        if is_main {
            // The main interpreter has one handle in every life of the runtime.
            self.interpreters[0] = main;
            return InterpreterHandle::MAIN;
        }
        for known in self.interpreters.iter_mut().skip(1) {
            let is_listed = list.contains(&known.address) && !known.gone;
            known.gone |= known.listed && !is_listed;
            known.listed |= is_listed;
        }
        let is_listed = list.contains(&address);
        let newest = self
            .interpreters
            .iter()
            .rposition(|known| known.address == address);
        let number = match newest {
            Some(number) if !(self.interpreters[number].gone && is_listed) => number,
            Some(_) | None => {
                self.interpreters.push(Known {
                    address,
                    listed: is_listed,
                    gone: false,
                });
                self.interpreters.len() - 1
            }
        };
        InterpreterHandle::from_word(place(number))
    }

    /// The pointer of an interpreter.
    pub fn interpreter_pointer(&self, handle: InterpreterHandle) -> Pointer {
        let known = handle
            .slot()
            .and_then(|number| self.interpreters.get(number));
        known.map_or(0, |known| known.address) as Pointer
    }
}

/// The word of a handle with this number.
fn place(number: usize) -> u64 {
    if number >= NUMBERS_MAX {
        crate::record::cut("thread states");
    }
    (number as u64 + 1) << 8
}
