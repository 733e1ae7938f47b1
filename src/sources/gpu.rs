//! Graphics processors, by whoever tells of them: the DCGM exporter, Ray's nodes, or the driver of this machine.
//! Takes: a page of metrics, or the driver's library. Gives: the panel of all processors.
//! Never: asks two of them, or loads the driver's library unasked.

mod dcgm;
mod nvml;
mod ray;
mod single;
mod xid;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use super::exposition::Sample;
use super::failure::{Failure, reason};
use super::http::Http;
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config;
use crate::model::{Event, Gpu, GpuPanel, Panel, Text, Timestamp, clean_id};
use crate::privacy::Masker;

/// A page of metrics may have so many bytes: 100 processors take about 1 MiB.
const MAX_PAGE: usize = 16 << 20;
/// Processors shown.
const MAX_GPUS: usize = 1_000;
/// What exporters call a megabyte.
const MIB: f64 = 1_048_576.0;

/// Asks until stopped.
pub async fn run(config: config::Gpu, watcher: Watcher) {
    let pace = Pace { every: config.poll_interval, deadline: config.timeout + Duration::from_secs(1) };
    let masker = Arc::clone(&watcher.masker);
    watch::run(Gpus { config, asked: None, told: xid::Told::default(), masker }, pace, &watcher).await;
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Gpu, masker: Arc<Masker>) -> Result<String, String> {
    let most = config.timeout + Duration::from_secs(1);
    let mut gpus = Gpus { config, asked: None, told: xid::Told::default(), masker };
    // A driver can hang.
    let asked = timeout(most, gpus.poll()).await;
    let asked = asked.unwrap_or_else(|_| Err(Failure::new(reason::TIMEOUT, format!("no answer within {most:?}"))));
    asked.map(|seen| seen.detail).map_err(|failure| failure.to_string())
}

/// The one that is asked.
enum Asked {
    Dcgm(Http, Url),
    Ray(Http, Url),
    Nvml(nvml::Driver),
}

struct Gpus {
    config: config::Gpu,
    asked: Option<Asked>,
    told: xid::Told,
    masker: Arc<Masker>,
}

impl Poll for Gpus {
    const NAME: &'static str = "gpu";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let asked = match &mut self.asked {
            Some(asked) => asked,
            none => none.insert(begin(&self.config)?),
        };
        let (told_by, gpus) = match asked {
            Asked::Dcgm(http, url) => ("dcgm", dcgm::gpus(&http.text(url).await?)?),
            Asked::Ray(http, url) => ("ray", ray::gpus(&http.text(url).await?)?),
            Asked::Nvml(driver) => ("nvml", driver.gpus().await?),
        };
        Ok(self.seen(told_by, gpus))
    }
}

fn begin(config: &config::Gpu) -> Result<Asked, Failure> {
    let http = || Http::new(config.timeout, MAX_PAGE, config.token_file.clone(), config.tls_ca_file.as_deref());
    if let Some(url) = &config.dcgm_url {
        return Ok(Asked::Dcgm(http()?, url.clone()));
    }
    if let Some(url) = &config.ray_metrics_url {
        return Ok(Asked::Ray(http()?, url.clone()));
    }
    Ok(Asked::Nvml(nvml::Driver::default()))
}

impl Gpus {
    fn seen(&mut self, told_by: &str, mut gpus: Vec<Gpu>) -> Seen {
        let (found, now) = (gpus.len(), Timestamp::now());
        gpus.truncate(MAX_GPUS);
        let more = if found > MAX_GPUS { format!(", {MAX_GPUS} shown") } else { String::new() };
        let mut events = self.told.entries(&gpus, now, &self.masker);
        let panel = GpuPanel { at: now, told_by: told_by.into(), gpus };
        events.push(Event::Panel(Arc::new(Panel::Gpu(panel))));
        Seen { events, detail: format!("{found} processors, told by {told_by}{more}"), next: None }
    }
}

/// A name on a page: printable, and with the hash of the whole where it is long.
fn label(sample: &Sample<'_>, name: &str) -> Option<Text> {
    sample.label(name).and_then(clean_id)
}
