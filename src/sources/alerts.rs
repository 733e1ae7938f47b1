//! Alerts: what Alertmanager sends, and what it lists when asked.
//! Takes: its webhook's bodies, its API's list. Gives: the panel of what fires, and an entry for each alert that begins
//! or ends. Never: silences one, or tells of a repetition.

mod book;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::timeout;
use url::Url;

use self::book::Book;
use self::wire::Said;
use super::failure::{Failure, reason};
use super::http::Http;
use super::watch::{self, Pace, Poll, Seen, Watcher, hand_over};
use crate::config;
use crate::inbox::{Inbox, Parcel, Receipt, Refusal};
use crate::model::Timestamp;
use crate::privacy::Masker;

/// A list may have so many bytes: 1,000 alerts take about 2 MiB.
const MAX_LIST: usize = 16 << 20;
/// Longest that ingest may keep a sender waiting: Alertmanager gives up after ten seconds and sends again.
const MAX_WAIT: Duration = Duration::from_secs(8);

/// Takes what Alertmanager sends.
#[derive(Clone, Debug)]
pub struct Alerts {
    book: Arc<Mutex<Book>>,
    watcher: Watcher,
    /// One at a time, so that ingest hears of alerts in the order they were sent in.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Alerts {
    /// None known yet.
    pub fn new(watcher: Watcher) -> Self {
        let book = Book::new(Arc::clone(&watcher.masker));
        Self { book: Arc::new(Mutex::new(book)), watcher, turn: Arc::default() }
    }

    /// What takes the bodies of `POST /ingest/alertmanager`.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::new(self.clone())
    }

    /// Asks, where an address is set, until stopped.
    pub async fn run(self, config: config::Alerts) {
        let pace = Pace { every: config.poll_interval, deadline: config.timeout + Duration::from_secs(1) };
        watch::run(Listed { config, http: None, book: Arc::clone(&self.book) }, pace, &self.watcher).await;
    }

    async fn push(&self, body: &[u8]) -> Result<Taken, Refusal> {
        let (alerts, malformed) = wire::pushed(body)?;
        if malformed > 0 {
            let labels = [Listed::NAME, reason::MALFORMED];
            self.watcher.metrics.sources.errors.with_label_values(&labels).inc_by(malformed);
        }
        let _turn = self.turn.lock().await;
        let (taken, now, mut book) = (alerts.len(), Timestamp::now(), self.book.lock().clone());
        let events = book.take(alerts.clone(), now);
        hand_over(events, &self.watcher)
            .await
            .map_err(|_| Refusal::Busy("the daemon is stopping: send it again".to_owned()))?;
        // Known only now that it was told: what is sent again after a failure must be told then.
        self.book.lock().take(alerts, now);
        Ok(Taken { alerts: taken, malformed })
    }
}

/// What was made of a body.
#[derive(Debug, serde::Serialize)]
struct Taken {
    alerts: usize,
    malformed: u64,
}

impl Inbox for Alerts {
    fn take(&self, parcel: Parcel) -> BoxFuture<'_, Result<Receipt, Refusal>> {
        async move {
            let busy = || Refusal::Busy("what came before is still being taken in: send it again".to_owned());
            let taken = timeout(MAX_WAIT, self.push(&parcel.body)).await.map_err(|_| busy())??;
            let body = serde_json::to_vec(&taken).unwrap_or_default().into();
            Ok(Receipt { content_type: "application/json", body })
        }
        .boxed()
    }
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Alerts, masker: Arc<Masker>) -> Result<String, String> {
    let book = Arc::new(Mutex::new(Book::new(masker)));
    Listed { config, http: None, book }.poll().await.map(|seen| seen.detail).map_err(|failure| failure.to_string())
}

/// Alertmanager's own list.
struct Listed {
    config: config::Alerts,
    http: Option<Http>,
    book: Arc<Mutex<Book>>,
}

impl Poll for Listed {
    const NAME: &'static str = "alert";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let Some(base) = &self.config.alertmanager_url else {
            let firing = self.book.lock().firing();
            let detail = format!("{firing} alerts fire, as far as they were sent to /ingest/alertmanager");
            return Ok(Seen { detail, ..Seen::default() });
        };
        let http = match &mut self.http {
            Some(http) => http,
            none => {
                let (token, ca) = (self.config.token_file.clone(), self.config.tls_ca_file.as_deref());
                none.insert(Http::new(self.config.timeout, MAX_LIST, token, ca)?)
            }
        };
        let rows: Vec<wire::Listed> = http.json(&list(base)).await?;
        let (mut book, now) = (self.book.lock(), Timestamp::now());
        let events = book.take_list(rows.into_iter().map(Said::from).collect(), now);
        let detail = format!("{} alerts fire", book.firing());
        Ok(Seen { events, detail, next: None })
    }
}

/// The list's address, whatever path Alertmanager is served under.
fn list(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/api/v2/alerts", base.path().trim_end_matches('/')));
    url
}
