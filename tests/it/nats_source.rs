//! The NATS source against real servers, old and new.

mod faults;
mod reading;
mod rig;
mod rights;
mod settling;
mod tails;
