//! Credentials from files, read anew at every connect so that rotated ones are found.

use async_nats::{Auth, AuthError};
use nkeys::KeyPair;

use crate::config;

/// Whether any are configured.
pub(super) const fn configured(config: &config::Nats) -> bool {
    config.creds_file.is_some()
        || config.nkey_file.is_some()
        || config.token_file.is_some()
        || config.password_file.is_some()
}

/// What to answer to the server's nonce.
pub(super) async fn answer(config: &config::Nats, nonce: &[u8]) -> Result<Auth, AuthError> {
    let mut auth = Auth::new();
    if let Some(path) = &config.creds_file {
        let creds = secret(path).await?;
        let jwt = section(&creds, "USER JWT").ok_or_else(|| wrong(path, "it holds no user JWT"))?;
        let seed = section(&creds, "USER NKEY SEED").ok_or_else(|| wrong(path, "it holds no nkey seed"))?;
        auth.jwt = Some(jwt.to_owned());
        auth.signature = Some(sign(path, seed, nonce)?.1);
    }
    if let Some(path) = &config.nkey_file {
        let text = secret(path).await?;
        let seed = text.lines().map(str::trim).find(|l| l.starts_with("SU")).unwrap_or_default();
        let (public, signature) = sign(path, seed, nonce)?;
        auth.nkey = Some(public);
        auth.signature = Some(signature);
    }
    if let Some(path) = &config.token_file {
        auth.token = Some(secret(path).await?.trim().to_owned());
    }
    if let (Some(user), Some(path)) = (&config.user, &config.password_file) {
        auth.username = Some(user.clone());
        auth.password = Some(secret(path).await?.trim_end_matches(['\r', '\n']).to_owned());
    }
    Ok(auth)
}

async fn secret(path: &std::path::Path) -> Result<String, AuthError> {
    tokio::fs::read_to_string(path).await.map_err(|e| wrong(path, e))
}

fn wrong(path: &std::path::Path, why: impl std::fmt::Display) -> AuthError {
    AuthError::new(format!("{} cannot be used: {why}", path.display()))
}

fn sign(path: &std::path::Path, seed: &str, nonce: &[u8]) -> Result<(String, Vec<u8>), AuthError> {
    let pair = KeyPair::from_seed(seed).map_err(|_| wrong(path, "its nkey seed is not valid"))?;
    let signature = pair.sign(nonce).map_err(|_| wrong(path, "its nkey cannot sign"))?;
    Ok((pair.public_key(), signature))
}

/// The line after `-----BEGIN NATS USER JWT-----` and the like.
fn section<'a>(creds: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = creds.lines().map(str::trim);
    lines.find(|l| l.starts_with("---") && l.contains("BEGIN") && l.contains(name))?;
    lines.find(|l| !l.is_empty()).filter(|l| !l.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn a_creds_file_is_read() {
        let creds = "-----BEGIN NATS USER JWT-----\r\neyJ0.e30.x\r\n------END NATS USER JWT------\r\n\r\n\
                     -----BEGIN USER NKEY SEED-----\nSUABC\n------END USER NKEY SEED------\n";
        assert_eq!(section(creds, "USER JWT"), Some("eyJ0.e30.x"));
        assert_eq!(section(creds, "USER NKEY SEED"), Some("SUABC"));
        assert_eq!(section("nothing", "USER JWT"), None);
    }
}
