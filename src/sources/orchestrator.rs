//! The orchestrators: who is registered. What agents do follows from events: the status they are given is a constant.
//! Takes: addresses. Gives: the panel of all councils of all replicas. Never: asks without agents, which fails, or takes
//! the councils of one replica for all.

mod ask;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use self::ask::{Answer, Asked};
use super::failure::{Failure, reason};
use super::watch::{self, Pace, Poll, Seen, Watcher};
use crate::config;
use crate::model::{Event, OrchestratorPanel, Panel, RegisteredCouncil, Text, Timestamp};

/// Replicas asked.
const MAX_REPLICAS: usize = 32;

/// Asks until stopped.
pub async fn run(config: config::Orchestrator, watcher: Watcher) {
    let deadline = config.timeout * 4 + Duration::from_secs(1);
    let pace = Pace { every: config.poll_interval, deadline };
    watch::run(Orchestrators { config, replicas: BTreeMap::new() }, pace, &watcher).await;
}

/// Asks once, and says what is there.
pub async fn probe(config: config::Orchestrator) -> Result<String, String> {
    let mut all = Orchestrators { config, replicas: BTreeMap::new() };
    all.poll().await.map(|seen| seen.detail).map_err(|failure| failure.to_string())
}

struct Orchestrators {
    config: config::Orchestrator,
    replicas: BTreeMap<SocketAddr, Asked>,
}

impl Poll for Orchestrators {
    const NAME: &'static str = "orchestrator";

    async fn poll(&mut self) -> Result<Seen, Failure> {
        let addresses = resolve(&self.config.address, self.config.timeout).await?;
        self.replicas.retain(|address, _| addresses.contains(address));
        for address in addresses {
            if !self.replicas.contains_key(&address) {
                self.replicas.insert(address, Asked::new(address, self.config.timeout)?);
            }
        }
        // Both questions and one more for another version.
        let most = self.config.timeout * 3;
        let late = || Err(Failure::new(reason::TIMEOUT, format!("an orchestrator gave no answer within {most:?}")));
        let asked = self.replicas.values_mut().map(|replica| timeout(most, replica.ask()));
        let answers = join_all(asked).await.into_iter().map(|answer| answer.unwrap_or_else(|_| late()));
        let answers: Vec<_> = answers.collect();
        let (mut failed, all) = (Vec::new(), answers.len());
        for (replica, answer) in self.replicas.values_mut().zip(answers) {
            match answer {
                Ok(answer) => replica.last = Some(answer),
                Err(failure) => failed.push(failure),
            }
        }
        let first = failed.first().map(ToString::to_string);
        match failed.pop() {
            Some(failure) if failed.len() + 1 == all => Err(failure),
            // Councils of a replica that is silent would vanish from what is shown: its last good state stays.
            silent => {
                let told = self.replicas.values().filter_map(|replica| replica.last.clone());
                let mut seen = seen(told.collect());
                if let (Some(_), Some(why)) = (silent, first) {
                    seen.detail = format!("{}; {} of {all} silent: {why}", seen.detail, failed.len() + 1);
                }
                Ok(seen)
            }
        }
    }
}

/// All addresses that names stand for.
async fn resolve(names: &[String], most: Duration) -> Result<BTreeSet<SocketAddr>, Failure> {
    let mut all = BTreeSet::new();
    for name in names {
        let unresolved = |why: String| Failure::new(reason::UNREACHABLE, format!("{name} cannot be resolved: {why}"));
        let found = timeout(most, tokio::net::lookup_host(name)).await;
        let found = found.map_err(|_| unresolved("no answer in time".to_owned()))?;
        all.extend(found.map_err(|e| unresolved(e.to_string()))?.take(MAX_REPLICAS));
    }
    let first: BTreeSet<SocketAddr> = all.into_iter().take(MAX_REPLICAS).collect();
    if first.is_empty() {
        return Err(Failure::new(reason::UNREACHABLE, "no address of an orchestrator is known"));
    }
    Ok(first)
}

fn seen(answers: Vec<Answer>) -> Seen {
    let mut councils: BTreeMap<Text, RegisteredCouncil> = BTreeMap::new();
    let mut replicas = Vec::new();
    for answer in answers {
        replicas.push(answer.replica);
        for council in answer.councils {
            merge(&mut councils, council);
        }
    }
    let agents: usize = councils.values().map(|c| c.agents.len()).sum();
    let detail = format!("{} replicas; {} councils, {agents} agents registered", replicas.len(), councils.len());
    let panel = OrchestratorPanel { at: Timestamp::now(), replicas, councils: councils.into_values().collect() };
    Seen { events: vec![Event::Panel(Arc::new(Panel::Orchestrator(panel)))], detail, next: None }
}

/// A council that two replicas know has the agents of both.
fn merge(councils: &mut BTreeMap<Text, RegisteredCouncil>, council: RegisteredCouncil) {
    let Some(held) = councils.get_mut(&council.role) else {
        councils.insert(council.role.clone(), council);
        return;
    };
    held.wanted = held.wanted.max(council.wanted);
    held.model = held.model.take().or(council.model);
    for agent in council.agents {
        if !held.agents.iter().any(|known| known.agent_id == agent.agent_id) {
            held.agents.push(agent);
        }
    }
    held.agents.sort_by(|a, b| a.agent_id.cmp(&b.agent_id));
}
