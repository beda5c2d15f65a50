//! Exports what the program defines in the C library's place, so that a library opened later binds to it first.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/layer/symbols.txt");
    for symbol in include_str!("src/layer/symbols.txt").split_whitespace() {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
