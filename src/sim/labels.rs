//! Labels of states. Many states look alike, so each label is kept once.

use rustc_hash::FxHashMap;

/// The labels of a graph's nodes.
#[derive(Debug, Default)]
pub struct Labels {
    texts: Vec<String>,
    places: Vec<u32>,
    known: FxHashMap<String, u32>,
}

impl Labels {
    /// Notes the label of the next node.
    pub(super) fn add(&mut self, label: String) {
        let next = self.texts.len() as u32;
        let place = *self.known.entry(label).or_insert_with_key(|label| {
            self.texts.push(label.clone());
            next
        });
        self.places.push(place);
    }

    /// The different labels, in order of their first node.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// For each node the place of its label among [`Self::texts`].
    #[must_use]
    pub fn places(&self) -> &[u32] {
        &self.places
    }
}
