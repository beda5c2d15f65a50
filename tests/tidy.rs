//! House rules that a reader or a compiler would not catch, each with an example that breaks it.
#![cfg(not(loom))]

mod corpus;
mod rust_text;

use corpus::{files_below, root, scenario_files};
use rust_text::{code_of, functions};
use std::collections::BTreeSet;
use std::path::Path;

/// Lines of a file without its tests, and of a function: hard stops.
const FILE_LINES_MAX: usize = 700;
const FUNCTION_LINES_MAX: usize = 70;

/// The files that may contain unsafe code: the floor, the fibers, and the world that saves and restores memory.
const UNSAFE: [&str; 10] = [
    "src/sync/hook.rs",
    "src/sync/os/lock.rs",
    "src/sim/explorer.rs",
    "src/sim/fiber.rs",
    "src/sim/replay.rs",
    "src/sim/world/control.rs",
    "src/sim/world/key.rs",
    "src/sim/world/mod.rs",
    "src/sim/world/pending.rs",
    "src/sim/world/trail.rs",
];

/// Files beside the floor that name what belongs to it: the modules that loom leaves out, and the listener, which a
/// machine may call from any of its threads.
const OF_THE_FLOOR: [&str; 3] = ["src/lib.rs", "src/sim/mod.rs", "src/sim/noted.rs"];

/// A rule: which files it is about, what in such a file breaks it, and a file that does.
struct Rule {
    name: &'static str,
    is_about: fn(&str) -> bool,
    breaches: fn(&str, &str) -> Vec<String>,
    broken: (&'static str, &'static str),
}

const RULES: [Rule; 11] = [
    Rule {
        name: "imports go from cli to sim to runtime to sync, never back",
        is_about: |path| path.starts_with("src/") && path != "src/lib.rs",
        breaches: arrows,
        broken: ("src/runtime/gil.rs", "use crate::sim::judge::Judge;\n"),
    },
    Rule {
        name: "only the floor names locks, threads and loom",
        is_about: |path| {
            let exempt = path.starts_with("src/sync/") || OF_THE_FLOOR.contains(&path);
            path.starts_with("src/") && !exempt
        },
        breaches: floor,
        broken: ("src/sim/check.rs", "use std::sync::{Arc, Mutex};\n"),
    },
    Rule {
        name: "no clock in the library",
        is_about: |path| path.starts_with("src/"),
        breaches: |_, text| words_in(&code_of(text), &["Instant", "SystemTime"]),
        broken: (
            "src/sim/check.rs",
            "let start = std::time::Instant::now();\n",
        ),
    },
    Rule {
        name: "unsafe code only where it must be",
        is_about: |path| {
            // The driver is all about calling C and standing in for it.
            path.ends_with(".rs") && !path.starts_with("driver/") && !UNSAFE.contains(&path)
        },
        breaches: |_, text| words_in(&code_of(text), &["unsafe"]),
        broken: ("src/runtime/gil.rs", "fn f() { unsafe { g() } }\n"),
    },
    Rule {
        name: "files below the hard stop",
        is_about: |path| path.ends_with(".rs") && !path.starts_with("tests/"),
        breaches: |_, text| {
            let own = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let lines = own.lines().count();
            let breach = format!("{lines} lines");
            (lines > FILE_LINES_MAX)
                .then_some(breach)
                .into_iter()
                .collect()
        },
        broken: ("src/lib.rs", LONG),
    },
    Rule {
        name: "functions below the hard stop",
        is_about: |path| path.ends_with(".rs"),
        breaches: |_, text| {
            let long = functions(text).into_iter();
            let long = long.filter(|(_, lines)| *lines > FUNCTION_LINES_MAX);
            long.map(|(name, lines)| format!("{name} has {lines} lines"))
                .collect()
        },
        broken: ("src/lib.rs", LONG),
    },
    Rule {
        name: "names that say something",
        is_about: |path| path.ends_with(".rs"),
        breaches: names,
        broken: ("src/lib.rs", "mod helpers;\nfn get_it() {}\n"),
    },
    Rule {
        name: "nothing left unfinished",
        is_about: |path| path.ends_with(".rs") || path.ends_with(".capi") || path.ends_with(".md"),
        breaches: |_, text| {
            let marks = [
                concat!("TO", "DO"),
                concat!("XX", "X"),
                concat!("FIX", "ME"),
                concat!("db", "g!("),
            ];
            let lines = text
                .lines()
                .filter(|line| marks.iter().any(|mark| line.contains(mark)));
            lines.map(str::to_owned).collect()
        },
        broken: ("src/lib.rs", concat!("// TO", "DO: later\n")),
    },
    Rule {
        name: "every file of a crate opens with its document",
        is_about: |path| path.ends_with(".rs"),
        breaches: |_, text| {
            let opens = text.starts_with("//! ");
            (!opens)
                .then(|| "no document".to_owned())
                .into_iter()
                .collect()
        },
        broken: ("src/lib.rs", "use std::fmt;\n"),
    },
    Rule {
        name: "a protocol of the runtime is written down",
        is_about: |path| path.starts_with("src/runtime/"),
        breaches: headings,
        broken: ("src/runtime/gil.rs", "//! The lock.\n//!\n//! # Protocol\n"),
    },
    Rule {
        name: "nothing of the machine it was written on",
        is_about: |path| path != "tests/tidy.rs",
        breaches: machine,
        broken: (
            ".cargo/config.toml",
            "[source.crates-io]\nreplace-with = \"here\"\n",
        ),
    },
];

