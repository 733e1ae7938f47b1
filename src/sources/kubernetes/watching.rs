//! One watch: a kind of object in a namespace.
//! Takes: the server's list and changes. Gives: what is seen, trimmed to what is shown, and how the watch does.
//! Never: takes the begin of a list for an answer, or asks a server that refuses again and again.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::connect::watch_failure;
use super::usage::Used;
use crate::model::{Pod, RayClusterObject, RayJobObject, Text, Workload};
use crate::sources::failure::{Failure, reason};

/// Objects a page of a list holds: a list of 10,000 pods is never in memory as a whole.
const PAGE: u32 = 500;
/// Longest pause while the server is away.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Longest pause while it refuses: rights change by hand.
const MAX_LASTING_PAUSE: Duration = Duration::from_mins(5);
/// Pause between looks for a kind the cluster does not know, which is normal for Ray's.
const ABSENT_PAUSE: Duration = Duration::from_mins(1);

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Pods,
    Deployments,
    StatefulSets,
    RayJobs,
    RayClusters,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Deployments => "deployments",
            Self::StatefulSets => "stateful sets",
            Self::RayJobs => "RayJob objects",
            Self::RayClusters => "RayCluster objects",
        }
    }

    /// Whether clusters without it are normal.
    pub(super) const fn may_be_absent(self) -> bool {
        matches!(self, Self::RayJobs | Self::RayClusters)
    }
}

/// An object, trimmed.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    Pod(Pod),
    Workload(Workload),
    RayJob(RayJobObject),
    RayCluster(RayClusterObject),
}

/// A watch: what, and where.
pub(super) type Place = (Kind, Text);

/// What watches tell.
#[derive(Debug)]
pub(super) enum Told {
    /// A list begins.
    Begun(Place),
    /// An object as it is.
    Seen(Place, Box<Thing>),
    /// The list is whole: what was not in it is gone.
    Listed(Place),
    /// An object is gone.
    Gone(Place, Text),
    /// The watch failed, and pauses for so long.
    Failed(Place, Failure, Duration),
    /// The server says its version, or nothing.
    Beat(Result<Text, Failure>),
    /// What the pods of a namespace use.
    Used(Text, Used),
}

/// Watches until nobody listens.
pub(super) async fn watch<K>(
    api: Api<K>,
    place: Place,
    lasts: Duration,
    told: mpsc::Sender<Told>,
    trim: impl Fn(K) -> Thing,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().timeout(lasts.as_secs() as u32).page_size(PAGE);
    let mut stream = pin!(watcher(api, config));
    let mut failures = 0;
    while let Some(item) = stream.next().await {
        let news = match item {
            Ok(watcher::Event::Init) => Told::Begun(place.clone()),
            Ok(watcher::Event::InitApply(object)) => Told::Seen(place.clone(), Box::new(trim(object))),
            Ok(watcher::Event::InitDone) => {
                failures = 0;
                Told::Listed(place.clone())
            }
            Ok(watcher::Event::Apply(object)) => {
                failures = 0;
                Told::Seen(place.clone(), Box::new(trim(object)))
            }
            Ok(watcher::Event::Delete(object)) => Told::Gone(place.clone(), Arc::from(object.name_any())),
            Err(error) => {
                let Some(failure) = watch_failure(&error) else { continue };
                failures += 1;
                let pause = pause(place.0, failures, &failure).mul_f64(0.9 + fastrand::f64() / 5.0);
                if told.send(Told::Failed(place.clone(), failure, pause)).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
                continue;
            }
        };
        if told.send(news).await.is_err() {
            return;
        }
    }
}

/// How long to leave the server alone. `Init` comes before each try, so the watcher's own pauses would stay at a second.
fn pause(kind: Kind, failures: u32, failure: &Failure) -> Duration {
    if kind.may_be_absent() && failure.reason == reason::NOT_FOUND {
        return ABSENT_PAUSE;
    }
    let (first, most) = if failure.is_lasting() {
        (Duration::from_secs(2), MAX_LASTING_PAUSE)
    } else {
        (Duration::from_millis(500), MAX_PAUSE)
    };
    (first * (1 << (failures - 1).min(10))).min(most).max(failure.wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refuses_is_left_alone_for_longer() {
        let failed = |reason| Failure::new(reason, "");
        let seconds = |kind, n, reason| pause(kind, n, &failed(reason)).as_secs();
        assert_eq!(seconds(Kind::Pods, 20, reason::UNREACHABLE), 30);
        assert_eq!(seconds(Kind::Pods, 1, reason::FORBIDDEN), 2);
        assert_eq!(seconds(Kind::Pods, 20, reason::FORBIDDEN), 300);
        assert_eq!(seconds(Kind::RayJobs, 1, reason::NOT_FOUND), 60);
        let asked = failed(reason::THROTTLED).after(Duration::from_secs(90));
        assert_eq!(pause(Kind::Pods, 1, &asked), Duration::from_secs(90));
    }
}
