//! The whole: makes the channels, starts the parts in flow order, and ends them in flow order.
//! The only file that knows every part.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::board::Board;
use crate::config::{Config, Content};
use crate::correlate::{LlmSettings, Price, Settings};
use crate::ingest;
use crate::journal::Journal;
use crate::journal::embedded::Embedded;
use crate::metrics::Metrics;
use crate::model::{Batch, Event, Timestamp};
use crate::past::Past;
use crate::privacy::Masker;
use crate::sinks::otlp::{self, Signal};
use crate::sources::{nats, simulator};
use crate::status::{Health, Status};
use crate::tail::Tail;

mod overview;
mod systems;
mod upkeep;

use self::systems::Systems;

/// How long the sources, then ingest, then the readers may take to end after they were told.
const DEADLINE: Duration = Duration::from_secs(8);
/// How often time is told to correlation.
const TICK: Duration = Duration::from_millis(500);
/// What a simulated fleet did before it is watched, so that there is something to see at once.
const DEMO_HISTORY: Duration = Duration::from_mins(10);
/// Stories followed at a time; about 2 KB each.
const MAX_STORIES: usize = 10_000;

/// Where events come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// The sources the configuration names.
    Configured,
    /// None: what the journal holds stays as it is, and time stands still where it ends.
    History,
    /// A simulated fleet, in this process.
    Simulated {
        /// What the fleet does.
        settings: Box<simulator::Settings>,
        /// Virtual seconds per second.
        speed: f64,
    },
}

/// The parts everyone shares.
#[derive(Clone, Debug)]
struct Shared {
    config: Arc<Config>,
    journal: Arc<dyn Journal>,
    tail: Arc<Tail>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    status: Arc<Status>,
    masker: Arc<Masker>,
}

