//! Type, size and time to live of a key somebody asks for.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::connect::Server;
use super::info::Info;
use super::pattern::Patterns;
use super::sample;
use crate::config;
use crate::lookup::{Answerer, LookupError, Question};
use crate::privacy::Masker;
use crate::sources::failure::Failure;

/// The one that answers for Valkey, on connections of its own.
pub fn answerer(config: &config::Valkey, masker: Arc<Masker>) -> Arc<dyn Answerer> {
    let patterns = Patterns::new(&config.key_prefixes);
    Arc::new(Asked { server: Server::new(config), timeout: config.timeout, patterns, masker })
}

#[derive(Debug)]
struct Asked {
    server: Server,
    timeout: std::time::Duration,
    patterns: Patterns,
    masker: Arc<Masker>,
}

impl Asked {
    async fn key(&self, key: &str) -> Result<Value, LookupError> {
        let failed = |failure: Failure| LookupError::Failed(failure.to_string());
        let link = self.server.connect(self.timeout).await.map_err(failed)?;
        let policy = link.text("INFO", &["all"]).await.and_then(|text| Info::parse(&text)).map_err(failed)?;
        let prefix = self.patterns.name(self.patterns.place(key.as_bytes()));
        let asked = sample::one(&link, &prefix, key.as_bytes(), policy.is_lfu(), &self.masker).await;
        let found = asked.map_err(failed)?;
        let found = found.ok_or_else(|| LookupError::Unknown("the server has no such key".to_owned()))?;
        Ok(serde_json::to_value(found).unwrap_or_default())
    }
}

impl Answerer for Asked {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Value, LookupError>> {
        Box::pin(async move {
            match question {
                Question::CacheKey { key } => self.key(&key).await,
                other => Err(LookupError::Unknown(format!("{other:?} is no question for Valkey"))),
            }
        })
    }
}
