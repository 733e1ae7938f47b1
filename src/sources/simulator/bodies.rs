//! What each service publishes: one file per service, one function per message.
//! Takes: the things it speaks of and the instant. Gives: a draft. Never: decides what happens.

pub(super) mod agents;
pub(super) mod ceremony;
pub(super) mod context;
pub(super) mod derivation;
pub(super) mod orchestrator;
pub(super) mod planning;
pub(super) mod successors;
pub(super) mod workflow;
