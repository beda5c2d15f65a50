//! Which entries of the two catalogues (bugs met in the field; properties, probes and functions of the contract) have scenarios.
//!
//! `docs/entries.txt` lists every entry once. A scenario names those that it covers in the `Covers:` line of its
//! documentation. `docs/coverage.md` is written from both: `TSTATE_UPDATE=1 cargo test --test coverage`.

#![cfg(not(loom))]

mod corpus;

use corpus::{ScenarioFile, root};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The families of entries: the first letter of an id, and the heading of its table.
const FAMILIES: [(&str, &str); 7] = [
    ("U", "User bugs"),
    ("R", "Runtime bugs"),
    ("Z", "Hazards"),
    ("S", "Safety properties"),
    ("L", "Progress properties"),
    ("P", "Probes of real libraries"),
    ("F", "Functions that no property speaks of"),
];

const ENTRIES: &str = include_str!("../docs/entries.txt");

/// One line of `docs/entries.txt`.
struct Entry {
    id: String,
    name: String,
    waits: Vec<String>,
    /// Paths under `scenarios`, without the ending.
    scenarios: Vec<String>,
}

struct Catalogue {
    /// Word and meaning.
    reasons: Vec<(String, String)>,
    entries: Vec<Entry>,
    /// Entries by id.
    places: BTreeMap<String, usize>,
    mistakes: Vec<String>,
}

impl Catalogue {
    /// The entries, and the scenarios that name them.
    fn load() -> Self {
        let mut catalogue = Self {
            reasons: Vec::new(),
            entries: Vec::new(),
            places: BTreeMap::new(),
            mistakes: Vec::new(),
        };
        for line in ENTRIES.lines() {
            if !line.is_empty() && !line.starts_with('#') {
                catalogue.line(line);
            }
        }
        for path in scenario_files() {
            catalogue.scenario(&path);
        }
        catalogue
    }

    fn line(&mut self, line: &str) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [id, name, waits] = columns[..] else {
            return self.mistake(format!("entries.txt: not three columns: {line}"));
        };
        if id == "reason" {
            return self.reasons.push((name.to_owned(), waits.to_owned()));
        }
        if !FAMILIES.iter().any(|(letter, _)| id.starts_with(letter)) {
            self.mistake(format!("entries.txt: {id} belongs to no family"));
        }
        let waits = words(waits);
        for word in &waits {
            if !self.reasons.iter().any(|(reason, _)| reason == word) {
                self.mistake(format!(
                    "entries.txt: {id} waits for `{word}`, which is no reason"
                ));
            }
        }
        if self
            .places
            .insert(id.to_owned(), self.entries.len())
            .is_some()
        {
            self.mistake(format!("entries.txt: {id} is there twice"));
        }
        self.entries.push(Entry {
            id: id.to_owned(),
            name: name.to_owned(),
            waits,
            scenarios: Vec::new(),
        });
    }

    fn scenario(&mut self, file: &ScenarioFile) {
        let name = file.title();
        let text = &file.source;
        let tags: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("/// Covers:"))
            .collect();
        let [tag] = tags[..] else {
            return self.mistake(format!(
                "{name} has {} lines `/// Covers:`, not one",
                tags.len()
            ));
        };
        for id in words(tag) {
            match self.places.get(&id) {
                Some(place) if !self.entries[*place].scenarios.contains(&name) => {
                    self.entries[*place].scenarios.push(name.clone());
                }
                Some(_) => self.mistake(format!("{name} names {id} twice")),
                None => self.mistake(format!("{name} covers `{id}`, which is no entry")),
            }
        }
        for other in text
            .split([' ', '(', ')', ',', '\n'])
            .filter(|word| word.trim_end_matches('.').ends_with(".capi"))
        {
            if !root()
                .join("scenarios")
                .join(other.trim_end_matches('.'))
                .is_file()
            {
                self.mistake(format!("{name} refers to {other}, which is not there"));
            }
        }
        if words(tag).is_empty() {
            self.mistake(format!("{name} covers nothing"));
        }
    }

    fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// The whole page.
    fn page(&self) -> String {
        let mut page = String::from(HEAD);
        self.summary(&mut page);
        for (letter, heading) in FAMILIES {
            let _ = write!(
                page,
                "\n## {heading}\n\n| id | entry | scenarios | waits for |\n| --- | --- | --- | --- |\n"
            );
            for entry in self.family(letter) {
                let scenarios: Vec<String> = entry
                    .scenarios
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect();
                let (scenarios, waits) = (scenarios.join(", "), entry.waits.join(", "));
                let _ = writeln!(
                    page,
                    "| {} | {} | {scenarios} | {waits} |",
                    entry.id, entry.name
                );
            }
        }
        page
    }

    fn summary(&self, page: &mut String) {
        page.push_str("| entries | all | covered | covered in part | waiting |\n| --- | --- | --- | --- | --- |\n");
        for (letter, heading) in FAMILIES {
            let count = |wanted: fn(&Entry) -> bool| {
                self.family(letter).filter(|entry| wanted(entry)).count()
            };
            let whole = count(|entry| !entry.scenarios.is_empty() && entry.waits.is_empty());
            let part = count(|entry| !entry.scenarios.is_empty() && !entry.waits.is_empty());
            let waiting = count(|entry| entry.scenarios.is_empty());
            let all = whole + part + waiting;
            let _ = writeln!(page, "| {heading} | {all} | {whole} | {part} | {waiting} |");
        }
        page.push_str("\n| what entries wait for | | covered in part | waiting |\n| --- | --- | --- | --- |\n");
        for (reason, meaning) in &self.reasons {
            let waiting = self
                .entries
                .iter()
                .filter(|entry| entry.waits.contains(reason));
            let (part, none): (Vec<&Entry>, Vec<&Entry>) =
                waiting.partition(|entry| !entry.scenarios.is_empty());
            let _ = writeln!(
                page,
                "| {reason} | {meaning} | {} | {} |",
                part.len(),
                none.len()
            );
        }
    }

    fn family(&self, letter: &str) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.id.starts_with(letter))
    }
}

const HEAD: &str = "# What the scenarios cover

Written by `TSTATE_UPDATE=1 cargo test --test coverage` from `docs/entries.txt` and the `Covers:` lines of `scenarios/`.
An entry with scenarios that still waits for something is covered in part.

";

/// The words between commas.
fn words(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Every scenario file; each before its twin.
fn scenario_files() -> Vec<ScenarioFile> {
    let mut files = corpus::scenario_files();
    files.sort_by_key(ScenarioFile::title);
    assert!(!files.is_empty(), "there are no scenarios");
    files
}

#[test]
fn every_scenario_covers_known_entries() {
    let mistakes = Catalogue::load().mistakes;
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_entry_has_a_scenario_or_waits_for_something() {
    let catalogue = Catalogue::load();
    let bare = catalogue
        .entries
        .iter()
        .filter(|entry| entry.scenarios.is_empty() && entry.waits.is_empty());
    let bare: Vec<&str> = bare.map(|entry| entry.id.as_str()).collect();
    assert!(
        bare.is_empty(),
        "no scenario covers these, and nothing says why: {}",
        bare.join(", ")
    );
}

#[test]
fn the_coverage_page_is_up_to_date() {
    corpus::assert_page("docs/coverage.md", &Catalogue::load().page(), "coverage");
}
