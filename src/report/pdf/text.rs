//! Texts, made fit for paper: long words may be broken, and characters nobody can draw are known.

use std::collections::BTreeSet;

use serde_json::Value as Json;

/// Words up to this length are not broken; letters and digits alone not up to that, and then after so many.
const MAX_WORD: usize = 10;
const MAX_RUN: usize = 20;
const STEP: usize = 12;
/// Characters named on the last page.
const MAX_NAMED: usize = 200;

/// Changes all texts of a document. Gives the characters that no font has, as they are to be named.
pub(super) fn prepare(data: &mut Json, covered: &dyn Fn(char) -> bool) -> Vec<String> {
    let mut seen = BTreeSet::new();
    each(data, &mut |text| {
        seen.extend(text.chars().filter(|c| !c.is_ascii() && !is_invisible(*c)));
        *text = breakable(text);
    });
    let mut missing: Vec<String> =
        seen.into_iter().filter(|c| !covered(*c)).map(|c| format!("U+{:04X}", c as u32)).collect();
    if missing.len() > MAX_NAMED {
        let more = missing.len() - MAX_NAMED;
        missing.truncate(MAX_NAMED);
        missing.push(format!("and {more} more"));
    }
    missing
}

fn each(data: &mut Json, change: &mut dyn FnMut(&mut String)) {
    match data {
        Json::String(text) => change(text),
        Json::Array(items) => items.iter_mut().for_each(|item| each(item, change)),
        Json::Object(members) => {
            // The label of a bar has one line.
            let bar = members.contains_key("took");
            for (name, member) in members {
                match member {
                    Json::String(text) if bar && name == "label" => {
                        change(text);
                        *text = text.replace(BREAK, "").replace(' ', "\u{a0}");
                    }
                    _ => each(member, change),
                }
            }
        }
        _ => {}
    }
}

/// What is drawn as nothing, or tells how its neighbours are drawn.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// A word joiner's opposite: a line may end here.
const BREAK: char = '\u{200b}';

/// Lets a line end within long words: after what parts an id, or else after so many characters.
fn breakable(text: &str) -> String {
    let mut fit = String::with_capacity(text.len() + text.len() / 4);
    for word in text.split_inclusive(char::is_whitespace) {
        let long = word.chars().count() > MAX_WORD;
        let (mut since, mut run) = (0, 0);
        for c in word.chars() {
            fit.push(c);
            (since, run) = (since + 1, if c.is_ascii_alphanumeric() { run + 1 } else { 0 });
            let parts = matches!(c, '.' | ':' | '/' | '_' | '-' | ',' | ';' | '=' | '&' | '?' | '|') && since > 2;
            // Other scripts join their letters, or end lines by themselves.
            let endless = run >= MAX_RUN && since >= STEP || since >= 3 * STEP;
            if long && (parts || endless) {
                fit.push(BREAK);
                since = 0;
            }
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_may_be_broken_and_nothing_is_lost() {
        for text in
            ["short words stay", "ceremony-BRC-9:story-s-9:role-DEVOPS", &"x".repeat(5_000), "שלום עולם", "漢字かな"]
        {
            let fit = breakable(text);
            assert_eq!(fit.replace(BREAK, ""), text);
            assert!(fit.split([BREAK, ' ']).all(|run| run.chars().count() <= 3 * STEP), "{fit}");
        }
        assert_eq!(breakable("RuntimeErrors stay whole"), "RuntimeErrors stay whole");
    }

    #[test]
    fn characters_without_a_glyph_are_named_once() {
        let mut data = serde_json::json!({"a": ["漢\u{200d}", {"b": "漢 x"}], "c": 3});
        let missing = prepare(&mut data, &|c| c != '漢');
        assert_eq!(missing, ["U+6F22"]);
        assert!(prepare(&mut data, &|_| true).is_empty());
    }
}
