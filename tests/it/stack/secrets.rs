//! deploy/compose/make-secrets.sh, run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{root, run};

/// The folders that the volumes are mounted on, and a `chown` that does nothing: it is root's alone.
fn laid_out(home: &Path) {
    for folder in
        ["given", "secrets/all", "secrets/fleetscope", "secrets/grafana", "secrets/alertmanager", "data/tempo"]
    {
        fs::create_dir_all(home.join(folder)).expect("a folder");
    }
    let chown = home.join("bin/chown");
    fs::create_dir_all(home.join("bin")).expect("a folder");
    fs::write(&chown, "#!/bin/sh\necho \"$@\" >> \"$ROOT/owners\"\n").expect("written");
    fs::set_permissions(chown, fs::Permissions::from_mode(0o755)).expect("made executable");
}

/// Secrets as on a first start, under this folder.
pub(super) fn made(home: &Path) {
    laid_out(home);
    make(home);
}

fn make(home: &Path) {
    let path = format!("{}:{}", home.join("bin").display(), std::env::var("PATH").expect("a path"));
    let script = root().join("deploy/compose/make-secrets.sh");
    run(Command::new("sh").arg(script).env("ROOT", home).env("PATH", path)).expect("it ends well");
}

#[test]
fn tokens_are_made_once_and_shared_by_those_who_need_them() {
    let home = tempfile::tempdir().expect("a folder");
    laid_out(home.path());
    let told = |path: &str| fs::read_to_string(home.path().join("secrets").join(path)).expect(path);
    make(home.path());
    let (viewer, debug) = (told("grafana/viewer_token"), told("grafana/debug_token"));
    assert!(viewer.len() == 64 && debug.len() == 64 && viewer != debug);
    assert_eq!(told("fleetscope/tokens"), format!("viewer {viewer}\ndebug {debug}\n"));
    assert_eq!(told("fleetscope/ingest_token"), told("alertmanager/fleetscope_token"));
    let mode = fs::metadata(home.path().join("secrets/grafana/viewer_token")).expect("there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "others may read it");
    let owners = fs::read_to_string(home.path().join("owners")).expect("chown was called");
    assert!(owners.contains("10001 data/tempo") && owners.contains("65532 secrets/fleetscope/tokens"), "{owners}");

    make(home.path());
    assert_eq!(told("grafana/viewer_token"), viewer, "a restart makes no new ones");

    fs::write(home.path().join("given/viewer_token"), "mine\n").expect("written");
    fs::write(home.path().join("given/slack_url"), "https://hooks.test/x\n").expect("written");
    make(home.path());
    assert_eq!(told("grafana/viewer_token"), "mine", "what is given counts");
    assert!(told("fleetscope/tokens").starts_with("viewer mine\n"));
    assert_eq!(told("alertmanager/slack_url").trim(), "https://hooks.test/x");
}
