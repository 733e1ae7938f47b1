//! Kubernetes: pods, deployments, stateful sets and Ray's objects, as they change.
//! Takes: watches of the namespaces configured. Gives: the panel, an entry for each change, logs when asked.
//! Never: writes, reads a secret, or asks for more than the rights in docs/KUBERNETES.md.

mod bounded;
mod cluster;
mod connect;
mod health;
mod logs;
mod ray;
mod tell;
#[cfg(test)]
mod tests;
mod trim;
mod usage;
mod watching;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DynamicObject;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use self::cluster::Cluster;
use self::connect::{client, failure};
use self::health::Watches;
pub use self::logs::Logs;
use self::trim::Trim;
use self::watching::{Kind, Thing, Told, watch};
use super::failure::{Failure, reason};
use super::watch::{Watcher, hand_over};
use crate::config;
use crate::model::{Event, Panel, Text, Timestamp};
use crate::privacy::Masker;
use crate::status::Health;

const NAME: &str = "kubernetes";
/// What waits to be taken from the watches. They wait when it is full, and the server keeps what is next.
const QUEUE: usize = 1024;
/// Most of it taken at a time, so that a list of 10,000 pods holds up nothing.
const AT_A_TIME: usize = 256;
/// How often the panel is made anew at most.
const SHOW: Duration = Duration::from_millis(250);
/// How often the server is asked whether it is there: a watch says nothing while nothing changes.
const BEAT: Duration = Duration::from_secs(5);
/// Pauses between tries to begin.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Watches until stopped.
pub async fn run(config: config::Kubernetes, logs: Logs, watcher: Watcher) {
    let sources = &watcher.metrics.sources;
    let part = format!("source/{NAME}");
    sources.up.with_label_values(&[NAME]).set(0.0);
    watcher.status.report(&part, Health::Starting, "asking for the first time");
    let (mut cluster, mut failures) = (Cluster::default(), 0_u32);
    while !watcher.stop.is_cancelled() {
        let began = Instant::now();
        let session = session(&config, &logs, &watcher, &mut cluster);
        let failure = match AssertUnwindSafe(session).catch_unwind().await {
            Ok(Ok(Ended::Stopped)) => break,
            Ok(Ok(Ended::Renewed)) => continue,
            Ok(Err(failure)) => failure,
            Err(_) => Failure::new(reason::INTERNAL, "a fault of Fleetscope itself; the log tells where"),
        };
        failures = if began.elapsed() > MAX_PAUSE * 2 { 1 } else { failures + 1 };
        sources.up.with_label_values(&[NAME]).set(0.0);
        sources.errors.with_label_values(&[NAME, failure.reason]).inc();
        watcher.status.report(&part, Health::Down, format!("{failure}; the last good state is shown"));
        let pause = (FIRST_PAUSE * (1 << (failures - 1).min(5))).min(MAX_PAUSE).mul_f64(0.9 + fastrand::f64() / 5.0);
        let _ = timeout(pause, watcher.stop.cancelled()).await;
    }
    sources.up.with_label_values(&[NAME]).set(0.0);
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Kubernetes) -> Result<String, String> {
    let asked = async {
        let client = client(&config).await?;
        let version = version(&client).await?;
        let mut counts = Vec::new();
        for namespace in &config.namespaces {
            let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
            let list = pods.list_metadata(&kube::api::ListParams::default().limit(500)).await;
            let list = list.map_err(|e| failure(&e))?;
            let more = if list.metadata.continue_.is_some_and(|c| !c.is_empty()) { " and more" } else { "" };
            counts.push(format!("{}{more} pods in {namespace}", list.items.len()));
        }
        Ok(format!("Kubernetes {version}; {}", counts.join(", ")))
    };
    let asked = timeout(BEAT * 2, asked).await;
    asked.unwrap_or_else(|_| Err(late())).map_err(|failure: Failure| failure.to_string())
}

fn late() -> Failure {
    Failure::new(reason::TIMEOUT, format!("the API server gives no answer within {BEAT:?}"))
}

async fn version(client: &Client) -> Result<Text, Failure> {
    match timeout(BEAT, client.apiserver_version()).await {
        Ok(Ok(info)) => Ok(crate::model::shorten(&crate::model::printable(&info.git_version), 60).into()),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(late()),
    }
}

/// Why a life of the watches ended without a failure.
enum Ended {
    Stopped,
    /// The kubeconfig is another one.
    Renewed,
}

/// One life of the watches, with credentials as they were at its begin.
async fn session(
    config: &config::Kubernetes,
    logs: &Logs,
    watcher: &Watcher,
    cluster: &mut Cluster,
) -> Result<Ended, Failure> {
    let file = connect::written(config).await;
    let client = client(config).await?;
    logs.ask_with(client.clone());
    let mut pulse = Watches::default();
    pulse.beat(version(&client).await)?;
    let (told, mut heard) = mpsc::channel(QUEUE);
    let _watching = spawn(config, &client, &watcher.masker, &told, &mut pulse);
    let (mut show, mut look, mut buffer) = (interval(SHOW), interval(BEAT), Vec::with_capacity(AT_A_TIME));
    let mut changed = true;
    loop {
        tokio::select! {
            () = watcher.stop.cancelled() => return Ok(Ended::Stopped),
            _ = look.tick() => {
                if connect::written(config).await != file {
                    return Ok(Ended::Renewed);
                }
            }
            _ = show.tick() => {
                report(cluster, &pulse, watcher);
                if !std::mem::take(&mut changed) {
                    continue;
                }
                // Before the first list there is nothing to show: the last good state stays.
                if cluster.is_known() {
                    let panel = cluster.panel(pulse.answered, pulse.version.clone());
                    if hand_over(vec![Event::Panel(Arc::new(Panel::Cluster(panel)))], watcher).await.is_err() {
                        return Ok(Ended::Stopped);
                    }
                }
            }
            _ = heard.recv_many(&mut buffer, AT_A_TIME) => {
                changed = true;
                let events = take(buffer.drain(..), cluster, &mut pulse, watcher)?;
                if hand_over(events, watcher).await.is_err() {
                    return Ok(Ended::Stopped);
                }
            }
        }
    }
}

