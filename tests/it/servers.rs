//! Real servers on 127.0.0.1: found, started on a free port, killed by their own pid.

pub(crate) mod alerting;
pub(crate) mod kubernetes;
pub(crate) mod moody;
pub(crate) mod nats;
pub(crate) mod neo4j;
pub(crate) mod proxy;
pub(crate) mod ray;
pub(crate) mod redis;
pub(crate) mod rude;

pub(crate) use crate::support::until;
