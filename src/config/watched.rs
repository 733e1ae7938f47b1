//! What the sections of all watched systems check alike.

use std::time::Duration;

use url::Url;

/// What is wrong with an address that is asked over HTTP.
pub(super) fn wrong_http(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some(format!("`{}` is no scheme for this: write http:// or https://", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("credentials do not belong into the URL: use token_file".to_owned());
    }
    None
}

/// What is wrong with how often a system is asked, and how long its answer may take.
pub(super) fn wrong_pace(every: Duration, timeout: Duration) -> Option<(&'static str, String)> {
    if every < Duration::from_millis(500) {
        return Some((
            "poll_interval",
            "write at least \"500ms\": asking has a price for the one that is asked".to_owned(),
        ));
    }
    if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&timeout) {
        return Some(("timeout", "write \"100ms\" to \"60s\"".to_owned()));
    }
    None
}
