//! Spans that are sent to us: OTLP, over HTTP and over gRPC.
//! Takes: an export request. Gives: an entry for each request to a model, and an answer that counts what was refused.
//! Never: answers before ingest has them; holds more than a few exports at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use parking_lot::Mutex;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::entry::entry;
use super::normalise::{Told, request};
use super::served::Served;
use crate::inbox::{Inbox, Parcel, Receipt, Refusal};
use crate::model::{Event, Text, Timestamp, printable, shorten};
use crate::sources::watch::{Watcher, hand_over};

/// Exports taken at a time: each may hold some tens of MiB once it is read.
const AT_A_TIME: usize = 4;
/// How long an export may wait for its turn, and for ingest.
const PATIENCE: Duration = Duration::from_secs(10);
/// Spans of one export that are read; servers send 512 at most.
const MAX_SPANS: usize = 20_000;

/// Takes spans.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Taken away at the end, so that ingest sees its last sender go.
    watcher: Mutex<Option<Watcher>>,
    served: Arc<Served>,
    turns: Semaphore,
}

impl Receiver {
    pub(super) fn new(watcher: Watcher, served: Arc<Served>) -> Self {
        Self { watcher: Mutex::new(Some(watcher)), served, turns: Semaphore::new(AT_A_TIME) }
    }

    /// Takes nothing any more.
    pub(super) fn close(&self) {
        *self.watcher.lock() = None;
    }

    /// Takes an export.
    pub(super) async fn export(
        &self,
        export: ExportTraceServiceRequest,
    ) -> Result<ExportTraceServiceResponse, Refusal> {
        let busy = || Refusal::Busy("too many exports at a time, or the journal is behind: send it again".to_owned());
        let turn = timeout(PATIENCE, self.turns.acquire()).await.map_err(|_| busy())?;
        let _turn = turn.map_err(|_| busy())?;
        let ends = || Refusal::Busy("the daemon stops: send it again".to_owned());
        let watcher = self.watcher.lock().clone().ok_or_else(ends)?;
        let now = Timestamp::now();
        let read = read(export, &self.served, now);
        for (reason, count) in &read.ignored {
            watcher.metrics.sources.ignored.with_label_values(&["vllm", reason]).inc_by(*count);
        }
        let events: Vec<Event> = read.requests.into_iter().map(|r| entry(r, now, &watcher.masker)).collect();
        match timeout(PATIENCE, hand_over(events, &watcher)).await {
            Ok(Ok(())) => Ok(answer(read.broken, read.why)),
            Ok(Err(_)) => Err(ends()),
            Err(_) => Err(busy()),
        }
    }
}

/// What an export held.
#[derive(Debug, Default)]
struct Read {
    requests: Vec<crate::model::LlmRequest>,
    ignored: [(&'static str, u64); 2],
    broken: i64,
    why: Option<&'static str>,
}

fn read(export: ExportTraceServiceRequest, served: &Served, now: Timestamp) -> Read {
    let model = served.only();
    let (mut other, mut read) = (0, Read::default());
    let mut broken = |why: &'static str| {
        read.broken += 1;
        read.why.get_or_insert(why);
    };
    let mut seen = 0;
    for group in export.resource_spans {
        let service = service(group.resource.as_ref());
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            seen += 1;
            if seen > MAX_SPANS {
                broken("one export holds too many spans");
                continue;
            }
            match request(&span, &service, model.as_ref(), now) {
                Told::Request(request) => read.requests.push(*request),
                Told::Other => other += 1,
                Told::Broken(why) => broken(why),
            }
        }
    }
    read.ignored = [("other_span", other), ("broken_span", read.broken.unsigned_abs())];
    read
}

fn service(resource: Option<&Resource>) -> Text {
    let name = resource.and_then(|r| r.attributes.iter().find(|held| held.key == "service.name"));
    let name = name.and_then(|held| match held.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(shorten(&printable(text), 100)),
        _ => None,
    });
    // What the SDK says where nobody named the service.
    name.filter(|name| !name.is_empty() && !name.starts_with("unknown_service")).unwrap_or_else(|| "vllm".into()).into()
}

fn answer(rejected_spans: i64, why: Option<&'static str>) -> ExportTraceServiceResponse {
    let partial_success = (rejected_spans > 0).then(|| ExportTracePartialSuccess {
        rejected_spans,
        error_message: format!("{rejected_spans} spans are not taken; the first: {}", why.unwrap_or("unknown")),
    });
    ExportTraceServiceResponse { partial_success }
}

/// As JSON, where 64-bit numbers are texts.
fn json(answer: ExportTraceServiceResponse) -> serde_json::Value {
    match answer.partial_success {
        Some(told) => serde_json::json!({
            "partialSuccess": {"rejectedSpans": told.rejected_spans.to_string(), "errorMessage": told.error_message},
        }),
        None => serde_json::json!({}),
    }
}

impl Inbox for Receiver {
    fn take(&self, parcel: Parcel) -> BoxFuture<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            match &*parcel.content_type {
                "application/x-protobuf" => {
                    let export = ExportTraceServiceRequest::decode(parcel.body)
                        .map_err(|e| Refusal::Malformed(format!("the body is no ExportTraceServiceRequest: {e}")))?;
                    let answer = self.export(export).await?;
                    let body = Bytes::from(answer.encode_to_vec());
                    Ok(Receipt { content_type: "application/x-protobuf", body })
                }
                "application/json" => {
                    let export: ExportTraceServiceRequest = serde_json::from_slice(&parcel.body)
                        .map_err(|e| Refusal::Malformed(format!("the body is no OTLP in JSON: {e}")))?;
                    let answer = self.export(export).await?;
                    let body = json(answer).to_string().into();
                    Ok(Receipt { content_type: "application/json", body })
                }
                other => {
                    let other = shorten(&printable(other), 60);
                    let wanted = "send application/x-protobuf or application/json";
                    Err(Refusal::Unsupported(format!("`{other}` is not read here: {wanted}")))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
