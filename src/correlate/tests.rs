//! What comes of events, as the contract's samples give them.

mod deliveries;
mod fixtures;
mod limits;
mod llm;
mod properties;
mod ray;
mod stories;
