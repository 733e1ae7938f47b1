//! `[nats]`: where the fleet's events are.

use std::path::PathBuf;
use std::time::Duration;

use super::section::section;

section! {
    /// The fleet's NATS. Read only: Fleetscope never publishes, acks, purges or leaves a durable behind.
    pub struct Nats = "nats", check check, {
        /// Servers, separated by commas: `nats://nats:4222`. Not set = the source is off.
        url: Option<String> = None,
        /// Credentials file (.creds).
        creds_file: Option<PathBuf> = None,
        /// File with an nkey seed.
        nkey_file: Option<PathBuf> = None,
        /// File with a token.
        token_file: Option<PathBuf> = None,
        /// User name; needs `password_file`.
        user: Option<String> = None,
        /// File with the user's password.
        password_file: Option<PathBuf> = None,
        /// CA certificates (PEM) to trust besides the system's.
        tls_ca_file: Option<PathBuf> = None,
        /// Client certificate (PEM).
        tls_cert_file: Option<PathBuf> = None,
        /// Client key (PEM).
        tls_key_file: Option<PathBuf> = None,
        /// Whether TLS is required even if the server does not ask for it.
        tls_required: bool = false,
        /// Streams to read, `*` allowed; empty = all the account may list.
        streams: Vec<String> = Vec::new(),
        /// Streams not to read, `*` allowed.
        streams_exclude: Vec<String> = vec!["KV_*".to_owned(), "OBJ_*".to_owned(), "MQTT_*".to_owned(), "$*".to_owned()],
        /// Core subjects without a stream to listen to, such as "choreo.>". Never ">" and never "vllm.streaming.>":
        /// a listener there delays each submit of the fleet by five seconds.
        core_subjects: Vec<String> = Vec::new(),
        /// Whether to listen to acknowledgements ($JS.ACK.>): exact latency and outcome per consumer.
        ack_tap: bool = true,
        /// How often streams and consumers are polled.
        poll_interval: Duration = Duration::from_secs(5),
        /// Messages asked for at a time.
        batch: u32 = 500,
        /// Where to begin on a stream read for the first time: "all", "new", or a duration such as "1h".
        start: String = "all".to_owned(),
    }
}

fn check(nats: &Nats) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if let Some(url) = &nats.url {
        for server in url.split(',') {
            let server = server.trim();
            if server.is_empty() || server.contains(' ') {
                wrong.push(("url", "a server is empty or holds a space: write it as \"nats://host:4222\"".to_owned()));
            } else if server.contains('@') {
                let remedy = "credentials do not belong into the URL: use creds_file, token_file or user";
                wrong.push(("url", remedy.to_owned()));
            }
        }
    }
    for subject in &nats.core_subjects {
        if subject == ">" || subject.starts_with("vllm.") || subject.starts_with("*.") || subject == "*" {
            wrong.push((
                "core_subjects",
                format!("`{subject}` would cover vllm.streaming.>, which delays each submit by 5 s: name the subjects"),
            ));
        }
        if subject.starts_with('$') {
            wrong.push(("core_subjects", format!("`{subject}` is the server's own: Fleetscope reads those by itself")));
        }
    }
    if nats.user.is_some() != nats.password_file.is_some() {
        wrong.push(("user", "nats.user and nats.password_file go together".to_owned()));
    }
    if nats.tls_cert_file.is_some() != nats.tls_key_file.is_some() {
        wrong.push(("tls_cert_file", "a client certificate needs nats.tls_cert_file and nats.tls_key_file".to_owned()));
    }
    if !(1..=10_000).contains(&nats.batch) {
        wrong.push(("batch", format!("{} is out of range: write 1 to 10000", nats.batch)));
    }
    if nats.poll_interval < Duration::from_millis(100) {
        wrong.push(("poll_interval", "write at least \"100ms\": the server is asked for each stream".to_owned()));
    }
    if !matches!(nats.start.as_str(), "all" | "new") && <Duration as super::Setting>::read_text(&nats.start).is_err() {
        wrong.push(("start", format!("`{}`: write \"all\", \"new\" or a duration such as \"1h\"", nats.start)));
    }
    wrong
}
