//! Each code of the catalogue has a bad file in `tests/diag/` named after it, and a snapshot of its messages.
//!
//! A failure shows how a message, a label or a suggested edit changed; `cargo insta review` accepts it.

use std::fs;
use std::path::{Path, PathBuf};

use tstate::runtime::profile::Profile;
use tstate::sim::diagnostic::{Code, Diagnostic};
use tstate::sim::scenario;
use tstate_cli::render::diagnostic::render;

/// What a file of this size would say is not worth a file of this size; and what is refused by `export-c` only.
const WITHOUT_FILE: [Code; 3] = [Code::S008, Code::S308, Code::S404];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn bad_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/diag")).expect("the folder of bad files exists");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}

fn stem(file: &Path) -> String {
    let stem = file.file_stem().expect("a file has a name");
    stem.to_string_lossy().into_owned()
}

/// Everything that `tstate check` would say about a file.
fn findings(source: &str) -> Vec<Diagnostic> {
    let file = match scenario::parse(source) {
        Ok(file) => file,
        Err(diagnostics) => return diagnostics,
    };
    match scenario::check(&file) {
        Err(diagnostics) => diagnostics,
        Ok(program) => {
            let profile = program
                .profiles
                .first()
                .copied()
                .unwrap_or(Profile::DEFAULT);
            let refused = scenario::unmodelled(&program, profile);
            program.warnings.into_iter().chain(refused).collect()
        }
    }
}

#[test]
fn every_code_has_a_bad_file() {
    let files = bad_files();
    // The other codes are about verdicts and settings, not about files of this kind.
    let about_files = Code::ALL.iter().filter(|code| code.name().starts_with('S'));
    for code in about_files.filter(|code| !WITHOUT_FILE.contains(code)) {
        let prefix = code.name().to_ascii_lowercase();
        let found = files.iter().any(|file| stem(file).starts_with(&prefix));
        assert!(found, "no file in tests/diag/ begins with {prefix}");
    }
}

#[test]
fn each_bad_file_is_reported_with_its_code_and_as_recorded() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots/diag"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in bad_files() {
        let source = fs::read_to_string(&file).expect("a bad file is text");
        let name = stem(&file);
        let path = format!("tests/diag/{name}.capi");
        let found = findings(&source);
        let code = name[..4].to_ascii_uppercase();
        assert!(
            found
                .iter()
                .any(|diagnostic| diagnostic.code.name() == code),
            "{path} does not show {code}: {found:?}"
        );
        let texts = found
            .iter()
            .map(|diagnostic| render(diagnostic, &path, &source, false));
        let text = texts.collect::<Vec<_>>().join("\n\n");
        settings.bind(|| insta::assert_snapshot!(name.as_str(), text));
    }
}

#[test]
fn a_renderer_survives_spans_outside_of_the_source() {
    let broken = scenario::parse("thread main {").expect_err("the block is not closed");
    for diagnostic in &broken {
        let text = render(diagnostic, "other.capi", "é", false);
        assert!(text.contains(diagnostic.code.name()), "{text}");
    }
}
