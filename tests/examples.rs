//! The examples do what they say: each asserts it in its `main`.
#![cfg(not(loom))]

#[path = "../examples/embed.rs"]
mod embed;
#[path = "../examples/explore.rs"]
mod explore;
#[path = "../examples/replay.rs"]
mod replay;

#[test]
fn embedding_the_runtime_on_real_threads_finalizes() {
    embed::main();
}

#[test]
fn exploring_from_rust_finds_the_deadlock() {
    explore::main();
}

#[test]
fn a_replayed_schedule_tells_the_deadlock() {
    replay::main();
}

#[test]
fn there_are_three_examples_of_under_sixty_lines() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        assert!(text.lines().count() < 60, "{} is long", path.display());
        names.push(path.file_name().expect("a file").to_owned());
    }
    names.sort();
    assert_eq!(names, ["embed.rs", "explore.rs", "replay.rs"]);
}