/// A function of 800 lines.
const LONG: &str = concat!(
    "//! Long.\nfn long() {\n",
    include_str!("tidy.rs"),
    include_str!("rust_text/mod.rs"),
    include_str!("corpus/mod.rs"),
    include_str!("scenarios.rs")
);

/// Modules of the runtime that are data or observation, without a protocol of their own.
const WITHOUT_PROTOCOL: [&str; 5] = [
    "src/runtime/mod.rs",
    "src/runtime/handle.rs",
    "src/runtime/profile.rs",
    "src/runtime/differences/",
    "src/runtime/observe/",
];

/// Where `words` stand in `code` as whole words.
fn words_in(code: &str, words: &[&str]) -> Vec<String> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let lines = code.lines().enumerate();
    let found = lines.filter(|(_, line)| {
        line.split(|letter| !is_name(letter))
            .any(|word| words.contains(&word))
    });
    found
        .map(|(number, line)| format!("line {}: {}", number + 1, line.trim()))
        .collect()
}

fn lines_with(code: &str, breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = code.lines().enumerate().filter(|(_, line)| breaks(line));
    lines
        .map(|(number, line)| format!("line {}: {}", number + 1, line.trim()))
        .collect()
}

fn arrows(path: &str, text: &str) -> Vec<String> {
    let forbidden: &[&str] = if path.starts_with("src/sync/") {
        &["crate::runtime", "crate::sim", "tstate_cli"]
    } else if path.starts_with("src/runtime/") {
        &["crate::sim", "tstate_cli"]
    } else {
        &["tstate_cli", "clap::"]
    };
    lines_with(&code_of(text), |line| {
        forbidden.iter().any(|name| line.contains(name))
    })
}

fn floor(_: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut breaches = words_in(&code, &["parking_lot", "loom"]);
    breaches.extend(lines_with(&code, |line| {
        line.contains("std::thread")
            || line
                .split("std::sync::")
                .skip(1)
                .any(|rest| !is_shared_pointer(rest))
    }));
    breaches
}

/// Whether what follows `std::sync::` is `Arc`, `Weak` or both: they are no operation of a program.
fn is_shared_pointer(rest: &str) -> bool {
    let end = rest.find([';', '<', '(', ' ']).unwrap_or(rest.len());
    let braced = rest
        .starts_with('{')
        .then(|| rest.find('}').map_or(rest, |end| &rest[1..end]));
    let names = braced.unwrap_or(&rest[..end]);
    names.split([',', ':']).all(|name| {
        matches!(
            name.trim(),
            "Arc" | "Weak" | "" | "new" | "clone" | "downgrade" | "ptr_eq"
        )
    })
}

fn names(path: &str, text: &str) -> Vec<String> {
    const BANNED: [&str; 3] = ["utils", "helpers", "common"];
    let code = code_of(text);
    let mut breaches = lines_with(&code, |line| {
        let after = |word: &str| {
            line.trim()
                .trim_start_matches("pub ")
                .strip_prefix(word)
                .map(str::to_owned)
        };
        let module = after("mod ")
            .is_some_and(|rest| BANNED.contains(&rest.trim_end_matches([';', ' ', '{'])));
        module || line.contains(concat!("fn ge", "t_")) || line.contains(concat!("fn tes", "t_"))
    });
    let parts = Path::new(path).iter().filter_map(|part| part.to_str());
    let banned = parts.filter(|part| BANNED.contains(&part.trim_end_matches(".rs")));
    breaches.extend(banned.map(|part| format!("a file or folder named {part}")));
    breaches
}

fn headings(path: &str, text: &str) -> Vec<String> {
    if WITHOUT_PROTOCOL.iter().any(|place| path.starts_with(place)) {
        return Vec::new();
    }
    let document: Vec<&str> = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    let has = |start: &str| document.iter().any(|line| line.starts_with(start));
    let mut breaches = Vec::new();
    if !(has("//! CPython: ") || has("//! # ")) {
        breaches.push("neither the functions of CPython that it follows nor a heading".to_owned());
    }
    let written = ["States", "Transitions", "Protocol"]
        .iter()
        .any(|heading| has(&format!("//! # {heading}")));
    if written && !has("//! # Invariants") {
        breaches.push("a protocol without its invariants".to_owned());
    }
    breaches
}

