//! Every rule of the configuration has a bad file that breaks it, and the message says where and what to write.

use std::fs;
use std::path::Path;

use fleetscope::config::load_text;

#[test]
fn every_bad_file_is_refused_with_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("fixtures are there") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("readable");
        // The first line says what the message must hold: `# expect: nats.url: …`.
        let expected = text.lines().next().and_then(|l| l.strip_prefix("# expect: ")).expect("first line says it");
        let told = load_text("bad.toml", &text, &[]).expect_err(&path.display().to_string()).to_string();
        assert!(told.contains(expected), "{}:\nexpected {expected}\ntold     {told}", path.display());
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} bad files");
}
