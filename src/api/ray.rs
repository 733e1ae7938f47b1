//! Ray: its jobs, what they did, the end of their logs, and the cluster they run on.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::access::Role;
use super::listing::Listing;
use super::problem::Problem;
use super::query::{Named, Plain, pairs};
use super::when::{AtParams, When};
use crate::board;
use crate::config::Content;
use crate::lookup::{LookupError, Question};
use crate::model::{Panel, RayActor, RayJob, RayNode, RayPanel, RayTasks, Source, Timestamp};
use crate::sinks::feed::Invalid;

/// Lines of a log given where none are asked for, and at most.
const LINES: u32 = 20;
const MAX_LINES: u32 = 1_000;

/// A job, and how its deliberation went by the agents' answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobJson<'a> {
    #[serde(flatten)]
    job: &'a RayJob,
    /// Of a deliberation: `completed`, `failed` or `timed_out` by the agents' answers; null while they are missing.
    outcome: Option<Cow<'a, str>>,
    /// LLM requests joined with its task, and its agent where it has one, among the last ones; null = not known.
    llm_requests: Option<usize>,
    /// Why a field is null, by field.
    #[schema(value_type = BTreeMap<String, String>)]
    unknown: BTreeMap<&'a str, &'a str>,
}

/// A job with its actors.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobDetailJson<'a> {
    #[serde(flatten)]
    job: JobJson<'a>,
    /// Its actors.
    actor_details: Vec<&'a RayActor>,
}

/// The cluster.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ClusterJson<'a> {
    /// Its version.
    version: Option<&'a str>,
    /// This life of it.
    session: Option<&'a str>,
    /// Nodes.
    nodes: Vec<&'a RayNode>,
    /// Actors, Ray's own left out.
    actors: Vec<&'a RayActor>,
    /// All tasks.
    tasks: Option<RayTasks>,
    /// What could not be asked, and why.
    incomplete: Vec<&'a str>,
}

/// The end of a job's log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogJson {
    /// Job.
    job: String,
    /// Its last lines, oldest first, without secrets and escapes.
    lines: Vec<String>,
}

fn panel(state: &board::State) -> Option<&RayPanel> {
    match state.panels.get(&Source::Ray).map(AsRef::as_ref) {
        Some(Panel::Ray(panel)) => Some(panel),
        _ => None,
    }
}

/// LLM requests that were joined, by task.
struct Requests<'a> {
    by_task: HashMap<&'a str, Vec<Option<&'a str>>>,
    watched: bool,
}

impl<'a> Requests<'a> {
    fn of(state: &'a board::State, api: &Api) -> Self {
        let mut by_task: HashMap<&str, Vec<Option<&str>>> = HashMap::new();
        for view in state.calls.values() {
            if let Some(task) = view.ids.task.as_deref() {
                by_task.entry(task).or_default().push(view.ids.agent.as_deref());
            }
        }
        Self { by_task, watched: api.context.config.vllm.is_on() }
    }

    /// How many a job made, or why nobody can tell.
    fn count(&self, job: &RayJob) -> Result<usize, &'static str> {
        let task = job.about.task_id.as_deref().ok_or("it is not known which task it works on")?;
        if !self.watched {
            return Err("vLLM is not watched: neither vllm.metrics_url nor vllm.otlp is set");
        }
        let agents = self.by_task.get(task).map(Vec::as_slice).unwrap_or_default();
        let own = job.about.agent_id.as_deref();
        Ok(agents.iter().filter(|agent| own.is_none() || **agent == own).count())
    }
}

fn json<'a>(job: &'a RayJob, state: &'a board::State, requests: &Requests<'_>) -> JobJson<'a> {
    let task = job.about.task_id.as_ref().filter(|_| &*job.kind == "deliberation");
    let answered = task.and_then(|task| state.deliberations.get(task)).filter(|d| d.ended.is_some());
    let mut unknown: BTreeMap<&str, &str> = job.unknown.iter().map(|(field, why)| (&**field, &**why)).collect();
    let llm_requests = requests.count(job).map_err(|why| unknown.insert("llm_requests", why)).ok();
    JobJson { job, outcome: answered.map(|d| Cow::Borrowed(&*d.state)), llm_requests, unknown }
}

/// A job by its id, or by Ray's own.
fn find<'a>(panel: &'a RayPanel, id: &str) -> Option<&'a RayJob> {
    let by = |same: &dyn Fn(&RayJob) -> bool| panel.jobs.iter().map(AsRef::as_ref).find(|job| same(job));
    by(&|job| *job.id == *id).or_else(|| by(&|job| job.job_id.as_deref() == Some(id)))
}

