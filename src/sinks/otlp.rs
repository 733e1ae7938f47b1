//! Records → spans at a trace backend, at least once.
//! Takes: the journal from the sink's own position. Gives: OTLP requests, encoded once; a position that only moves over
//! what the backend has kept. Never: drops silently, or sends a changed span under the same id.