fn machine(path: &str, text: &str) -> Vec<String> {
    let index = "https://github.com/rust-lang/crates.io-index";
    let own = |line: &str| path == "Cargo.lock" && line.contains(index);
    const HOMES: [&str; 5] = ["/home/", "/root/", "/work/", "/Users/", "/tmp/"];
    const REGISTRIES: [&str; 3] = ["replace-with", "registry+", "index.crates.io"];
    lines_with(text, |line| {
        let names_machine = HOMES
            .iter()
            .chain(&REGISTRIES)
            .any(|part| line.contains(part));
        names_machine && !own(line)
    })
}

/// All files of the repository that are text of ours, by their path in it.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in [
        "src",
        "cli",
        "driver",
        "tests",
        "benches",
        "examples",
        "scenarios",
        "snapshots",
        "docs",
        "scripts",
        "conform",
        ".cargo",
        ".ci",
    ] {
        for extension in [
            "rs", "capi", "md", "toml", "snap", "txt", "json", "runs", "",
        ] {
            files.extend(files_below(&root().join(folder), extension));
        }
    }
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "clippy.toml",
        "deny.toml",
    ] {
        files.push(root().join(name));
    }
    let named = files.into_iter().filter(|path| path.is_file()).map(|path| {
        let name = path.strip_prefix(root()).expect("it is in the repository");
        let name = name.to_str().expect("names are UTF-8").replace('\\', "/");
        (name, std::fs::read_to_string(&path).expect("it is text"))
    });
    named.collect()
}

#[test]
fn every_rule_is_kept() {
    let files = files();
    assert!(files.len() > 200, "only {} files were found", files.len());
    let mut breaches = Vec::new();
    for rule in &RULES {
        let about: Vec<_> = files
            .iter()
            .filter(|(path, _)| (rule.is_about)(path))
            .collect();
        assert!(!about.is_empty(), "{}: about no file", rule.name);
        for (path, text) in about {
            let found = (rule.breaches)(path, text).into_iter();
            breaches.extend(found.map(|breach| format!("{path}: {}: {breach}", rule.name)));
        }
    }
    assert!(
        breaches.is_empty(),
        "{} breaches\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

#[test]
fn every_rule_refuses_what_breaks_it() {
    for rule in &RULES {
        let (path, text) = rule.broken;
        assert!(
            (rule.is_about)(path),
            "{}: not about its example",
            rule.name
        );
        assert!(
            !(rule.breaches)(path, text).is_empty(),
            "{}: kept by its example",
            rule.name
        );
    }
}

/// What is in one of the two sets only.
fn differences<'a>(
    snapshots: &'a BTreeSet<String>,
    scenarios: &'a BTreeSet<String>,
) -> Vec<&'a String> {
    snapshots.symmetric_difference(scenarios).collect()
}

/// A snapshot without its scenario tells of nothing; a scenario without its snapshot is not watched.
#[test]
fn every_scenario_has_its_snapshot_and_every_snapshot_its_scenario() {
    let mut wanted = BTreeSet::new();
    let mut subjects = BTreeSet::new();
    for file in scenario_files() {
        wanted.insert(file.title());
        subjects.insert(file.subject);
    }
    let mut found = BTreeSet::new();
    for path in files_below(&root().join("snapshots"), "snap") {
        let name = path
            .strip_prefix(root().join("snapshots"))
            .expect("it is there");
        let name = name
            .with_extension("")
            .to_str()
            .expect("names are UTF-8")
            .replace('\\', "/");
        if subjects.contains(name.split('/').next().unwrap_or_default()) {
            found.insert(name);
        }
    }
    assert_eq!(differences(&found, &wanted), Vec::<&String>::new());
    found.remove(wanted.first().expect("there are scenarios"));
    assert_eq!(
        differences(&found, &wanted).len(),
        1,
        "a missing snapshot is noticed"
    );
}

#[test]
fn literals_and_comments_are_no_code() {
    let source = "let a = \"unsafe // {\"; // unsafe\nlet b = r#\"}\"#; /* { /* unsafe */ */ let c = '{'; fn f<'a>() {\n}\n";
    let code = code_of(source);
    assert!(words_in(&code, &["unsafe"]).is_empty(), "{code}");
    assert_eq!(functions(source), [("f".to_owned(), 2)]);
}

/// A range of patch levels that hides a change would call two different releases alike.
#[test]
fn every_patch_level_that_a_difference_asks_for_is_known() {
    let mut asked = BTreeSet::new();
    for (path, text) in files() {
        if !path.starts_with("src/runtime/") {
            continue;
        }
        for call in code_of(&text).split("since(").skip(1) {
            let numbers = call.split(')').next().unwrap_or_default();
            let numbers: Option<Vec<u8>> = numbers
                .split(", ")
                .map(|number| number.parse().ok())
                .collect();
            if let Some(&[minor, patch]) = numbers.as_deref()
                && patch > 0
            {
                asked.insert((minor, patch));
            }
        }
    }
    let known = tstate::runtime::levels::CHANGES.into_iter().collect();
    assert_eq!(asked, known);
}
