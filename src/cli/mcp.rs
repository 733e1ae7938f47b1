//! `mcp`: a daemon's history for an assistant on this machine, over the Model Context Protocol on standard input and output.
//! Takes: messages, a line each. Gives: answers, a line each; what a running daemon says over its API.
//! Never: writes anything else to standard output, or shows more than its token may see.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args as ClapArgs;
use futures::future::BoxFuture;
use rmcp::ServiceExt as _;
use rmcp::transport::io::stdio_pipes;

use super::daemon::{Address, Daemon};
use crate::config::{Log, Telemetry};
use crate::logs;
use crate::mcp::{Answer, Ask, Bounds, Refused, Server};
use crate::metrics::Metrics;

/// Serve a running daemon's history to an assistant (Model Context Protocol, standard input and output).
///
/// Assistants start it themselves: see docs/MCP.md. What it may show is what the token's role may see. The daemon serves
/// the same tools at http://…/mcp.
#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = "Examples:\n  fleetscope mcp\n  \
    fleetscope mcp --url https://fleetscope.example --token-file ~/.fleetscope-token")]
pub(super) struct Args {
    #[command(flatten)]
    address: Address,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = super::runtime()?;
        let served = runtime.block_on(serve(&self.address));
        // Standard input may be read by a thread that nothing can wake.
        runtime.shutdown_background();
        served.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(address: &Address) -> anyhow::Result<()> {
    let log = Log { filter: "warn".to_owned(), ..Log::default() };
    let logs = logs::init(&log, &Telemetry::default(), &Metrics::new())?;
    let server = Server::new(Daemon::new(address)?, Bounds::default());
    let (input, output) = stdio_pipes();
    let session = server.serve((input, output)).await.context("no session began on standard input and output")?;
    session.waiting().await.context("the session broke off")?;
    logs.flush().await;
    Ok(())
}

impl Ask for Daemon {
    fn get<'a>(&'a self, path: &'a [&'a str], query: &'a [(&'static str, String)]) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let (status, body) = self.fetch(path, query).await.map_err(|error| Refused::new(format!("{error:#}")))?;
            if status.is_success() {
                return serde_json::from_slice(&body).map_err(|_| Refused::new("what answers is not Fleetscope"));
            }
            let problem = Refused::read(&body);
            Err(problem.unwrap_or_else(|| Refused::new(format!("the daemon answers {status} without a word"))))
        })
    }
}
