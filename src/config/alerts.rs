//! `[alerts]`: what Alertmanager tells.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::{wrong_http, wrong_pace};

section! {
    /// Alerts: as Alertmanager sends them to POST /ingest/alertmanager, and as it lists them. They stand in the history beside what they are about.
    pub struct Alerts = "alerts", check check, {
        /// Whether Alertmanager may send its alerts to POST /ingest/alertmanager; needs `ingest_token_file`.
        ingest: bool = false,
        /// File with the token that who sends must show. Read again on change.
        ingest_token_file: Option<PathBuf> = None,
        /// Address of Alertmanager: `http://alertmanager:9093`. Asked for what fires now, which after a restart nobody sends soon; not set = it is not asked.
        alertmanager_url: Option<Url> = None,
        /// File with a bearer token for that address. Read again on change.
        token_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// How often to ask.
        poll_interval: Duration = Duration::from_secs(15),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(5),
    }
}

impl Alerts {
    /// Whether alerts come in any way.
    pub const fn is_on(&self) -> bool {
        self.ingest || self.alertmanager_url.is_some()
    }
}

fn check(alerts: &Alerts) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    wrong.extend(alerts.alertmanager_url.as_ref().and_then(wrong_http).map(|remedy| ("alertmanager_url", remedy)));
    if alerts.ingest && alerts.ingest_token_file.is_none() {
        let remedy = "anybody could send alerts: name a file with the token that must be shown";
        wrong.push(("ingest_token_file", remedy.to_owned()));
    }
    wrong.extend(wrong_pace(alerts.poll_interval, alerts.timeout));
    wrong
}
