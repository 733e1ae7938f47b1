//! The types a key can have: how each is read from TOML and from a variable, and how its default is written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::{Item, Value};
use url::{Position, Url};

/// A value of a key.
pub trait Setting: Sized {
    /// What may be written, in words: "a duration such as \"30s\"".
    const EXPECTS: &'static str;

    /// From plain text, as a variable holds it.
    fn read_text(text: &str) -> Result<Self, String>;

    /// From the file. Texts go through [`Setting::read_text`].
    fn read(item: &Item) -> Result<Self, String> {
        match item.as_str() {
            Some(text) => Self::read_text(text),
            None => Err(format!("write {}", Self::EXPECTS)),
        }
    }

    /// As TOML; `None` = not set.
    fn write(&self) -> Option<String>;

    /// As TOML for others to see: where a value may hold a secret, that is masked.
    fn show(&self) -> Option<String> {
        self.write()
    }
}

impl<T: Setting> Setting for Option<T> {
    const EXPECTS: &'static str = T::EXPECTS;

    fn read_text(text: &str) -> Result<Self, String> {
        T::read_text(text).map(Some)
    }

    fn read(item: &Item) -> Result<Self, String> {
        T::read(item).map(Some)
    }

    fn write(&self) -> Option<String> {
        self.as_ref().and_then(T::write)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl Setting for bool {
    const EXPECTS: &'static str = "true or false";

    fn read_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("write {}, not `{text}`", Self::EXPECTS))
    }

    fn read(item: &Item) -> Result<Self, String> {
        item.as_bool().ok_or_else(|| format!("write {}, without quotes", Self::EXPECTS))
    }

    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for u32 {
    const EXPECTS: &'static str = "a whole number";

    fn read_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("write {}, not `{text}`", Self::EXPECTS))
    }

    fn read(item: &Item) -> Result<Self, String> {
        let number = item.as_integer().ok_or_else(|| format!("write {}, without quotes", Self::EXPECTS))?;
        Self::try_from(number).map_err(|_| format!("{number} is out of range: write 0 to {}", Self::MAX))
    }

    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Setting for String {
    const EXPECTS: &'static str = "text in quotes";

    fn read_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn write(&self) -> Option<String> {
        Some(quoted(self))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&shown_texts(self)))
    }
}

impl Setting for PathBuf {
    const EXPECTS: &'static str = "a path in quotes";

    fn read_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("write a path; this one is empty".to_owned()) } else { Ok(text.into()) }
    }

    fn write(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for Url {
    const EXPECTS: &'static str = "a URL such as \"http://127.0.0.1:4317\"";

    fn read_text(text: &str) -> Result<Self, String> {
        let url = Self::parse(text).map_err(|e| format!("`{text}` is no URL ({e}): write {}", Self::EXPECTS))?;
        if url.password().is_some() {
            return Err("a password does not belong into a URL: name a file with the secret instead".to_owned());
        }
        if url.cannot_be_a_base() {
            return Err(format!("`{text}` lacks `//` after the scheme: write {}", Self::EXPECTS));
        }
        Ok(url)
    }

    fn write(&self) -> Option<String> {
        Some(quoted(self.as_str().trim_end_matches('/')))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&shown_url(self)))
    }
}

/// Shortest text that is looked for as a secret: shorter ones are parts of words.
const MIN_SECRET: usize = 4;
/// What others may see instead of a secret.
const MASK: &str = "[masked]";

/// A URL without what may let others in: user, password, query and fragment.
pub fn shown_url(url: &Url) -> String {
    let user = if url.username().is_empty() && url.password().is_none() { "" } else { "[masked]@" };
    let rest = url[Position::BeforeHost..Position::AfterPath].trim_end_matches('/');
    let query = if url.query().or(url.fragment()).is_some() { "?[masked]" } else { "" };
    format!("{}://{user}{rest}{query}", url.scheme())
}

/// Replaces in `text` what [`shown_url`] leaves out of `url`: others repeat what they were sent.
pub fn mask_parts(url: &Url, text: &str) -> String {
    let pairs: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let raw = [Some(url.username()), url.password(), url.query(), url.fragment()];
    let mut secrets: Vec<&str> = raw.into_iter().flatten().chain(pairs.iter().map(String::as_str)).collect();
    // The longest first: what is left of it would tell the rest.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
        .into_iter()
        .filter(|s| s.len() >= MIN_SECRET)
        .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

/// Texts separated by commas; those that are URLs as [`shown_url`].
pub fn shown_texts(texts: &str) -> String {
    let shown = |text: &str| match Url::parse(text.trim()) {
        Ok(url) if text.contains("://") && url.has_host() => shown_url(&url),
        _ => text.to_owned(),
    };
    texts.split(',').map(shown).collect::<Vec<_>>().join(",")
}

impl Setting for SocketAddr {
    const EXPECTS: &'static str = "an address and port such as \"127.0.0.1:8080\"";

    fn read_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("`{text}` is no address: write {}", Self::EXPECTS))
    }

    fn write(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Setting for Duration {
    const EXPECTS: &'static str = "a duration such as \"30s\", \"5m\" or \"7d\"";

    fn read_text(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no duration: write {}", Self::EXPECTS);
        let span: jiff::Span = text.parse().map_err(|_| bad())?;
        let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| bad())?;
        Self::try_from(duration).map_err(|_| bad())
    }

    fn write(&self) -> Option<String> {
        Some(quoted(&duration_text(*self)))
    }
}

