//! Where values came from.

use std::collections::BTreeMap;

/// What set a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File,
    /// A variable.
    Variable,
}

/// What set each key that is not left at its default.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    file: Option<String>,
    keys: BTreeMap<String, Origin>,
}

/// A configuration is what it says, not where it stands.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Origins {
    /// The file that was read.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// What set `section.key`.
    pub fn of(&self, key: &str) -> Option<Origin> {
        self.keys.get(key).copied()
    }

    pub(super) fn read(&mut self, file: &str) {
        self.file = Some(file.to_owned());
    }

    pub(super) fn set(&mut self, key: String, origin: Origin) {
        self.keys.insert(key, origin);
    }
}