/// Jobs, latest first: submitted ones, drivers, and deliberations the Ray executor has under way.
#[utoipa::path(get, path = "/api/ray/jobs", tag = "systems", params(AtParams),
    responses((status = 200, description = "All that Ray remembers", body = Listing<JobJson<'_>>)))]
pub(super) async fn jobs(State(api): State<Api>, when: When, _: Plain) -> Response {
    let stale = when.stale(&api, Source::Ray, "source/ray");
    when.read(|state| {
        let panel = panel(state);
        let requests = Requests::of(state, &api);
        let items = panel.map_or_else(Vec::new, |p| p.jobs.iter().map(|job| json(job, state, &requests)).collect());
        Listing::of_system(items, panel.map_or(Timestamp::ZERO, |p| p.at), stale).of(&when).into_response()
    })
}

/// One job, by its submission id or Ray's id, with its actors.
#[utoipa::path(get, path = "/api/ray/jobs/{id}", tag = "systems",
    params(("id" = String, Path, description = "Job"), AtParams),
    responses((status = 200, description = "The job", body = JobDetailJson<'_>),
              (status = 404, description = "Not known", body = Problem)))]
pub(super) async fn job(State(api): State<Api>, when: When, Named(id, _): Named) -> Result<Response, Problem> {
    when.read(|state| {
        let panel = panel(state).ok_or_else(|| Problem::not_found("this job"))?;
        let job = find(panel, &id).ok_or_else(|| Problem::not_found("this job"))?;
        let own = |actor: &&RayActor| job.job_id.is_some() && actor.job_id == job.job_id;
        let actor_details = panel.actors.iter().map(AsRef::as_ref).filter(own).collect();
        Ok(when.answer(JobDetailJson { job: json(job, state, &Requests::of(state, &api)), actor_details }))
    })
}

/// The last lines of a submitted job's log, asked for now.
#[utoipa::path(get, path = "/api/ray/jobs/{id}/logs", tag = "systems",
    params(("id" = String, Path, description = "Job"),
           ("lines" = Option<u32>, Query, description = "How many lines at most: 1 to 1000, 20 if not said")),
    responses((status = 200, description = "Its last lines", body = LogJson),
              (status = 403, description = "A log needs role debug", body = Problem),
              (status = 404, description = "Not known, or it has no log", body = Problem),
              (status = 502, description = "Ray does not answer", body = Problem)))]
pub(super) async fn logs(
    State(api): State<Api>,
    role: Role,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let lines = lines(uri.query())?;
    let privacy = api.context.config.privacy.content;
    if privacy == Content::None {
        let detail = "logs may hold prompts and answers, and privacy.content is \"none\"";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if role != Role::Debug && privacy != Content::Full {
        let detail = "a log needs a token of role debug; yours has role viewer";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    // Only what is listed is asked for: no question of a caller reaches Ray as it is.
    let known = api.context.board.read(|state| {
        let job = find(panel(state)?, &id)?;
        Some(job.submission_id.as_ref().map(ToString::to_string))
    });
    let submission = known.ok_or_else(|| Problem::not_found("this job"))?;
    let unlogged = "Ray keeps no log of a job that was not submitted: its driver runs where it was started";
    let job = submission.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, unlogged))?;
    let answer = api.context.lookups.ask(Question::JobLog { job, lines }).await;
    let answer = answer.map_err(|error| {
        let status = match error {
            LookupError::Off(_) | LookupError::Unknown(_) => StatusCode::NOT_FOUND,
            LookupError::Failed(_) => StatusCode::BAD_GATEWAY,
        };
        Problem::new(status, error.to_string())
    })?;
    Ok(Json(answer).into_response())
}

fn lines(query: Option<&str>) -> Result<u32, Problem> {
    let mut lines = LINES;
    for (name, value) in pairs(query)? {
        if name != "lines" {
            return Err(Invalid::new(&name, "is unknown", "lines").into());
        }
        let parsed = value.parse().ok().filter(|n| (1..=MAX_LINES).contains(n));
        lines = parsed.ok_or_else(|| Invalid::value("lines", &value, format!("1 to {MAX_LINES}")))?;
    }
    Ok(lines)
}

/// The cluster: version, nodes, actors, tasks.
#[utoipa::path(get, path = "/api/ray/cluster", tag = "systems", params(AtParams),
    responses((status = 200, description = "One item: the cluster; none before it was first seen",
               body = Listing<ClusterJson<'_>>)))]
pub(super) async fn cluster(State(api): State<Api>, when: When, _: Plain) -> Response {
    let stale = when.stale(&api, Source::Ray, "source/ray");
    when.read(|state| {
        let panel = panel(state);
        let items = panel.map(|p| ClusterJson {
            version: p.version.as_deref(),
            session: p.session.as_deref(),
            nodes: p.nodes.iter().collect(),
            actors: p.actors.iter().map(AsRef::as_ref).collect(),
            tasks: p.tasks,
            incomplete: p.incomplete.iter().map(AsRef::as_ref).collect(),
        });
        let as_of = panel.map_or(Timestamp::ZERO, |p| p.at);
        Listing::of_system(items.into_iter().collect(), as_of, stale).of(&when).into_response()
    })
}
