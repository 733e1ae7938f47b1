//! The fleet's streams on a real server.

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use super::RunError;
use super::publish::MARK;
use crate::sources::simulator::catalogue::{STREAMS, SUCCESSOR_STREAMS, StreamSpec};

/// The streams a run writes into.
fn of_run(successors: bool) -> impl Iterator<Item = &'static StreamSpec> {
    STREAMS.iter().chain(SUCCESSOR_STREAMS.iter().filter(move |_| successors))
}

/// Makes the streams that are missing, as the fleet's manifest does.
pub(super) async fn create(jetstream: &Context, successors: bool) -> Result<(), RunError> {
    for spec in of_run(successors) {
        let config = Config {
            name: spec.name.to_owned(),
            subjects: spec.subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: spec.max_age,
            max_messages: spec.max_messages,
            num_replicas: 1,
            ..Config::default()
        };
        if let Err(error) = jetstream.get_or_create_stream(config).await {
            return Err(RunError::Stream { stream: spec.name.to_owned(), cause: error.to_string() });
        }
    }
    Ok(())
}

/// Refuses when the last message of one of the streams is not marked as simulated.
pub(super) async fn refuse_foreign(jetstream: &Context, successors: bool) -> Result<(), RunError> {
    for spec in of_run(successors) {
        let failed = |cause: String| RunError::Stream { stream: spec.name.to_owned(), cause };
        let stream = match jetstream.get_stream(spec.name).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(failed(error.to_string())),
        };
        let state = &stream.cached_info().state;
        if state.messages == 0 {
            continue;
        }
        let last = stream.get_raw_message(state.last_sequence).await.map_err(|error| failed(error.to_string()))?;
        if last.headers.get(MARK).is_none() {
            return Err(RunError::ForeignMessages { stream: spec.name.to_owned() });
        }
    }
    Ok(())
}

/// Refuses when none of the streams is there: nothing would be stored. What the account may not ask about is taken to
/// be there, and a fleet may lack some.
pub(super) async fn require(jetstream: &Context, successors: bool) -> Result<(), RunError> {
    for spec in of_run(successors) {
        if !jetstream.get_stream(spec.name).await.is_err_and(|error| is_missing(&error)) {
            return Ok(());
        }
    }
    Err(RunError::NoStreams)
}

fn is_missing(error: &async_nats::jetstream::context::GetStreamError) -> bool {
    use async_nats::jetstream::{ErrorCode, context::GetStreamErrorKind};
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
