//! `[ray]`: the cluster the fleet's agents work on.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::{wrong_http, wrong_pace};

section! {
    /// Ray: jobs, actors, nodes and tasks by its dashboard, running deliberations by the fleet's Ray executor. Read only.
    pub struct Ray = "ray", check check, {
        /// Address of the dashboard: `http://ray-head:8265`. Not set = the dashboard is not asked.
        url: Option<Url> = None,
        /// File with a bearer token for the dashboard. Read again on change.
        token_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// Address of the fleet's Ray executor (gRPC): `http://ray-executor:50056`. Not set = it is not asked.
        executor: Option<Url> = None,
        /// How often to ask; up to four times slower while nothing changes.
        poll_interval: Duration = Duration::from_secs(2),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(5),
        /// Whether Ray may push its events to POST /ingest/ray; needs `ingest_token_file`.
        ingest: bool = false,
        /// File with the token that who pushes must show. Read again on change.
        ingest_token_file: Option<PathBuf> = None,
    }
}

impl Ray {
    /// Whether anybody is named who can tell of Ray.
    pub const fn is_on(&self) -> bool {
        self.url.is_some() || self.executor.is_some() || self.ingest
    }
}

fn check(ray: &Ray) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    for (key, url) in [("url", &ray.url), ("executor", &ray.executor)] {
        wrong.extend(url.as_ref().and_then(wrong_http).map(|remedy| (key, remedy)));
    }
    if ray.ingest && ray.ingest_token_file.is_none() {
        let remedy = "anybody could push: name a file with the token that must be shown";
        wrong.push(("ingest_token_file", remedy.to_owned()));
    }
    wrong.extend(wrong_pace(ray.poll_interval, ray.timeout));
    wrong
}
