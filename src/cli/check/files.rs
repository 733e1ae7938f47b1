//! The files a configuration names: tokens, passwords, credentials, certificates, keys.
//! Takes: the configuration. Gives: a line for each. Never: shows what is in one.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{Findings, Level};
use crate::config::Config;

/// Much more than any of these files holds.
const MOST: u64 = 1 << 20;

/// Opens each.
pub(super) fn examine(config: &Config, findings: &mut Findings) {
    for (section, keys) in config.shown() {
        // By their names, so that no section can be forgotten here.
        for (key, value) in keys.into_iter().filter(|(key, _)| key.ends_with("_file")) {
            let Some(path) = value.as_deref().and_then(text) else { continue };
            match look(Path::new(&path)) {
                Ok(()) => findings.add(section, key, Level::Ok, format!("{path} can be read")),
                Err(problem) => findings.add(section, key, Level::Fail, format!("{path} {problem}")),
            }
        }
    }
}

/// The text a value is, as TOML writes it.
fn text(toml: &str) -> Option<String> {
    toml.parse::<toml_edit::Value>().ok()?.as_str().map(str::to_owned)
}

fn look(path: &Path) -> Result<(), String> {
    let kind = std::fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?;
    // A pipe would be waited for, and a folder is none of ours.
    if !kind.is_file() {
        return Err("is no file".to_owned());
    }
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut content));
    read.map_err(|e| format!("cannot be read: {e}"))?;
    if content.iter().all(u8::is_ascii_whitespace) { Err("is empty".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_named_is_opened_and_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let make = |name: &str, content: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).expect("written");
            Some(path)
        };
        let mut config = Config::default();
        config.http.tokens_file = make("tokens", "viewer s3cret\n");
        config.nats.password_file = make("empty", " \n");
        config.nats.creds_file = Some(dir.path().join("missing"));
        config.otlp.tls_ca_file = Some(dir.path().to_owned());
        let mut findings = Findings { level: Level::Ok, lines: Vec::new(), nats: None };
        examine(&config, &mut findings);
        let told: Vec<_> = findings.lines.iter().map(|l| (l.part, &*l.what, l.level, &*l.detail)).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        for (part, what, level, detail) in [
            ("http", "tokens_file", Level::Ok, "can be read"),
            ("nats", "password_file", Level::Fail, "is empty"),
            ("nats", "creds_file", Level::Fail, "cannot be read: No such file"),
            ("otlp", "tls_ca_file", Level::Fail, "is no file"),
        ] {
            let found = told.iter().find(|line| (line.0, line.1) == (part, what)).expect("a line for each");
            assert!(found.2 == level && found.3.contains(detail), "{found:?}");
        }
        assert_eq!(findings.level, Level::Fail);
        assert!(!format!("{told:?}").contains("s3cret"));
    }
}
