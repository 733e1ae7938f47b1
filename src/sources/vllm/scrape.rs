//! The servers' metrics → the panel of language models.
//! Takes: a page of each server. Gives: the state of each model, with rates and times between two polls.
//! Never: lets one server that is away hide the others' numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use url::Url;

use super::page::{self, Histogram, Numbers};
use super::served::Served;
use crate::config;
use crate::model::{Event, LlmModel, LlmPanel, Panel, Spread, Text, Timestamp};
use crate::sources::failure::Failure;
use crate::sources::http::Http;
use crate::sources::watch::{Poll, Seen};

/// A page may have so many bytes: that of one model has 61 KiB.
const MAX_PAGE: usize = 8 << 20;

/// What a server said last.
#[derive(Debug)]
struct Last {
    at: Timestamp,
    models: BTreeMap<Text, Numbers>,
    shown: Vec<LlmModel>,
}

/// Asks all servers.
pub(super) struct Scrape {
    config: config::Vllm,
    http: Option<Http>,
    servers: Vec<(Url, Text, Option<Last>)>,
    served: Arc<Served>,
}

impl Scrape {
    pub(super) fn new(config: config::Vllm, served: Arc<Served>) -> Self {
        let name = |url: &Url| match url.port_or_known_default() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let servers = config.urls().into_iter().map(|url| (url.clone(), name(&url).into(), None)).collect();
        Self { config, http: None, servers, served }
    }
}

impl Poll for Scrape {
    const NAME: &'static str = "vllm";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let config = &self.config;
        let http = match &self.http {
            Some(http) => http.clone(),
            None => Http::new(config.timeout, MAX_PAGE, config.token_file.clone(), config.tls_ca_file.as_deref())?,
        };
        self.http = Some(http.clone());
        let asked = self.servers.iter().map(|(url, ..)| ask(&http, url));
        let answers = join_all(asked).await;
        let now = Timestamp::now();
        let (mut failures, mut first) = (0, None);
        for ((_, name, last), answer) in self.servers.iter_mut().zip(answers) {
            match answer {
                Ok(models) => *last = Some(told(name, models, last.take().as_ref(), now)),
                Err(failure) => {
                    failures += 1;
                    first.get_or_insert(failure);
                }
            }
        }
        let (asked, failed) = (self.servers.len(), first);
        if let Some(failure) = failed {
            if failures == asked {
                return Err(failure);
            }
            let models = self.panel(now);
            return Ok(Seen {
                events: models,
                detail: format!("{failures} of {asked} servers give no metrics: {failure}"),
                next: None,
            });
        }
        let events = self.panel(now);
        let models: BTreeSet<&Text> =
            self.servers.iter().filter_map(|(.., last)| last.as_ref()).flat_map(|last| last.models.keys()).collect();
        let names = models.iter().take(3).map(|model| &***model).collect::<Vec<_>>().join(", ");
        Ok(Seen { events, detail: format!("{} models at {asked} servers: {names}", models.len()), next: None })
    }
}

async fn ask(http: &Http, url: &Url) -> Result<BTreeMap<Text, Numbers>, Failure> {
    page::read(&http.text(url).await?)
}

impl Scrape {
    fn panel(&self, at: Timestamp) -> Vec<Event> {
        let last = || self.servers.iter().filter_map(|(.., last)| last.as_ref());
        self.served.replace(last().flat_map(|last| last.models.keys().cloned()).collect());
        let models = last().flat_map(|last| last.shown.iter().cloned()).collect();
        vec![Event::Panel(Arc::new(Panel::Llm(LlmPanel { at, models })))]
    }
}

fn told(server: &Text, models: BTreeMap<Text, Numbers>, before: Option<&Last>, at: Timestamp) -> Last {
    let shown = models
        .iter()
        .map(|(model, numbers)| {
            let then = before.and_then(|last| Some((last.models.get(model)?, at.since(last.at).as_secs_f64())));
            show(server, model, numbers, then)
        })
        .collect();
    Last { at, models, shown }
}

fn show(server: &Text, model: &Text, now: &Numbers, before: Option<(&Numbers, f64)>) -> LlmModel {
    // A counter that fell began anew: no rate is known then.
    let rate = |name: &str| {
        let ((then, seconds), value) = (before?, now.value(name)?);
        let grown = value - then.value(name)?;
        (grown >= 0.0 && seconds > 0.0).then(|| grown / seconds)
    };
    let spread = |name: &str| {
        let of = |numbers: &Numbers| numbers.histograms.get(name).cloned().unwrap_or_default();
        let before: Option<Histogram> = before.map(|(then, _)| of(then));
        let (mean_seconds, p95_seconds) = page::spread(&of(now), before.as_ref());
        Spread { mean_seconds, p95_seconds }
    };
    LlmModel {
        server: server.clone(),
        model: model.clone(),
        running: now.value("num_requests_running"),
        waiting: now.value("num_requests_waiting"),
        kv_cache_usage_ratio: now.value("kv_cache_usage_perc"),
        prompt_tokens: now.value("prompt_tokens_total"),
        generation_tokens: now.value("generation_tokens_total"),
        prompt_tokens_per_second: rate("prompt_tokens_total"),
        generation_tokens_per_second: rate("generation_tokens_total"),
        finished: now.finished.clone(),
        rejected: now.value("admission_rejections_total"),
        preemptions: now.value("num_preemptions_total"),
        latency: spread("e2e_request_latency_seconds"),
        time_to_first_token: spread("time_to_first_token_seconds"),
        queue: spread("request_queue_time_seconds"),
    }
}
