//! What every source that asks over HTTP must survive.

use std::path::Path;

use crate::servers::moody::{FAULTS, Moody, PATIENCE};
use crate::support::daemon::Daemon;
use crate::support::until;

/// What is asked of a source whose system fails in every way: it says which, keeps what it knew, and comes back.
pub(crate) async fn survived(
    source: &str,
    server: &mut Moody,
    route: &str,
    variables: &[(&str, String)],
    shown: impl Fn(&serde_json::Value) -> bool + Copy,
) {
    for (mood, reason) in FAULTS {
        server.mood(crate::servers::moody::Mood::Well);
        let journal = tempfile::tempdir().expect("a folder");
        let daemon = started(journal.path(), variables).await;
        until("the source shows its system", PATIENCE, || async { shows(&daemon, route, shown).await }).await;
        server.mood(*mood);
        let errors = format!("fleetscope_source_errors_total{{reason=\"{reason}\",source=\"{source}\"}}");
        until(&format!("{mood:?} is called {reason}"), PATIENCE, || async {
            daemon.sample(&errors).await.unwrap_or(0.0) >= 1.0
        })
        .await;
        let page = daemon.json(route).await.expect("the route answers");
        assert!(shown(&page), "{mood:?}: the last good state is gone: {page}");
        assert!(page["stale_because"].is_string(), "{mood:?}: it is not said to be out of date: {page}");
        let up = daemon.sample(&format!("fleetscope_source_up{{source=\"{source}\"}}")).await;
        assert_eq!(up, Some(0.0), "{mood:?}");
    }
}

/// A system that is away at the start, comes, dies and comes back.
pub(crate) async fn comes_and_goes(
    source: &str,
    server: &mut Moody,
    route: &str,
    variables: &[(&str, String)],
    shown: impl Fn(&serde_json::Value) -> bool + Copy,
) {
    server.die().await;
    let journal = tempfile::tempdir().expect("a folder");
    let daemon = started(journal.path(), variables).await;
    let unreachable = format!("fleetscope_source_errors_total{{reason=\"unreachable\",source=\"{source}\"}}");
    let refused = || async { daemon.sample(&unreachable).await.unwrap_or(0.0) >= 1.0 };
    until("the system is away", PATIENCE, refused).await;
    let page = daemon.json(route).await.expect("the route answers");
    assert!(page["items"].as_array().is_some_and(Vec::is_empty) && page["stale_because"].is_string(), "{page}");
    for _ in 0..2 {
        server.live().await;
        until("the system is there", PATIENCE, || async {
            let page = daemon.json(route).await;
            page.is_some_and(|page| shown(&page) && page["stale_because"].is_null())
        })
        .await;
        server.die().await;
        until("the system is away again", PATIENCE, || async {
            daemon.json(route).await.is_some_and(|page| shown(&page) && page["stale_because"].is_string())
        })
        .await;
    }
}

/// A token that is wrong, then right: the file is read again.
pub(crate) async fn token_rotates(
    server: &Moody,
    route: &str,
    token_key: &str,
    variables: &[(&str, String)],
    shown: impl Fn(&serde_json::Value) -> bool + Copy,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "old-one\n").expect("written");
    server.want_token("new-one");
    let mut variables = variables.to_vec();
    variables.push((token_key, token.display().to_string()));
    let daemon = started(&folder.path().join("journal"), &variables).await;
    until("the old token is refused", PATIENCE, || async {
        let page = daemon.json(route).await;
        page.is_some_and(|p| p["stale_because"].as_str().is_some_and(|why| why.contains("401")))
    })
    .await;
    std::fs::write(&token, "new-one\n").expect("written");
    until("the new token is found", PATIENCE, || async { shows(&daemon, route, shown).await }).await;
}

/// A daemon with nothing but this source.
pub(crate) async fn started(journal: &Path, variables: &[(&str, String)]) -> Daemon {
    let daemon = Daemon::start(journal, variables);
    until("the API answers", PATIENCE, || async { daemon.get("/live").await.is_some() }).await;
    daemon
}

async fn shows(daemon: &Daemon, route: &str, shown: impl Fn(&serde_json::Value) -> bool) -> bool {
    daemon.json(route).await.is_some_and(|page| shown(&page))
}