/// The largest unit that divides it.
fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if ms > 0 && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Setting for ByteSize {
    const EXPECTS: &'static str = "a size such as \"512MiB\" or \"20GiB\"";

    fn read_text(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no size: write {}", Self::EXPECTS);
        let (unit, size) = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(bad)?;
        let number: u64 = text[..text.len() - unit.len()].trim().parse().map_err(|_| bad())?;
        number.checked_mul(*size).map(Self).ok_or_else(bad)
    }

    fn write(&self) -> Option<String> {
        let (unit, size) =
            UNITS.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        Some(quoted(&format!("{}{unit}", self.0 / size)))
    }
}

impl Setting for Vec<String> {
    const EXPECTS: &'static str = "a list of texts such as [\"a\", \"b\"]";

    fn read_text(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect())
    }

    fn read(item: &Item) -> Result<Self, String> {
        let list = item.as_array().ok_or_else(|| format!("write {}", Self::EXPECTS))?;
        let text = |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| format!("write {}", Self::EXPECTS));
        list.iter().map(text).collect()
    }

    fn write(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ")))
    }

    fn show(&self) -> Option<String> {
        self.iter().map(|text| shown_texts(text)).collect::<Self>().write()
    }
}

/// A setting that is one of a few words.
macro_rules! words {
    ($type:ident, $expects:literal, $( $word:literal => $variant:ident ),+) => {
        impl $crate::config::Setting for $type {
            const EXPECTS: &'static str = $expects;

            fn read_text(text: &str) -> Result<Self, String> {
                match text { $( $word => Ok(Self::$variant), )+ _ => Err(format!("write {}, not `{text}`", $expects)) }
            }

            fn write(&self) -> Option<String> {
                Some(match self { $( Self::$variant => concat!('"', $word, '"'), )+ }.to_owned())
            }
        }
    };
}
pub(super) use words;

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["30s", "5m", "36h", "7d", "1500ms"] {
            let d = Duration::read_text(text).expect("valid");
            assert_eq!(d.write().expect("set"), format!("\"{text}\""));
        }
        for text in ["1B", "512MiB", "20GiB"] {
            assert_eq!(ByteSize::read_text(text).expect("valid").write().expect("set"), format!("\"{text}\""));
        }
    }

    #[test]
    fn what_may_be_a_secret_is_masked_where_others_see_it() {
        let url = Url::read_text("https://tenant@h:4318/v1/traces?key=s3cr3t#t0p").expect("valid");
        assert_eq!(Some(url.clone()).show().expect("set"), r#""https://[masked]@h:4318/v1/traces?[masked]""#);
        assert_eq!(Url::read_text("http://h:4317/").expect("valid").show(), Some(r#""http://h:4317""#.to_owned()));
        let told = mask_parts(&url, "HTTP 404: no POST /v1/traces?key=s3cr3t for tenant (s3cr3t)");
        assert_eq!(told, "HTTP 404: no POST /v1/traces?[masked] for [masked] ([masked])");
        let servers = "nats://a:4222,tls://u:p@b:4222?jwt=x".to_owned();
        assert_eq!(servers.show(), Some(r#""nats://a:4222,tls://[masked]@b:4222?[masked]""#.to_owned()));
        assert_eq!(vec!["http://u@h".to_owned()].show(), Some(r#"["http://[masked]@h"]"#.to_owned()));
        assert_eq!("warn,fleetscope=debug".to_owned().show(), Some(r#""warn,fleetscope=debug""#.to_owned()));
    }

    #[test]
    fn what_is_refused_names_a_remedy() {
        assert!(Duration::read_text("soon").expect_err("no duration").contains("30s"));
        assert!(ByteSize::read_text("20GB").expect_err("no size").contains("20GiB"));
        assert!(Url::read_text("http://u:p@h").expect_err("a secret").contains("file"));
        assert!(Url::read_text("localhost:4317").expect_err("no scheme").contains("//"));
    }
}
