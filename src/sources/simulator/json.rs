//! JSON objects whose keys stay in the order written, as the fleet writes them.

use std::fmt::Write;

/// An object in the making.
#[derive(Clone, Debug)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    fn key(&mut self, key: &str) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        &mut self.0
    }

    /// Adds JSON as it is.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key).push_str(json);
        self
    }

    pub(super) fn text(mut self, key: &str, text: &str) -> Self {
        quote(self.key(key), text);
        self
    }

    pub(super) fn int(mut self, key: &str, number: u64) -> Self {
        write!(self.key(key), "{number}").expect("writing to memory");
        self
    }

    /// A number with `digits` decimals.
    pub(super) fn float(mut self, key: &str, number: f64, digits: usize) -> Self {
        write!(self.key(key), "{number:.digits$}").expect("writing to memory");
        self
    }

    pub(super) fn flag(self, key: &str, flag: bool) -> Self {
        self.raw(key, if flag { "true" } else { "false" })
    }

    pub(super) fn null(self, key: &str) -> Self {
        self.raw(key, "null")
    }

    /// Text, or null.
    pub(super) fn maybe(self, key: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    pub(super) fn object(self, key: &str, object: Object) -> Self {
        let json = object.finish();
        self.raw(key, &json)
    }

    pub(super) fn objects(mut self, key: &str, objects: impl IntoIterator<Item = Object>) -> Self {
        let out = self.key(key);
        out.push('[');
        for (i, object) in objects.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&object.finish());
        }
        out.push(']');
        self
    }

    pub(super) fn texts<'a>(mut self, key: &str, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let out = self.key(key);
        out.push('[');
        for (i, text) in texts.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            quote(out, text);
        }
        out.push(']');
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("text is always valid JSON"));
}
