//! The macros that declare sections: key, type, default and documentation in one place.

use toml_edit::Item;

use super::problem::Problem;

/// A key as `config default` shows it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Name in the file.
    pub key: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its default, as TOML; `None` = not set.
    pub default: Option<String>,
    /// What may be written, in words.
    pub expects: &'static str,
}

/// A section as others may see it: its name, its keys, each with its value as TOML; `None` = not set.
pub type Shown = (&'static str, Vec<(&'static str, Option<String>)>);

/// A section that reads its keys one by one, so that one bad key does not hide the next.
pub(super) trait Section: Default {
    /// Name in the file.
    const NAME: &'static str;
    /// What the section is about.
    const DOC: &'static str;

    /// Its keys in the order declared.
    fn keys() -> Vec<KeyInfo>;
    /// Its values, with secrets masked.
    fn show(&self) -> Vec<(&'static str, Option<String>)>;
    /// Sets a key from the file; `Err` tells what is expected. `None` = no such key.
    fn set(&mut self, key: &str, value: &Item) -> Option<Result<(), String>>;
    /// Sets a key from an environment variable.
    fn set_text(&mut self, key: &str, text: &str) -> Option<Result<(), String>>;
    /// What is wrong with the values together: key and message.
    fn check(&self) -> Vec<(&'static str, String)>;
}

/// Reads a section of the file into `section`.
pub(super) fn read<S: Section>(section: &mut S, item: &Item, problems: &mut Vec<Problem>) {
    let Some(table) = item.as_table_like() else {
        problems.push(Problem::at(item.span(), S::NAME, format!("write it as a table: [{}]", S::NAME)));
        return;
    };
    for (key, value) in table.iter() {
        let path = format!("{}.{key}", S::NAME);
        match section.set(key, value) {
            Some(Ok(())) => {}
            Some(Err(expected)) => problems.push(Problem::at(value.span(), path, expected)),
            None => {
                let span = table.key(key).and_then(toml_edit::Key::span).or_else(|| value.span());
                problems.push(Problem::at(span, path, unknown(key, S::keys().iter().map(|k| k.key))));
            }
        }
    }
}

/// "Unknown key", with the nearest known one.
pub(super) fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|k| (strsim::jaro_winkler(key, k), k)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, name)) if score > 0.75 => format!("unknown key; did you mean `{name}`?"),
        _ => "unknown key; `fleetscope config default` lists all keys".to_owned(),
    }
}

/// Declares a section. `check` is a function from the section to what is wrong with it.
macro_rules! section {
    (
        #[doc = $doc:literal]
        pub struct $section:ident = $name:literal, check $check:expr, {
            $( $(#[doc = $help:literal])+ $key:ident: $type:ty = $default:expr, )+
        }
    ) => {
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $section { $( $(#[doc = $help])+ pub $key: $type, )+ }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $crate::config::section::Section for $section {
            const NAME: &'static str = $name;
            const DOC: &'static str = $doc;

            fn keys() -> Vec<$crate::config::KeyInfo> {
                let default = Self::default();
                vec![$( $crate::config::KeyInfo {
                    key: stringify!($key),
                    doc: concat!($($help, "\n"),+),
                    default: $crate::config::Setting::write(&default.$key),
                    expects: <$type as $crate::config::Setting>::EXPECTS,
                }, )+]
            }

            fn show(&self) -> Vec<(&'static str, Option<String>)> {
                vec![$( (stringify!($key), $crate::config::Setting::show(&self.$key)), )+]
            }

            fn set(&mut self, key: &str, value: &toml_edit::Item) -> Option<Result<(), String>> {
                match key {
                    $( stringify!($key) => Some($crate::config::Setting::read(value).map(|v| self.$key = v)), )+
                    _ => None,
                }
            }

            fn set_text(&mut self, key: &str, text: &str) -> Option<Result<(), String>> {
                match key {
                    $( stringify!($key) => Some($crate::config::Setting::read_text(text).map(|v| self.$key = v)), )+
                    _ => None,
                }
            }

            fn check(&self) -> Vec<(&'static str, String)> {
                let check: fn(&Self) -> Vec<(&'static str, String)> = $check;
                check(self)
            }
        }
    };
}
pub(super) use section;

/// Declares the configuration as a list of sections.
macro_rules! config {
    (#[doc = $doc:literal] pub struct $config:ident { $( $field:ident: $section:ident, )+ }) => {
        #[doc = $doc]
        #[derive(Clone, Debug, Default, PartialEq)]
        #[expect(missing_docs, reason = "each section documents itself")]
        pub struct $config {
            $( pub $field: $section, )+
            pub origins: $crate::config::Origins,
        }

        impl $config {
            pub(super) fn read(&mut self, name: &str, item: &toml_edit::Item, problems: &mut Vec<Problem>) -> bool {
                $( if name == <$section as section::Section>::NAME {
                    section::read(&mut self.$field, item, problems);
                    return true;
                } )+
                false
            }

            pub(super) fn set_text(&mut self, name: &str, key: &str, text: &str) -> Option<Result<(), String>> {
                $( if name == <$section as section::Section>::NAME {
                    return section::Section::set_text(&mut self.$field, key, text);
                } )+
                None
            }

            pub(super) fn check(&self) -> Vec<(String, String)> {
                let mut wrong = Vec::new();
                $( for (key, what) in section::Section::check(&self.$field) {
                    wrong.push((format!("{}.{key}", <$section as section::Section>::NAME), what));
                } )+
                wrong
            }

            /// What is in force, with secrets masked: sections in file order.
            pub fn shown(&self) -> Vec<$crate::config::Shown> {
                vec![$( (<$section as section::Section>::NAME, section::Section::show(&self.$field)), )+]
            }

            /// Sections in file order: name, documentation, keys.
            pub fn sections() -> Vec<(&'static str, &'static str, Vec<KeyInfo>)> {
                vec![$( (
                    <$section as section::Section>::NAME,
                    <$section as section::Section>::DOC,
                    <$section as section::Section>::keys(),
                ), )+]
            }
        }
    };
}
pub(super) use config;
