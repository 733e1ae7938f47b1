//! `simulate`: the traffic of a whole fleet, into a real NATS.
