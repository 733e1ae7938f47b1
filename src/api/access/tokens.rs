//! The tokens file: one `<role> <token>` a line.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Grant, Role};

/// Shortest token accepted, in characters.
const MIN_TOKEN: usize = 16;

/// Why a tokens file cannot be used. Never holds a token.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum TokensError {
    #[error("the tokens file {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    #[error("{file}:{line}: {wrong}; write `viewer <token>` or `debug <token>`")]
    Line { file: PathBuf, line: usize, wrong: &'static str },
    #[error("the tokens file {0} holds no token: nobody could use the daemon")]
    Empty(PathBuf),
}

/// The tokens in force, as hashes.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::api) struct Tokens(Vec<([u8; 32], Role)>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

impl Tokens {
    /// Reads the file. Blocks.
    pub(in crate::api) fn read(file: &Path) -> Result<Self, TokensError> {
        let text = std::fs::read_to_string(file).map_err(|e| TokensError::Unreadable(file.to_owned(), e))?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, TokensError> {
        let mut tokens = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |wrong| TokensError::Line { file: file.to_owned(), line: n + 1, wrong };
            let (role, token) = line.split_once(char::is_whitespace).ok_or_else(|| bad("lacks a token"))?;
            let role = match role {
                "viewer" => Role::Viewer,
                "debug" => Role::Debug,
                _ => return Err(bad("the role is unknown")),
            };
            let token = token.trim();
            if token.chars().count() < MIN_TOKEN {
                return Err(bad("the token is shorter than 16 characters"));
            }
            if token.contains(char::is_whitespace) {
                return Err(bad("the token contains a space"));
            }
            tokens.push((Sha256::digest(token.as_bytes()).into(), role));
        }
        if tokens.is_empty() { Err(TokensError::Empty(file.to_owned())) } else { Ok(Self(tokens)) }
    }

    /// No tokens: nobody is let in.
    pub(in crate::api) const fn none() -> Self {
        Self(Vec::new())
    }

    /// What a token grants. Hashes are compared whole and all of them, so the time taken tells nothing of a token.
    pub(in crate::api) fn grant(&self, token: &str) -> Option<Grant> {
        let given: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let differs = |known: &[u8; 32]| known.iter().zip(&given).fold(0, |differs, (a, b)| differs | (a ^ b));
        let mut found = None;
        for (known, role) in &self.0 {
            if differs(known) == 0 {
                found = Some(Grant { role: *role, token: Some(given) });
            }
        }
        found
    }

    /// Whether a token still grants what it granted.
    pub(in crate::api) fn holds(&self, grant: Grant) -> bool {
        self.0.iter().any(|(known, role)| grant.token == Some(*known) && grant.role == *role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tokens, TokensError> {
        Tokens::parse(Path::new("tokens"), text)
    }

    #[test]
    fn roles_come_from_the_file() {
        let tokens = parse("# who\n\nviewer 0123456789abcdef\ndebug\tfedcba9876543210\n").expect("valid");
        let role = |token| tokens.grant(token).map(|grant| grant.role);
        assert_eq!(role("0123456789abcdef"), Some(Role::Viewer));
        assert_eq!(role("fedcba9876543210"), Some(Role::Debug));
        assert_eq!(role("0123456789abcdeF"), None);
        assert_eq!(role(""), None);
        assert_eq!(format!("{tokens:?}"), "2 tokens");
    }

    #[test]
    fn what_a_token_granted_holds_as_long_as_its_line() {
        let grant = parse("viewer 0123456789abcdef\n").expect("valid").grant("0123456789abcdef").expect("known");
        for (text, holds) in [
            ("debug fedcba9876543210\nviewer 0123456789abcdef\n", true),
            ("debug 0123456789abcdef\n", false),
            ("viewer fedcba9876543210\n", false),
        ] {
            assert_eq!(parse(text).expect("valid").holds(grant), holds, "{text}");
        }
    }

    #[test]
    fn a_bad_line_is_named_without_its_token() {
        for text in ["admin 0123456789abcdef", "viewer short-secret", "viewer", "viewer 0123456789 abcdef", "#\n"] {
            let told = parse(text).expect_err("refused").to_string();
            assert!(told.contains("tokens") && !told.contains("secret") && !told.contains("0123"), "{told}");
        }
    }
}
