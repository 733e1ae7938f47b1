//! Questions to the dashboard: GET only, a fixed address, bounded answers.
//! Takes: what is to be listed. Gives: the page, and whether it is as it was. Never: asks what is known to fail or to
//! lie: `/api/v0/cluster_events` answers 500, `/logical/actors` what was true a poll ago.

use std::time::Duration;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::config;
use crate::sources::failure::{Failure, reason};
use crate::sources::http::Http;

/// Most bytes of a page: 10,000 tasks are 5 MB, 1,000 failed jobs with their last words 20 MB.
const MAX_PAGE: usize = 32 << 20;
/// Most rows the state API gives.
pub(super) const MAX_ROWS: usize = 10_000;

/// The dashboard.
#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    http: Http,
    base: Url,
}

/// A page, and what it looks like.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: Box<RawValue>,
    pub(super) look: [u8; 8],
}

impl Dashboard {
    /// The configured one; `None` where there is none.
    pub(super) fn new(config: &config::Ray) -> Result<Option<Self>, Failure> {
        let Some(base) = config.url.clone() else { return Ok(None) };
        let http = Http::new(config.timeout, MAX_PAGE, config.token_file.clone(), config.tls_ca_file.as_deref())?;
        Ok(Some(Self { http, base }))
    }

    /// An address beneath the configured one, whose path is kept: the dashboard may be behind a proxy.
    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn page(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Page, Failure> {
        let text: Box<RawValue> = self.http.json(&self.url(path, query)).await?;
        let hash = Sha256::digest(text.get().as_bytes());
        Ok(Page { look: std::array::from_fn(|n| hash[n]), text })
    }

    pub(super) async fn version(&self) -> Result<Page, Failure> {
        self.page(&["api", "version"], &[]).await
    }

    pub(super) async fn jobs(&self) -> Result<Page, Failure> {
        // With a slash at its end, or it is a redirect.
        self.page(&["api", "jobs", ""], &[]).await
    }

    /// A list of the state API.
    pub(super) async fn state(&self, what: &str, query: &[(&str, &str)]) -> Result<Page, Failure> {
        self.page(&["api", "v0", what], query).await
    }

    /// The whole log of a submitted job.
    pub(super) async fn log(&self, job: &str, timeout: Duration) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Log {
            #[serde(default)]
            logs: Option<String>,
        }
        let url = self.url(&["api", "jobs", job, "logs"], &[]);
        let late = || Failure::new(reason::TIMEOUT, format!("no log within {timeout:?}"));
        let log: Log = tokio::time::timeout(timeout, self.http.json(&url)).await.map_err(|_| late())??;
        Ok(log.logs.unwrap_or_default())
    }
}

/// The query for the tasks of one job.
pub(super) fn of_job(job_id: &str) -> [(&'static str, &str); 3] {
    [("filter_keys", "job_id"), ("filter_predicates", "="), ("filter_values", job_id)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_configured_address_is_kept() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for base in ["http://ray:8265", "http://ray:8265/", "http://proxy/ray/", "http://proxy/ray"] {
            let base: Url = base.parse().expect("an address");
            let http = Http::new(Duration::from_secs(1), 1, None, None).expect("a client");
            let url = Dashboard { http, base: base.clone() }.url(&["api", "jobs", "a/b?", "logs"], &[]);
            let prefix = base.as_str().trim_end_matches('/');
            assert_eq!(url.as_str(), format!("{prefix}/api/jobs/a%2Fb%3F/logs"));
        }
    }
}