/// Takes what was told in. `Err` = begin anew: the credentials do not do any more.
fn take(
    told: impl Iterator<Item = Told>,
    cluster: &mut Cluster,
    pulse: &mut Watches,
    watcher: &Watcher,
) -> Result<Vec<Event>, Failure> {
    let (mut changes, now) = (Vec::new(), Timestamp::now());
    for told in told {
        match told {
            Told::Begun(place) => cluster.begun(place),
            Told::Seen(place, thing) => {
                pulse.works(&place);
                changes.extend(cluster.seen(&place, *thing));
            }
            Told::Listed(place) => {
                pulse.lists(&place);
                changes.extend(cluster.listed(&place));
            }
            Told::Gone(place, name) => {
                pulse.works(&place);
                changes.extend(cluster.gone(&place, &name));
            }
            Told::Failed(place, failure, pause) => {
                if !(place.0.may_be_absent() && failure.reason == reason::NOT_FOUND) {
                    watcher.metrics.sources.errors.with_label_values(&[NAME, failure.reason]).inc();
                }
                if failure.reason == reason::UNAUTHORIZED {
                    return Err(failure);
                }
                pulse.fails(place, failure, pause);
            }
            Told::Beat(answer) => {
                if let Err(failure) = &answer {
                    watcher.metrics.sources.errors.with_label_values(&[NAME, failure.reason]).inc();
                }
                match pulse.beat(answer) {
                    Err(failure) if failure.reason == reason::UNAUTHORIZED => return Err(failure),
                    _ => {}
                }
            }
            Told::Used(namespace, used) => cluster.used(namespace, used),
        }
    }
    Ok(changes.iter().map(|change| tell::entry(change, now, &watcher.masker)).collect())
}

fn report(cluster: &Cluster, pulse: &Watches, watcher: &Watcher) {
    let sources = &watcher.metrics.sources;
    let part = format!("source/{NAME}");
    match pulse.state(cluster.pods()) {
        Some(Ok(detail)) => {
            sources.up.with_label_values(&[NAME]).set(1.0);
            sources.last_success.with_label_values(&[NAME]).set(pulse.answered.seconds());
            watcher.status.report(&part, Health::Up, detail);
        }
        Some(Err(failure)) => {
            sources.up.with_label_values(&[NAME]).set(0.0);
            watcher.status.report(&part, Health::Down, format!("{failure}; the last good state is shown"));
        }
        None => {}
    }
}

/// Begins every watch. They end with the set.
fn spawn(
    config: &config::Kubernetes,
    client: &Client,
    masker: &Arc<Masker>,
    told: &mpsc::Sender<Told>,
    pulse: &mut Watches,
) -> JoinSet<()> {
    let (mut set, lasts) = (JoinSet::new(), config.timeout);
    for namespace in &config.namespaces {
        let ns: Text = namespace.as_str().into();
        let mut place = |kind| {
            pulse.expect((kind, ns.clone()));
            (kind, ns.clone())
        };
        let trim = || Trim::new(Arc::clone(masker));
        let (by, pods) = (trim(), Api::<Pod>::namespaced(client.clone(), namespace));
        set.spawn(watch(pods, place(Kind::Pods), lasts, told.clone(), move |pod| Thing::Pod(by.pod(pod))));
        let (by, api) = (trim(), Api::<Deployment>::namespaced(client.clone(), namespace));
        let trimmed = move |object| Thing::Workload(by.deployment(object));
        set.spawn(watch(api, place(Kind::Deployments), lasts, told.clone(), trimmed));
        let (by, api) = (trim(), Api::<StatefulSet>::namespaced(client.clone(), namespace));
        let trimmed = move |object| Thing::Workload(by.stateful_set(object));
        set.spawn(watch(api, place(Kind::StatefulSets), lasts, told.clone(), trimmed));
        set.spawn(usage::follow(client.clone(), ns.clone(), told.clone()));
        if config.rayjobs {
            let of = |kind| Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind);
            let (by, api) = (trim(), of(ray::jobs()));
            set.spawn(watch(api, place(Kind::RayJobs), lasts, told.clone(), move |o| Thing::RayJob(by.ray_job(&o))));
            let (by, api) = (trim(), of(ray::clusters()));
            let trimmed = move |o: DynamicObject| Thing::RayCluster(by.ray_cluster(&o));
            set.spawn(watch(api, place(Kind::RayClusters), lasts, told.clone(), trimmed));
        }
    }
    let (client, told) = (client.clone(), told.clone());
    set.spawn(async move {
        loop {
            tokio::time::sleep(BEAT).await;
            if told.send(Told::Beat(version(&client).await)).await.is_err() {
                return;
            }
        }
    });
    set
}
