//! A connection as the configuration says.

use std::path::Path;

use async_nats::{Client, ConnectOptions};

use super::RunError;
use crate::config::Nats;

pub(super) async fn connect(nats: &Nats) -> Result<Client, RunError> {
    let url = nats.url.as_deref().ok_or(RunError::NoUrl)?;
    let mut options = ConnectOptions::new().name("fleetscope simulate").require_tls(nats.tls_required);
    if let Some(path) = &nats.creds_file {
        let file = |source| RunError::File { path: path.display().to_string(), source };
        options = options.credentials(&read(path)?).map_err(file)?;
    }
    if let Some(path) = &nats.nkey_file {
        options = options.nkey(read(path)?);
    }
    if let Some(path) = &nats.token_file {
        options = options.token(read(path)?);
    }
    if let (Some(user), Some(path)) = (&nats.user, &nats.password_file) {
        options = options.user_and_password(user.clone(), read(path)?);
    }
    if let Some(path) = &nats.tls_ca_file {
        options = options.add_root_certificates(path.clone());
    }
    if let (Some(cert), Some(key)) = (&nats.tls_cert_file, &nats.tls_key_file) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    let servers: Vec<&str> = url.split(',').map(str::trim).collect();
    options.connect(servers).await.map_err(|source| RunError::Connect { url: url.to_owned(), source })
}

fn read(path: &Path) -> Result<String, RunError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(RunError::File { path: path.display().to_string(), source }),
    }
}
