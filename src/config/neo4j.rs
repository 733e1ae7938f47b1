//! `[neo4j]`: the fleet's graph.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::section::section;
use super::watched::wrong_pace;

section! {
    /// Neo4j: counts, new nodes, what is around a story. Read only.
    pub struct Neo4j = "neo4j", check check, {
        /// Address: `bolt://neo4j:7687`, with TLS as `bolt+s://`.
        uri: Option<Url> = None,
        /// User.
        user: String = "neo4j".to_owned(),
        /// File with the password. Read again on change.
        password_file: Option<PathBuf> = None,
        /// Database; the user's home database where none is named.
        database: Option<String> = None,
        /// How often to ask.
        poll_interval: Duration = Duration::from_secs(10),
        /// Longest time a query may take.
        timeout: Duration = Duration::from_secs(5),
        /// Properties that tell when a node was made, in this order; the first that a label has is used.
        time_properties: Vec<String> =
            ["created_at", "createdAt", "deliberated_at", "timestamp", "updated_at"].map(str::to_owned).to_vec(),
        /// Labels and types told apart; the rest is counted together.
        max_labels: u32 = 50,
    }
}

impl Neo4j {
    /// Whether there is one to ask.
    pub const fn is_on(&self) -> bool {
        self.uri.is_some()
    }
}

fn check(neo4j: &Neo4j) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    wrong.extend(neo4j.uri.as_ref().and_then(wrong_uri).map(|remedy| ("uri", remedy)));
    if !(1..=500).contains(&neo4j.max_labels) {
        wrong.push(("max_labels", "write 1 to 500".to_owned()));
    }
    wrong.extend(wrong_pace(neo4j.poll_interval, neo4j.timeout));
    wrong
}

fn wrong_uri(uri: &Url) -> Option<String> {
    if !matches!(uri.scheme(), "bolt" | "bolt+s" | "bolt+ssc" | "neo4j" | "neo4j+s" | "neo4j+ssc") {
        return Some(format!("`{}` is no scheme for this: write bolt:// or bolt+s://", uri.scheme()));
    }
    if !uri.username().is_empty() || uri.password().is_some() {
        return Some("credentials do not belong into the URI: use user and password_file".to_owned());
    }
    None
}
