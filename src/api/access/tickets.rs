//! One-use tickets for the live feed: a WebSocket cannot carry an Authorization header, and a proxy that adds the token
//! adds it for whoever asks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::crypto::ring::default_provider;
use sha2::{Digest, Sha256};

use super::Grant;
use crate::api::hex;

/// How long a ticket is good for.
pub(in crate::api) const LIFE: Duration = Duration::from_secs(30);
/// Tickets outstanding at a time; beyond, the oldest go.
const MAX_TICKETS: usize = 4096;

/// Tickets given out and not used, by their hash.
#[derive(Debug, Default)]
pub(in crate::api) struct Tickets(Mutex<HashMap<[u8; 32], (Grant, Instant)>>);

impl Tickets {
    /// A new ticket, or `None` if the system gives no randomness.
    pub(in crate::api) fn issue(&self, grant: Grant) -> Option<String> {
        let mut random = [0; 32];
        default_provider().secure_random.fill(&mut random).ok()?;
        let ticket = hex(&random);
        let now = Instant::now();
        let mut tickets = self.0.lock();
        tickets.retain(|_, (_, issued)| now.saturating_duration_since(*issued) < LIFE);
        if tickets.len() >= MAX_TICKETS {
            let oldest = tickets.iter().min_by_key(|(_, (_, issued))| *issued).map(|(hash, _)| *hash);
            oldest.and_then(|hash| tickets.remove(&hash));
        }
        tickets.insert(hash(&ticket), (grant, now));
        Some(ticket)
    }

    /// What a ticket stands for; it is used up by this. Whether that is still granted is another question.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Grant> {
        self.redeem_at(ticket, Instant::now())
    }

    fn redeem_at(&self, ticket: &str, now: Instant) -> Option<Grant> {
        let (grant, issued) = self.0.lock().remove(&hash(ticket))?;
        (now.saturating_duration_since(issued) < LIFE).then_some(grant)
    }
}

fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::Role;

    const VIEWER: Grant = Grant { role: Role::Viewer, token: Some([1; 32]) };

    #[test]
    fn a_ticket_is_good_once_and_for_a_short_time() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(VIEWER).expect("randomness");
        assert_eq!(tickets.redeem(&ticket), Some(VIEWER));
        assert_eq!(tickets.redeem(&ticket), None);
        let late = tickets.issue(VIEWER).expect("randomness");
        assert_eq!(tickets.redeem_at(&late, Instant::now() + LIFE), None);
        assert_eq!(tickets.redeem("guessed"), None);
    }

    #[test]
    fn outstanding_tickets_are_bounded() {
        let tickets = Tickets::default();
        for _ in 0..MAX_TICKETS + 10 {
            tickets.issue(VIEWER).expect("randomness");
        }
        assert_eq!(tickets.0.lock().len(), MAX_TICKETS);
    }
}
