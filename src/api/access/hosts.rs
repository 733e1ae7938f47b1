//! Host and Origin: a page of another site must neither reach the daemon by a name that resolves to it (DNS rebinding)
//! nor open the live feed through a visitor's browser.

use axum::extract::Request;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, header};

use crate::api::problem::Problem;

/// Without tokens the daemon answers to this machine's own names only.
pub(super) fn check_host(request: &Request) -> Result<(), Problem> {
    let host = authority(request.headers(), request.uri());
    if host.as_ref().is_some_and(|a| is_loopback_name(a.host())) {
        return Ok(());
    }
    let given = host.map_or_else(|| "none".to_owned(), |a| format!("`{a}`"));
    let remedy = "ask for http://localhost or http://127.0.0.1, or set http.tokens_file to serve other names";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, format!("the Host header names {given}; {remedy}")))
}

/// Where a request says from which page it comes, that page must be ours or allowed.
pub(super) fn check_origin(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = if origins.next().is_some() { "" } else { origin.to_str().unwrap_or("") };
    let own = authority(headers, uri);
    let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_own = bare.zip(own.as_ref()).is_some_and(|(bare, own)| bare.eq_ignore_ascii_case(own.as_str()));
    if is_own || allowed.iter().any(|a| a.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return Ok(());
    }
    let remedy = "pages of other origins may not ask; list theirs in http.allowed_origins";
    Err(Problem::new(StatusCode::FORBIDDEN, format!("the Origin is not this daemon's: {remedy}")))
}

/// The one authority a request is for. Two Host headers, or one with a user in it, are none.
fn authority(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    let authority: Authority = host.to_str().ok()?.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str) -> Request {
        Request::builder().uri("/api/events").header("host", host).body(axum::body::Body::empty()).expect("valid")
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "127.8.8.8"] {
            assert!(check_host(&request(host)).is_ok(), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "x@127.0.0.1", "10.0.0.1", ""] {
            assert!(check_host(&request(host)).is_err(), "{host}");
        }
    }

    #[test]
    fn an_origin_must_be_the_host_or_allowed() {
        let allowed = vec!["https://grafana.example/".to_owned()];
        let check = |origin: &str| {
            let mut headers = request("localhost:8080").headers().clone();
            headers.insert("origin", origin.parse().expect("valid"));
            check_origin(&headers, &Uri::from_static("/ws"), &allowed).is_ok()
        };
        assert!(check("http://localhost:8080"));
        assert!(check("https://grafana.example"));
        for foreign in ["null", "http://localhost:8081", "http://evil", "localhost:8080", "http://localhost:8080.evil"]
        {
            assert!(!check(foreign), "{foreign}");
        }
    }
}
