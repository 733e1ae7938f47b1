//! `[components]`: what the overview asks by itself.

use std::time::Duration;

use url::Url;

use super::orchestrator::is_host_and_port;
use super::section::section;
use super::watched::{wrong_http, wrong_pace};

section! {
    /// The overview of the fleet's parts: which of them to knock at. Others are told by their own source, or by the readiness of their pods.
    pub struct Components = "components", check check, {
        /// `name=tcp://host:port`, `name=http://host:port/path`, `name=grpc://host:port` (the gRPC health service).
        probes: Vec<String> = Vec::new(),
        /// How often to look.
        poll_interval: Duration = Duration::from_secs(10),
        /// Longest time an answer may take.
        timeout: Duration = Duration::from_secs(3),
    }
}

/// A way to knock at a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A connection is accepted.
    Tcp(String),
    /// It answers 2xx.
    Http(Url),
    /// The health service says SERVING, or is not there but a server is.
    Grpc(String),
}

impl Components {
    /// The probes by the component's name. Those that cannot be read are left out: `check` named them.
    pub fn probes(&self) -> Vec<(String, Probe)> {
        self.probes.iter().filter_map(|text| probe(text).ok()).collect()
    }
}

fn probe(text: &str) -> Result<(String, Probe), String> {
    let shape = || format!("`{text}` is not name=tcp://host:port, name=http://… or name=grpc://host:port");
    let (name, address) = text.split_once('=').ok_or_else(shape)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
        return Err(shape());
    }
    let host = |rest: &str| Some(rest.to_owned()).filter(|rest| is_host_and_port(rest)).ok_or_else(shape);
    let probe = match address.split_once("://") {
        Some(("tcp", rest)) => Probe::Tcp(host(rest)?),
        Some(("grpc", rest)) => Probe::Grpc(host(rest)?),
        _ => {
            let url: Url = address.parse().map_err(|_| shape())?;
            match wrong_http(&url) {
                Some(_) => return Err(shape()),
                None => Probe::Http(url),
            }
        }
    };
    Ok((name.to_owned(), probe))
}

fn check(components: &Components) -> Vec<(&'static str, String)> {
    let mut wrong: Vec<_> = components.probes.iter().filter_map(|p| Some(("probes", probe(p).err()?))).collect();
    wrong.extend(wrong_pace(components.poll_interval, components.timeout));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_read_or_named() {
        let read = |text: &str| probe(text).map(|(_, probe)| probe);
        assert_eq!(read("planning=tcp://planning:50054"), Ok(Probe::Tcp("planning:50054".to_owned())));
        assert_eq!(read("a=grpc://[::1]:1"), Ok(Probe::Grpc("[::1]:1".to_owned())));
        assert!(matches!(read("vllm=http://vllm:8000/health"), Ok(Probe::Http(_))));
        for wrong in ["tcp://a:1", "=tcp://a:1", "a=tcp://a", "a=udp://a:1", "a b=tcp://a:1", "a=http://u:p@h/", "a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
