//! The Dockerfile and the workflows: linted, and of the versions that the project names elsewhere.

use std::process::Command;

use super::{read, root, run};
use crate::support::tool::tool;

#[test]
fn the_linter_of_dockerfiles_is_content() {
    let Some(hadolint) = tool("venv/bin/hadolint") else { return };
    run(Command::new(hadolint).args(["--failure-threshold", "style", "Dockerfile"])).expect("no finding");
}

#[test]
fn the_linter_of_workflows_is_content() {
    let Some(actionlint) = tool("go/actionlint") else { return };
    let workflows = std::fs::read_dir(root().join(".github/workflows")).expect("workflows");
    let files = workflows.map(|entry| entry.expect("readable").path());
    run(Command::new(actionlint).args(["-shellcheck=", "-pyflakes="]).args(files)).expect("no finding");
}

#[test]
fn the_image_is_built_by_the_toolchain_of_the_project() {
    let dockerfile = read("Dockerfile");
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).expect("a channel");
    assert!(dockerfile.contains(&format!("FROM rust:{channel}-")), "rust-toolchain.toml says {channel}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel}\n")));
    assert!(dockerfile.contains("cargo build --release --locked"), "another dependency could slip in");
    let last = dockerfile.rsplit("\nFROM ").next().expect("a stage");
    assert!(last.starts_with("gcr.io/distroless/") && last.contains("USER 65532:65532\n"), "{last}");
    // The image that runs has the C library of the one that compiled, or a newer one.
    assert!(dockerfile.contains("-slim-trixie AS build") && last.contains("debian13"));
    for from in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let image = from.split(' ').next().expect("an image");
        assert!(image.contains(':') && !image.ends_with(":latest"), "{image} is not pinned");
    }
}

#[test]
fn what_is_copied_into_the_image_is_sent_to_the_builder() {
    let ignored = read(".dockerignore");
    assert!(ignored.lines().any(|line| line == "*"), "everything would be sent, target/ too");
    let dockerfile = read("Dockerfile");
    let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|l| !l.starts_with("--from"));
    let mut seen = 0;
    for source in copies.flat_map(|line| line.split(' ').rev().skip(1).collect::<Vec<_>>()) {
        let top = source.split('/').next().expect("a name");
        assert!(root().join(source).exists(), "{source} is not there");
        assert!(ignored.lines().any(|line| line == format!("!{top}")), "{source} is not sent");
        seen += 1;
    }
    assert_eq!(seen, 7);

    // Cargo finds every target of the manifest in what is copied before the crate is compiled.
    let home = tempfile::tempdir().expect("a folder");
    for source in ["Cargo.toml", "Cargo.lock", "src", "benches"] {
        run(Command::new("cp").args(["-r", source]).arg(home.path())).expect("copied");
    }
    let manifest = home.path().join("Cargo.toml");
    let asked = ["metadata", "--no-deps", "--locked", "--offline", "--format-version=1", "--manifest-path"];
    run(Command::new(env!("CARGO")).args(asked).arg(manifest)).expect("the manifest needs a file that is not copied");
    assert!(!read("src/lib.rs").contains("include_str!(\"../"), "the crate needs files that are not copied");
}
