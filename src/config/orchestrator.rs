//! `[orchestrator]`: the registry of councils and agents.

use std::time::Duration;

use super::section::section;
use super::watched::wrong_pace;

section! {
    /// The orchestrators' gRPC: registered councils and agents, and what they count.
    pub struct Orchestrator = "orchestrator", check check, {
        /// Addresses, `host:port`. Councils are in the memory of one replica, so all that a name resolves to are asked: name the headless service.
        address: Vec<String> = Vec::new(),
        /// How often to ask.
        poll_interval: Duration = Duration::from_secs(10),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(3),
    }
}

impl Orchestrator {
    /// Whether an address is named.
    pub fn is_on(&self) -> bool {
        !self.address.is_empty()
    }
}

fn check(orchestrator: &Orchestrator) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if let Some(address) = orchestrator.address.iter().find(|address| !is_host_and_port(address)) {
        wrong.push(("address", format!("`{address}` is not host:port")));
    }
    wrong.extend(wrong_pace(orchestrator.poll_interval, orchestrator.timeout));
    wrong
}

/// Whether this is `host:port`.
pub(super) fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let named = !host.is_empty() && host.chars().all(fits);
    (named || bare.is_some_and(|h| h.parse::<std::net::Ipv6Addr>().is_ok())) && port.parse::<u16>().is_ok_and(|p| p > 0)
}
