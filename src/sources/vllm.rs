//! vLLM: its metrics are asked for, its spans are received, its log is followed.
//! Takes: pages of metrics, OTLP, lines. Gives: the panel of language models, an entry for each request.
//! Never: sends the server anything but a request for its metrics; says whose a request is: that is correlation's.

mod entry;
mod grpc;
mod line;
mod log;
mod normalise;
mod page;
mod receive;
mod scrape;
mod served;
mod tail;
mod token;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use self::receive::Receiver;
use self::scrape::Scrape;
use self::served::Served;
use super::watch::{self, Pace, Poll as _, Watcher};
use crate::config;
use crate::inbox::Inbox;
use crate::status::Health;

/// The part's name in `/status` where no metrics are asked for.
const PART: &str = "source/vllm";
/// That of the gRPC receiver.
const GRPC: &str = "source/vllm-otlp";

/// The source, ready to run.
#[derive(Debug)]
pub struct Vllm {
    config: config::Vllm,
    tokens_file: Option<PathBuf>,
    watcher: Watcher,
    served: Arc<Served>,
    receiver: Arc<Receiver>,
}

impl Vllm {
    /// A source of this configuration; `tokens_file` names who may send.
    pub fn new(config: config::Vllm, tokens_file: Option<PathBuf>, watcher: Watcher) -> Self {
        let served = Arc::new(Served::default());
        let receiver = Arc::new(Receiver::new(watcher.clone(), Arc::clone(&served)));
        Self { config, tokens_file, watcher, served, receiver }
    }

    /// What takes the spans that come over HTTP.
    pub fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::clone(&self.receiver) as Arc<dyn Inbox>
    }

    /// Runs until stopped. An error is an address that cannot be listened on.
    pub async fn run(self) -> anyhow::Result<()> {
        let Self { config, tokens_file, watcher, served, receiver } = self;
        let listener = match config.otlp_listen {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.map_err(|e| anyhow::anyhow!("vllm.otlp_listen: cannot listen on {address}: {e}"))?)
            }
            None => None,
        };
        let scrape = async {
            if config.metrics_url.is_empty() {
                watcher.status.report(PART, Health::Up, "takes what it is sent; vllm.metrics_url is not set");
                watcher.stop.cancelled().await;
                return;
            }
            let pace = Pace { every: config.poll_interval, deadline: config.timeout + Duration::from_secs(1) };
            watch::run(Scrape::new(config.clone(), Arc::clone(&served)), pace, &watcher).await;
        };
        let grpc = async {
            let Some(listener) = listener else { return };
            let address = listener.local_addr().map(|a| a.to_string()).unwrap_or_default();
            watcher.status.report(GRPC, Health::Up, format!("takes spans over gRPC on {address}"));
            let tokens = Arc::new(token::Tokens::new(tokens_file.clone()));
            let stop = watcher.stop.clone();
            let served = grpc::serve(listener, Arc::clone(&receiver), tokens, async move { stop.cancelled().await });
            if let Err(error) = served.await {
                watcher.status.report(GRPC, Health::Down, format!("no spans are taken over gRPC: {error}"));
            }
        };
        let log = async {
            if let Some(path) = &config.log_file {
                log::follow(path, &watcher).await;
            }
        };
        let closed = async {
            watcher.stop.cancelled().await;
            receiver.close();
        };
        tokio::join!(scrape, grpc, log, closed);
        Ok(())
    }
}

/// Asks the servers once, and says what is there.
pub async fn probe(config: config::Vllm) -> Result<String, String> {
    if config.metrics_url.is_empty() {
        return Ok("takes what it is sent; vllm.metrics_url is not set".to_owned());
    }
    let mut scrape = Scrape::new(config, Arc::default());
    scrape.poll().await.map(|seen| seen.detail).map_err(|failure| failure.to_string())
}
