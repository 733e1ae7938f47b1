//! Foreign text and large answers → what an assistant can take.
//! Takes: JSON of any size. Gives: JSON within a number of bytes, and what was left out of it.
//! Never: leaves in what hides text from people, or leaves something out unsaid.

use serde::Serialize;
use serde_json::Value;

use crate::model::printable;

/// Longest texts and lists, in the order in which they are tried.
const TEXTS: [usize; 5] = [16_000, 4_000, 1_000, 300, 120];
const LISTS: [usize; 7] = [500, 200, 100, 50, 20, 8, 3];
/// Most cuts told one by one.
const MAX_CUTS: usize = 24;

/// A place where something was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cut {
    /// JSON pointer into the answer: the argument `part` to read on.
    pub(super) part: String,
    /// Characters or items shown; the argument `offset` to read on.
    pub(super) offset: usize,
    /// How many there are.
    pub(super) of: usize,
    /// `characters` or `items`.
    unit: &'static str,
}

/// Text on one line.
pub(super) fn line(text: &str) -> String {
    printable(&visible(text))
}

/// Without characters that do not show: they carry words that people do not see (tags, selectors beyond those of emoji).
fn visible(text: &str) -> String {
    let hidden = |c: char| matches!(c, '\u{e0000}'..='\u{e0fff}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{fff9}'..='\u{fffb}');
    text.chars().filter(|c| !hidden(*c)).collect()
}

/// The same on lines of its own: line breaks and tabs stay.
fn text(text: &str) -> String {
    let cleaned = visible(text).replace("\r\n", "\n");
    cleaned
        .split('\n')
        .map(|line| line.split('\t').map(printable).collect::<Vec<_>>().join("\t"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Cleans every text, names of fields too.
pub(super) fn clean(value: Value) -> Value {
    match value {
        Value::String(held) => Value::String(text(&held)),
        Value::Array(items) => Value::Array(items.into_iter().map(clean).collect()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (line(&name), clean(value))).collect(),
        other => other,
    }
}

/// A part of an answer from an offset on. `Err` tells what there is.
pub(super) fn part(value: &Value, pointer: &str, offset: usize) -> Result<Value, String> {
    let part = value.pointer(pointer).cloned();
    let Some(part) = part else {
        let names = value.as_object().map(|fields| fields.keys().map(|k| format!("/{k}")).collect::<Vec<_>>());
        let there = names.unwrap_or_default().join(", ");
        return Err(format!("part: there is nothing at {pointer:?}; it is a JSON pointer into `answer`: {there}"));
    };
    Ok(match part {
        Value::String(text) => Value::String(text.chars().skip(offset).collect()),
        Value::Array(items) => Value::Array(items.into_iter().skip(offset).collect()),
        whole => whole,
    })
}

/// Shortens texts, then lists, until the value takes at most `most` bytes.
pub(super) fn fit(value: Value, most: usize) -> (Value, Vec<Cut>) {
    if size(&value) <= most {
        return (value, Vec::new());
    }
    let steps = TEXTS.iter().map(|text| (*text, usize::MAX)).chain(LISTS.iter().map(|list| (TEXTS[4], *list)));
    for (texts, lists) in steps {
        let mut cuts = Vec::new();
        let cut = shorten(&value, texts, lists, &mut String::new(), &mut cuts);
        if size(&cut) <= most {
            cuts.truncate(MAX_CUTS);
            return (cut, cuts);
        }
    }
    // Nothing but an object of thousands of fields, or many levels of lists, comes here.
    let names = value.as_object().map_or(0, serde_json::Map::len);
    let told = serde_json::json!({ "too_large": { "bytes": size(&value), "fields": names } });
    (told, vec![Cut { part: String::new(), offset: 0, of: size(&value), unit: "bytes" }])
}

/// Bytes as JSON.
pub(super) fn size(value: &Value) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}

fn shorten(value: &Value, texts: usize, lists: usize, path: &mut String, cuts: &mut Vec<Cut>) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(texts) {
            Some((end, _)) => {
                let of = text.chars().count();
                cuts.push(Cut { part: path.clone(), offset: texts, of, unit: "characters" });
                Value::String(format!("{}…", &text[..end]))
            }
            None => value.clone(),
        },
        Value::Array(items) => {
            if items.len() > lists {
                cuts.push(Cut { part: path.clone(), offset: lists, of: items.len(), unit: "items" });
            }
            let kept = items.iter().take(lists).enumerate();
            Value::Array(kept.map(|(n, item)| within(item, &n.to_string(), texts, lists, path, cuts)).collect())
        }
        Value::Object(fields) => {
            let step = |name: &String| name.replace('~', "~0").replace('/', "~1");
            let kept = fields.iter();
            kept.map(|(name, item)| (name.clone(), within(item, &step(name), texts, lists, path, cuts))).collect()
        }
        other => other.clone(),
    }
}

fn within(item: &Value, step: &str, texts: usize, lists: usize, path: &mut String, cuts: &mut Vec<Cut>) -> Value {
    let length = path.len();
    path.push('/');
    path.push_str(step);
    let shortened = shorten(item, texts, lists, path, cuts);
    path.truncate(length);
    shortened
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_show_is_taken_out() {
        let hidden = "a\u{1b}[31m\u{202e}b\u{e0041}\u{200b}c\nd\te \u{1f469}\u{200d}\u{1f52c}";
        assert_eq!(clean(json!({"k\n": [hidden]})), json!({"k ": ["a [31m bc\nd\te \u{1f469}\u{200d}\u{1f52c}"]}));
    }

    #[test]
    fn what_is_left_out_is_told_and_can_be_read() {
        let long: String = "añ".repeat(20_000);
        let value = json!({"data": {"a/b": long}, "n": (0..1000).collect::<Vec<_>>()});
        let (cut, cuts) = fit(value.clone(), 8 << 10);
        assert!(size(&cut) <= 8 << 10, "{}", size(&cut));
        assert_eq!(cuts[0].part, "/data/a~1b");
        let rest = part(&value, &cuts[0].part, cuts[0].offset).expect("it is there");
        let shown = cut.pointer("/data/a~1b").and_then(Value::as_str).expect("a text").trim_end_matches('…');
        assert_eq!(format!("{shown}{}", rest.as_str().expect("a text")), long);
        let (small, none) = fit(json!([1]), 8);
        assert_eq!((small, none), (json!([1]), Vec::new()));
        let (cut, cuts) = fit(json!({"n": (0..1000).collect::<Vec<_>>()}), 300);
        assert_eq!((cut["n"].as_array().map(Vec::len), cuts[0].of, cuts[0].unit), (Some(100), 1000, "items"));
        assert!(part(&value, "/nowhere", 0).expect_err("refused").contains("/data, /n"));
    }

    #[test]
    fn nothing_is_too_large_to_say_so() {
        let wide: Value = (0..10_000).map(|n| (n.to_string(), json!(n))).collect();
        let (cut, cuts) = fit(wide, 1000);
        assert!(cut["too_large"]["fields"] == 10_000 && cuts.len() == 1);
    }
}
