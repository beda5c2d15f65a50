//! The state key: contributions of cells and threads, renewed for what changed.

use super::{NOBODY, Silence, State};
use crate::sync::hook::{CellId, CellKind, fold};

impl State {
    /// Brings the key up to date with all cells and threads that changed.
    pub(super) fn refresh(&mut self) {
        while let Some(index) = self.dirty_cells.pop() {
            let id = CellId(index);
            let contribution = self.cell_contribution(id);
            let cell = &mut self.cells[usize::from(index)];
            self.key ^= cell.contribution ^ contribution;
            cell.contribution = contribution;
            cell.dirty = false;
        }
        for index in 0..self.threads.len() {
            if self.threads[index].dirty {
                let contribution = self.thread_contribution(index);
                let thread = &mut self.threads[index];
                self.key ^= thread.contribution ^ contribution;
                thread.contribution = contribution;
                thread.dirty = false;
            }
        }
    }

    fn cell_contribution(&mut self, id: CellId) -> u128 {
        let index = usize::from(id.0);
        let kind = self.infos[index].kind;
        let cell = self.cells[index];
        let value = match kind {
            CellKind::Condvar | CellKind::Epoch => return 0,
            CellKind::Mutex if cell.owner != NOBODY => {
                if self.silenced(Silence::KeyOwner) {
                    0
                } else {
                    u128::from(cell.owner) + 1
                }
            }
            CellKind::Mutex => {
                if self.silenced(Silence::KeyContents) {
                    0
                } else {
                    self.content(id)
                }
            }
            CellKind::Atomic
            | CellKind::Semaphore
            | CellKind::Event
            | CellKind::Plain
            | CellKind::Local => {
                if self.silenced(Silence::KeyWord) {
                    0
                } else {
                    u128::from(cell.value)
                }
            }
        };
        fold(value, u64::from(id.0), 0)
    }

    /// The digest of a mutex's contents now.
    pub(super) fn content(&mut self, mutex: CellId) -> u128 {
        let index = usize::from(mutex.0);
        if self.cells[index].content_stale
            && let Some(contents) = self.contents[index]
        {
            #[expect(unsafe_code, reason = "the contents live in the program's memory")]
            // SAFETY: noted when the mutex was locked in this run; the program stays in place while it is explored.
            let digest = unsafe { (*contents).digest() };
            self.cells[index].content = digest;
            self.cells[index].content_stale = false;
        }
        self.cells[index].content
    }

    fn thread_contribution(&self, index: usize) -> u128 {
        let thread = &self.threads[index];
        let mut digest = if self.silenced(Silence::KeyHistory) {
            0
        } else {
            thread.history
        };
        if !self.silenced(Silence::KeyPending) {
            digest = fold(digest, index as u64, u128::from(thread.pending.code()));
            if thread.signals != 0 || thread.is_interrupted() {
                let beneath = u128::from(thread.beneath.code());
                digest = fold(digest, thread.signals, beneath);
            }
        }
        if !self.silenced(Silence::KeyEpoch) {
            for (epoch, value) in thread.remembered {
                if epoch != CellId::NONE {
                    let changed = self.cell(epoch).value != value;
                    digest = fold(digest, u64::from(epoch.0) + 1, u128::from(changed));
                }
            }
        }
        fold(digest, 1 << 32 | index as u64, 0)
    }
}