/// Runs until `stop` is cancelled or a part ends uninvited. `listening` is told the address of the API.
pub async fn run(
    config: Config,
    input: Input,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    listening: impl FnOnce(SocketAddr),
) -> Result<()> {
    let (mut config, simulated) = (config, Arc::new(simulator::Systems::default()));
    let is_demo = matches!(input, Input::Simulated { .. });
    // Its files are there until the end.
    let mut addresses = None;
    if is_demo {
        let served = simulated.serve().await.context("the simulated systems cannot be served on the loopback")?;
        systems::watch_simulated(&mut config, &served)?;
        addresses = Some(served);
    }
    let shared = open(config, metrics)?;
    let listener = TcpListener::bind(shared.config.http.listen)
        .with_context(|| cannot_listen(shared.config.http.listen, is_demo))?;
    let address = listener.local_addr()?;

    let (events, received) = mpsc::channel::<Batch>(ingest::QUEUE);
    let abort = CancellationToken::new();
    let ingest = start_ingest(&shared, received, abort.clone());

    // Readers outlive ingest: they are told to stop only once all that was committed has been offered to them.
    let readers = CancellationToken::new();
    let mut parts: JoinSet<(&'static str, Result<()>)> = JoinSet::new();
    let mut sources: JoinSet<(&'static str, Result<()>)> = JoinSet::new();
    let watched = Systems::new(&shared, &events, &stop);
    start_readers(&shared, listener, &watched, &readers, &mut parts);
    if let Some(addresses) = &addresses {
        let (systems, inboxes, log) =
            (Arc::clone(&simulated), Arc::clone(&watched.inboxes), addresses.vllm_log.clone());
        let stop = stop.clone();
        sources.spawn(async move {
            simulator::tell(systems, inboxes, &log, stop).await;
            ("source/simulator-vllm", Ok(()))
        });
    }
    watched.start(&mut sources);
    start_sources(&shared, input, simulated, events, &stop, &mut sources)?;
    listening(address);

    let mut ingest = ingest;
    // Biased: parts end because they were told to, and then their end is no surprise.
    let uninvited = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        Some(ended) = sources.join_next() => Some(name_end(ended)),
        Some(ended) = parts.join_next() => Some(name_end(ended)),
        ended = &mut ingest => {
            let ended = ended.map_err(anyhow::Error::from).and_then(|result| result.map_err(anyhow::Error::from));
            Some(ended.context("ingest").and(Err(anyhow!("ingest ended uninvited"))))
        }
    };
    stop.cancel();
    // In flow order, each with a bound. A journal that refuses holds up ingest and with it the sources: they are let go
    // by telling ingest to give up, which loses nothing that was committed, and NATS keeps the rest.
    let in_time = |part: &str, ended: bool| {
        if !ended {
            tracing::warn!(part, deadline_s = DEADLINE.as_secs(), "did not end in time");
        }
    };
    in_time("sources", timeout(DEADLINE, async { while sources.join_next().await.is_some() {} }).await.is_ok());
    abort.cancel();
    if !ingest.is_finished() {
        in_time("ingest", timeout(DEADLINE, &mut ingest).await.is_ok());
    }
    sources.abort_all();
    readers.cancel();
    in_time("readers", timeout(DEADLINE, async { while parts.join_next().await.is_some() {} }).await.is_ok());
    tracing::info!("stopped");
    uninvited.unwrap_or(Ok(()))
}

/// A part that ended although nobody asked ends the program, by name.
fn name_end(ended: Result<(&'static str, Result<()>), tokio::task::JoinError>) -> Result<()> {
    let (name, result) = ended.context("a part panicked")?;
    result.with_context(|| name.to_owned())?;
    Err(anyhow!("{name} ended uninvited"))
}

fn open(config: Config, metrics: Arc<Metrics>) -> Result<Shared> {
    metrics.process.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
    metrics.process.started.with_label_values::<&str>(&[]).set(Timestamp::now().seconds());
    let status = Arc::new(Status::default());
    status.require("journal");
    let journal = &config.journal;
    let opened = Embedded::open(&journal.path, journal.retain_age, journal.retain_bytes.0)
        .with_context(|| format!("journal.path: cannot open {}", journal.path.display()))?;
    metrics.journal.limit.with_label_values::<&str>(&[]).set(journal.retain_bytes.0 as f64);
    metrics.agents.silent_after.with_label_values::<&str>(&[]).set(config.agents.silent_after.as_secs_f64());
    let journal: Arc<dyn Journal> = Arc::new(opened);
    let tail = Arc::new(Tail::new(journal.stats()?.last_seq));
    let masker = Arc::new(Masker::new(config.privacy.content, config.privacy.max_payload.0 as usize));
    Ok(Shared { config: Arc::new(config), journal, tail, board: Arc::default(), metrics, status, masker })
}

/// Names the place where another address is written: the demo reads no configuration.
fn cannot_listen(address: SocketAddr, simulated: bool) -> String {
    let place = if simulated { "--listen" } else { "http.listen" };
    format!("cannot listen on {address}; name another address or port with {place}")
}

fn start_ingest(
    shared: &Shared,
    events: mpsc::Receiver<Batch>,
    abort: CancellationToken,
) -> tokio::task::JoinHandle<Result<(), crate::journal::JournalError>> {
    let config = &shared.config;
    let context = ingest::Context {
        journal: Arc::clone(&shared.journal),
        settings: settings(config),
        tail: Arc::clone(&shared.tail),
        board: Arc::clone(&shared.board),
        metrics: Arc::clone(&shared.metrics),
        status: Arc::clone(&shared.status),
        events,
        abort,
    };
    tokio::task::spawn_blocking(move || ingest::run(context))
}

/// What correlation is told, of what comes in and of what was.
fn settings(config: &Config) -> Settings {
    Settings {
        silent_after: config.agents.silent_after,
        idle_after: config.agents.idle_after,
        timeout: config.deliberations.timeout,
        derive_timeout: config.deliberations.derive_timeout,
        open_span_max: config.otlp.open_span_max,
        trace_bytes: config.otlp.trace_bytes.0,
        max_stories: MAX_STORIES,
        llm: llm_settings(config),
    }
}

fn llm_settings(config: &Config) -> LlmSettings {
    let price = |(model, input_micros, output_micros)| Price { model, input_micros, output_micros };
    LlmSettings {
        window: config.vllm.is_on().then_some(config.vllm.join_window),
        prices: config.cost.table().into_iter().map(price).collect(),
        gpu_second_micros: config.cost.gpu_second_micros(),
        currency: Some(config.cost.currency.as_str().into()),
    }
}

fn start_readers(
    shared: &Shared,
    listener: TcpListener,
    systems: &Systems,
    stop: &CancellationToken,
    parts: &mut JoinSet<(&'static str, Result<()>)>,
) {
    let api = api::Context {
        config: Arc::clone(&shared.config),
        journal: Arc::clone(&shared.journal),
        board: Arc::clone(&shared.board),
        tail: Arc::clone(&shared.tail),
        status: Arc::clone(&shared.status),
        metrics: Arc::clone(&shared.metrics),
        lookups: Arc::clone(&systems.lookups),
        inboxes: Arc::clone(&systems.inboxes),
        past: Arc::new(Past::new(Arc::clone(&shared.journal), settings(&shared.config), Arc::clone(&shared.metrics))),
        stop: stop.clone(),
        trace: Arc::new(otlp::json::trace),
    };
    parts.spawn(async move { ("api", api::serve(api, listener).await) });
    let upkeep = upkeep::Context {
        journal: Arc::clone(&shared.journal),
        metrics: Arc::clone(&shared.metrics),
        stop: stop.clone(),
    };
    parts.spawn(async move { ("upkeep", upkeep::run(upkeep).await) });
    start_sinks(shared, stop, parts);
}

/// Those that are off tell so, and wait for the stop.
fn start_sinks(shared: &Shared, stop: &CancellationToken, parts: &mut JoinSet<(&'static str, Result<()>)>) {
    let config = &shared.config;
    let logs = Signal::Logs { payload: config.privacy.content == Content::Full };
    for (signal, config) in [(Signal::Spans, config.otlp.clone()), (logs, config.logs.as_otlp())] {
        let sink = otlp::Context {
            signal,
            config,
            journal: Arc::clone(&shared.journal),
            tail: Arc::clone(&shared.tail),
            metrics: Arc::clone(&shared.metrics),
            status: Arc::clone(&shared.status),
            stop: stop.clone(),
        };
        parts.spawn(async move { (signal.part(), otlp::run(sink).await) });
    }
}

fn start_sources(
    shared: &Shared,
    input: Input,
    systems: Arc<simulator::Systems>,
    events: mpsc::Sender<Batch>,
    stop: &CancellationToken,
    sources: &mut JoinSet<(&'static str, Result<()>)>,
) -> Result<()> {
    if matches!(input, Input::History) {
        shared.status.report("source/nats", Health::Off, "only what the journal holds is shown");
        let stop = stop.clone();
        // Ingest ends when nobody can send any more.
        sources.spawn(async move {
            stop.cancelled().await;
            drop(events);
            ("history", Ok(()))
        });
        return Ok(());
    }
    sources.spawn(tick(events.clone(), stop.clone()));
    let positions = shared.journal.positions().context("the journal's positions cannot be read")?;
    match input {
        Input::Simulated { settings, speed } => {
            let fleet = simulator::InProcess {
                settings: *settings,
                speed,
                history: DEMO_HISTORY,
                masker: Arc::clone(&shared.masker),
                positions,
                events,
                metrics: Arc::clone(&shared.metrics),
                status: Arc::clone(&shared.status),
                systems,
                stop: stop.clone(),
            };
            sources.spawn(async move {
                simulator::run_in_process(fleet).await;
                ("source/simulator", Ok(()))
            });
        }
        Input::Configured if shared.config.nats.url.is_some() => {
            let nats = nats::Context {
                config: shared.config.nats.clone(),
                masker: Arc::clone(&shared.masker),
                positions,
                events,
                metrics: Arc::clone(&shared.metrics),
                status: Arc::clone(&shared.status),
                stop: stop.clone(),
            };
            sources.spawn(async move { ("source/nats", nats::run(nats).await) });
        }
        Input::Configured | Input::History => {
            shared.status.report("source/nats", Health::Off, "nats.url is not set");
        }
    }
    Ok(())
}

/// Tells correlation the time, so that what is overdue is seen although no event comes.
async fn tick(events: mpsc::Sender<Batch>, stop: CancellationToken) -> (&'static str, Result<()>) {
    let mut every = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = stop.cancelled() => return ("clock", Ok(())),
            _ = every.tick() => {}
        }
        // When ingest is busy, the messages themselves tell the time.
        let _ = events.try_send(Batch { events: vec![Event::Tick(Timestamp::now())], positions: Vec::new() });
    }
}
