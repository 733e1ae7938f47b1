//! An export from a daemon.
//! Takes: its address and a token. Gives: what it sends, as it comes. Never: holds more than a piece of it.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use url::Url;

use super::checked::Checked;
use super::part::Out;
use super::{Job, term};

/// Longest that connecting may take, and a silence: a filter that hardly anything fits is looked for through all of the
/// history.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_mins(5);

/// Bytes after which progress is told.
const STEP: u64 = 1 << 20;

/// Gives the number of entries, where the daemon could tell it.
pub(super) fn fetch(
    url: &str,
    token_file: Option<&Path>,
    job: &Job,
    to: &mut Checked<Out>,
    progress: &mut term::Progress,
) -> anyhow::Result<Option<u64>> {
    let url = address(url, job)?;
    let token = token_file.map(token).transpose()?;
    let runtime = crate::cli::runtime()?;
    let fetched = runtime.block_on(stream(url, token, to, progress));
    runtime.shutdown_timeout(crate::cli::LEAVE);
    fetched
}

fn address(url: &str, job: &Job) -> anyhow::Result<Url> {
    let url = url.trim_end_matches('/');
    let whole = format!("{url}/api/export");
    let mut url: Url =
        whole.parse().with_context(|| format!("--url: `{url}` is no address; write http://host:8080"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("--url: `{url}` is neither http nor https");
    }
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("format", job.format.name());
        query.extend_pairs(&job.pairs);
        query.extend_pairs(job.payload.iter().map(|payload| ("payload", payload)));
        if job.from > 0 {
            query.append_pair("from", &job.from.to_string());
        }
    }
    Ok(url)
}

/// The token alone, or the one after its role.
fn token(file: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("--token-file: {} cannot be read", file.display()))?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let token = line.and_then(|line| line.split_whitespace().last());
    token.map(str::to_owned).ok_or_else(|| anyhow!("--token-file: {} is empty", file.display()))
}

async fn stream(
    url: Url,
    token: Option<String>,
    to: &mut Checked<Out>,
    progress: &mut term::Progress,
) -> anyhow::Result<Option<u64>> {
    let client = reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build()?;
    let mut request = client.get(url.clone()).header(header::TE, "trailers");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let host = format!("{}://{}", url.scheme(), url.authority());
    let answer = request.send().await.map_err(reqwest::Error::without_url);
    let answer =
        answer.with_context(|| format!("no answer from {host}: is a daemon running there? (--url, --journal)"))?;
    if answer.status() != StatusCode::OK {
        return Err(refused(answer).await);
    }
    let answer: http::Response<reqwest::Body> = answer.into();
    let (mut body, mut entries, mut told) = (answer.into_body(), None, 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(reqwest::Error::without_url).context("the connection broke off")?;
        match frame.into_data() {
            Ok(bytes) => {
                to.write_all(&bytes)?;
                if to.bytes() >= told + STEP {
                    told = to.bytes();
                    progress.tell(&format!("{:.1} MB", told as f64 / 1e6));
                }
            }
            Err(frame) => {
                let told = frame.trailers_ref().and_then(|t| t.get("x-fleetscope-entries"));
                entries = told.and_then(|value| value.to_str().ok()?.parse().ok());
            }
        }
    }
    Ok(entries)
}

async fn refused(answer: reqwest::Response) -> anyhow::Error {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    let detail = serde_json::from_slice(&body).map(|Problem { detail }| detail);
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; name a token with --token-file",
        StatusCode::NOT_FOUND => "; is it Fleetscope, of this version?",
        _ => "",
    };
    let detail = crate::model::printable(&detail.unwrap_or_else(|_| status.to_string()));
    anyhow!("the daemon refuses ({}): {detail}{hint}", status.as_u16())
}
