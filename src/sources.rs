//! Sources: foreign systems → events. One line each.

pub mod nats;
pub mod simulator;
