//! `replay --into-otlp`: the spans of a history → a trace backend.
//! Takes: a journal of its own. Gives: every span once more, with the ids and bytes it had; an account of them.
//! Never: makes a span that was not there, or ends while one is neither taken nor told as refused.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cli::term;
use crate::config::{self, OtlpProtocol};
use crate::journal::{Embedded, Journal};
use crate::sinks::otlp::{self, Account, Signal};

/// How long a backend may be gone again after it took spans until it is believed that it keeps them.
const SETTLE: Duration = Duration::from_secs(2);

/// Which backend.
#[derive(Debug, clap::Args)]
pub(super) struct IntoOtlp {
    /// Send the spans, with the ids they had, to this trace backend: to have traces again that a backend lost.
    #[arg(id = "into_otlp", long = "into-otlp", value_name = "URL", conflicts_with_all = ["serve", "json", "speed", "longest_wait", "into_nats"])]
    url: Option<Url>,
    /// "grpc" or "http".
    #[arg(long, value_name = "PROTOCOL", requires = "into_otlp", value_parser = ["grpc", "http"], default_value = "grpc")]
    otlp_protocol: String,
    /// File with headers for it, one `name: value` a line.
    #[arg(long, value_name = "FILE", requires = "into_otlp")]
    otlp_headers: Option<PathBuf>,
    /// CA certificates (PEM) to trust besides the system's.
    #[arg(long, value_name = "FILE", requires = "into_otlp")]
    otlp_ca: Option<PathBuf>,
}

impl IntoOtlp {
    pub(super) const fn is_asked(&self) -> bool {
        self.url.is_some()
    }

    fn config(&self) -> anyhow::Result<config::Otlp> {
        let endpoint = self.url.clone();
        if let Some(url) = endpoint.as_ref().filter(|url| !matches!(url.scheme(), "http" | "https")) {
            bail!("--into-otlp: `{}` is no scheme for OTLP: write http:// or https://", url.scheme());
        }
        let protocol = if self.otlp_protocol == "http" { OtlpProtocol::Http } else { OtlpProtocol::Grpc };
        let (headers_file, tls_ca_file) = (self.otlp_headers.clone(), self.otlp_ca.clone());
        Ok(config::Otlp { endpoint, protocol, headers_file, tls_ca_file, settle: SETTLE, ..config::Otlp::default() })
    }

    /// Sends all spans of the journal.
    pub(super) async fn send(&self, journal: Embedded, stop: CancellationToken) -> anyhow::Result<ExitCode> {
        let config = self.config()?;
        let found = otlp::probe(Signal::Spans, &config).await;
        found.map_err(|why| anyhow!("--into-otlp: {why}"))?;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let mut progress = term::Progress::default();
        let told = |exported, at, head| progress.tell(&format!("{exported} spans sent, record {at} of {head}"));
        let (account, ended) = otlp::once(Arc::clone(&journal), config, stop, told).await?;
        progress.done();
        let Account { created, exported, refused } = account;
        term::note(&format!("{exported} of {created} spans sent, {refused} refused by the backend"));
        for letter in journal.dead_letters(5)? {
            term::note(&format!("refused: span {} of record {}: {}", letter.span_id, letter.seq, letter.reason));
        }
        ended.map(|()| if refused > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
    }
}
