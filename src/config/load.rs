//! From file and environment to a valid configuration, and back to a commented default file.

use std::fmt::Write as _;
use std::path::Path;

use toml_edit::Document;

use super::origin::Origin;
use super::problem::{Problem, Problems};
use super::{Config, section};

/// Prefix of the variables that override keys.
const PREFIX: &str = "FLEETSCOPE_";

/// Reads `path` (if given) and the environment.
pub fn load(path: Option<&Path>) -> Result<Config, Problems> {
    let variables: Vec<(String, String)> = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    let Some(path) = path else { return load_text("environment", "", &variables) };
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mut config = load_text(&file, &text, &variables)?;
            config.origins.read(&file);
            Ok(config)
        }
        Err(e) => {
            let remedy = format!("cannot be read ({e}): write one with `fleetscope config default > {file}`");
            Err(Problems { file, problems: vec![Problem::at(None, "file", remedy)] })
        }
    }
}

/// The same from texts: what `load` does once everything is read.
pub fn load_text(file: &str, text: &str, variables: &[(String, String)]) -> Result<Config, Problems> {
    let mut config = Config::default();
    let mut problems = Vec::new();
    let mut whole = true;
    match Document::parse(text) {
        Err(e) => {
            whole = false;
            problems.push(Problem::at(e.span(), "syntax", e.message().to_owned()));
        }
        Ok(document) => {
            for (name, item) in document.as_table() {
                if !config.read(name, item, &mut problems) {
                    let span = document.as_table().key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
                    let known = Config::sections();
                    let remedy = section::unknown(name, known.iter().map(|(name, ..)| *name));
                    problems.push(Problem::at(span, name, remedy.replace("key", "section")));
                }
                for (key, _) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
                    config.origins.set(format!("{name}.{key}"), Origin::File);
                }
            }
        }
    }
    override_by(&mut config, variables, &mut problems);
    // Of a file that could not be read to its end nothing can be said to be missing.
    if whole {
        // A value that could not be read stands at its default: what is wrong with it is told already.
        let told = |key: &String| problems.iter().any(|p| p.key == *key || p.key == variable(key));
        let mut wrong = config.check();
        wrong.extend(config.vllm.wrong_beside(&config.http).map(|remedy| ("vllm.otlp_listen".to_owned(), remedy)));
        wrong.retain(|(key, _)| !told(key));
        problems.extend(wrong.into_iter().map(|(key, remedy)| Problem::at(span_of(text, &key), key, remedy)));
    }
    for problem in &mut problems {
        problem.locate(text);
    }
    if problems.is_empty() { Ok(config) } else { Err(Problems { file: file.to_owned(), problems }) }
}

/// The variable that overrides a key.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replacen('.', "__", 1).to_uppercase())
}

/// Where a key stands in the file, if it does.
fn span_of(text: &str, path: &str) -> Option<std::ops::Range<usize>> {
    let document = Document::parse(text).ok()?;
    let (section, key) = path.split_once('.')?;
    document.as_table().get(section)?.as_table_like()?.get(key)?.span()
}

fn override_by(config: &mut Config, variables: &[(String, String)], problems: &mut Vec<Problem>) {
    for (name, text) in variables {
        // Names without the double underscore are not keys: FLEETSCOPE_LOG is read elsewhere.
        let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) else { continue };
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        match config.set_text(&section, &key, text) {
            Some(Ok(())) => config.origins.set(format!("{section}.{key}"), Origin::Variable),
            Some(Err(expected)) => problems.push(Problem::at(None, name.clone(), expected)),
            None => {
                let sections = Config::sections();
                let known =
                    sections.iter().flat_map(|(s, _, keys)| keys.iter().map(move |k| format!("{s}__{}", k.key)));
                let known: Vec<String> = known.map(|k| format!("{PREFIX}{}", k.to_uppercase())).collect();
                let remedy = section::unknown(name, known.iter().map(String::as_str));
                problems.push(Problem::at(None, name.clone(), remedy));
            }
        }
    }
}

/// The default configuration as a commented file; every key is there, unset ones commented out.
pub fn default_file() -> String {
    let mut file = String::from("# Fleetscope configuration. Every key is shown with its default.\n");
    file.push_str(
        "# Any key can be overridden by a variable: FLEETSCOPE_<SECTION>__<KEY>, e.g. FLEETSCOPE_NATS__URL.\n",
    );
    for (name, doc, keys) in Config::sections() {
        let _ = write!(file, "\n# {}\n[{name}]\n", doc.trim());
        for key in keys {
            for line in key.doc.trim_end().lines() {
                let _ = writeln!(file, "# {}", line.trim());
            }
            match key.default {
                Some(value) => writeln!(file, "{} = {value}", key.key),
                None => writeln!(file, "# {} = …   ({})", key.key, key.expects),
            }
            .expect("writing to memory cannot fail");
        }
    }
    file
}

#[cfg(test)]
mod tests;
