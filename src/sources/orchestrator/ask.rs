//! One orchestrator, asked over gRPC.
//! Takes: an address. Gives: its councils and what it counts. Never: waits beyond its deadline, or calls anything that
//! changes what it calls.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::wire::{
    CouncilInfo, GetStatusRequest, GetStatusResponse, ListCouncilsRequest, ListCouncilsResponse, OrchestratorStats,
};
use crate::model::{RegisteredAgent, RegisteredCouncil, Replica, Text, Timestamp, clean_id, printable, shorten};
use crate::sources::failure::{Failure, reason};

/// The service's names: today's, and that of October 2025.
const SERVICES: [&str; 2] = ["fleet.orchestrator.v1.OrchestratorService", "orchestrator.v1.OrchestratorService"];
/// Bytes an answer may have: 200 councils of 50 agents take about 1 MiB.
const MAX_ANSWER: usize = 8 << 20;
/// Councils and agents of each taken.
const MAX_COUNCILS: usize = 200;
const MAX_AGENTS: usize = 200;
/// Roles counted.
const MAX_ROLES: usize = 100;
/// Longest text kept.
const MAX_TEXT: usize = 200;

/// A replica and the name of its service that it knew last.
#[derive(Debug)]
pub(super) struct Asked {
    address: SocketAddr,
    channel: Channel,
    service: usize,
    /// What it said last.
    pub(super) last: Option<Answer>,
}

/// What one replica says.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) replica: Replica,
    pub(super) councils: Vec<RegisteredCouncil>,
}

impl Asked {
    /// The connection is made when it is first used.
    pub(super) fn new(address: SocketAddr, timeout: Duration) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|e| Failure::new(reason::CONFIGURATION, format!("orchestrator.address: {e}")))?;
        let channel = endpoint.connect_timeout(timeout).timeout(timeout).connect_lazy();
        Ok(Self { address, channel, service: 0, last: None })
    }

    /// Asks it for everything.
    pub(super) async fn ask(&mut self) -> Result<Answer, Failure> {
        // Without agents the call fails.
        let request = ListCouncilsRequest { role_filter: String::new(), include_agents: true };
        let listed: Result<ListCouncilsResponse, Status> = self.call("ListCouncils", request.clone()).await;
        let listed = match listed {
            Err(status) if status.code() == Code::Unimplemented => {
                self.service = (self.service + 1) % SERVICES.len();
                self.call("ListCouncils", request).await
            }
            answer => answer,
        };
        let listed = listed.map_err(|status| self.failure(&status))?;
        let status = self.call::<_, GetStatusResponse>("GetStatus", GetStatusRequest { include_stats: true }).await;
        // Councils are what is asked for; an older orchestrator may not count.
        let status = match status {
            Err(status) if status.code() == Code::Unimplemented => GetStatusResponse::default(),
            answer => answer.map_err(|status| self.failure(&status))?,
        };
        let uptime = u64::try_from(status.uptime_seconds).ok().filter(|seconds| *seconds > 0);
        let replica = Replica {
            address: self.address.to_string().into(),
            status: text(&status.status).unwrap_or_else(|| "unknown".into()),
            started: uptime.map(|seconds| Timestamp::now().minus(Duration::from_secs(seconds))),
            stats: status.stats.map(stats),
        };
        let councils = listed.councils.into_iter().take(MAX_COUNCILS).map(council).collect();
        Ok(Answer { replica, councils })
    }

    async fn call<Q, A>(&self, method: &str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let path = format!("/{}/{method}", SERVICES[self.service]);
        let path = PathAndQuery::try_from(path).map_err(|e| Status::internal(e.to_string()))?;
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER);
        grpc.ready().await.map_err(|error| Status::unavailable(root(&error)))?;
        let codec: ProstCodec<Q, A> = ProstCodec::default();
        Ok(grpc.unary(Request::new(request), path, codec).await?.into_inner())
    }

    fn failure(&self, status: &Status) -> Failure {
        let (reason, what) = match status.code() {
            Code::Unavailable => (reason::UNREACHABLE, "cannot be reached"),
            Code::DeadlineExceeded | Code::Cancelled => (reason::TIMEOUT, "gave no answer in time"),
            Code::Unauthenticated => (reason::UNAUTHORIZED, "does not know us"),
            Code::PermissionDenied => (reason::FORBIDDEN, "refuses"),
            Code::Unimplemented => (reason::NOT_FOUND, "is no orchestrator of a version known"),
            Code::ResourceExhausted => (reason::THROTTLED, "asks to be left alone"),
            Code::OutOfRange => (reason::TOO_LARGE, "answers too much"),
            Code::Internal => (reason::SERVER_ERROR, "is at fault"),
            _ => (reason::UNEXPECTED, "answers oddly"),
        };
        let said = shorten(&printable(status.message()), MAX_TEXT);
        Failure::new(reason, format!("the orchestrator at {} {what}: {said}", self.address))
    }
}

fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn text(raw: &str) -> Option<Text> {
    let kept = shorten(&printable(raw.trim()), MAX_TEXT);
    Some(kept).filter(|kept| !kept.is_empty()).map(Into::into)
}

fn council(info: CouncilInfo) -> RegisteredCouncil {
    let model = text(&info.model);
    let agents = info.agents.into_iter().take(MAX_AGENTS).filter_map(|agent| {
        let profile = agent.capabilities.as_ref().and_then(|c| text(&c.model_profile));
        Some(RegisteredAgent {
            agent_id: clean_id(&agent.agent_id)?,
            role: text(&agent.role).or_else(|| text(&info.role))?,
            model: profile.or_else(|| model.clone()),
            status: text(&agent.status).unwrap_or_else(|| "unknown".into()),
        })
    });
    RegisteredCouncil {
        agents: agents.collect(),
        council_id: text(&info.council_id).unwrap_or_else(|| "unknown".into()),
        role: text(&info.role).unwrap_or_else(|| "unknown".into()),
        wanted: info.num_agents.max(0) as u32,
        model: model.clone(),
    }
}

fn stats(stats: OrchestratorStats) -> crate::model::OrchestratorStats {
    let roles: BTreeMap<Text, i64> =
        stats.role_counts.into_iter().filter_map(|(role, count)| Some((text(&role)?, count))).take(MAX_ROLES).collect();
    crate::model::OrchestratorStats {
        deliberations: stats.total_deliberations,
        orchestrations: stats.total_orchestrations,
        mean_deliberation_ms: Some(stats.avg_deliberation_time_ms).filter(|ms| ms.is_finite()).unwrap_or(0.0),
        councils: stats.active_councils,
        roles,
    }
}
