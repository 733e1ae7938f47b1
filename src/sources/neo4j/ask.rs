//! Putting a query: read only, with a deadline here and one at the server.
//! Never: uses a connection again whose answer was not waited for, or one that is half open.

use std::time::Duration;

use neo4rs::{ConfigBuilder, Error, Graph, Query};
use serde::de::DeserializeOwned;

use crate::config;
use crate::sources::failure::{Failure, reason};
use crate::sources::password::Password;

/// Rows taken of an answer.
const MAX_ROWS: usize = 5_000;
/// Connections: one asks, and one may be on its way out.
const CONNECTIONS: usize = 2;

/// Where it is and how to sign in.
pub(super) struct Server {
    uri: String,
    user: String,
    database: Option<String>,
    timeout: Duration,
    password: Password,
    graph: Option<(Option<String>, Graph)>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn new(config: &config::Neo4j) -> Self {
        Self {
            uri: config.uri.as_ref().map(ToString::to_string).unwrap_or_default(),
            user: config.user.clone(),
            database: config.database.clone(),
            timeout: config.timeout,
            password: Password::new(config.password_file.clone()),
            graph: None,
        }
    }

    /// The rows of an answer.
    pub(super) async fn rows<T: DeserializeOwned>(&mut self, query: Query) -> Result<Vec<T>, Failure> {
        // Taken out: a query that fails or is given up leaves no connection behind.
        let password = self.password.read().await?;
        let (held, graph) = match self.graph.take() {
            Some((held, graph)) if held == password => (held, graph),
            _ => (password.clone(), self.connect(password.as_deref())?),
        };
        let millis = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let asked = read(&graph, query.extra("tx_timeout", millis));
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(rows)) => {
                self.password.taken();
                self.graph = Some((held, graph));
                Ok(rows)
            }
            Ok(Err(error)) => {
                let failure = self.failure(&error);
                if failure.reason == reason::UNAUTHORIZED {
                    self.password.refused(held);
                } else if matches!(error, Error::Neo4j(_)) {
                    // The server answered: the connection is well.
                    self.graph = Some((held, graph));
                }
                Err(failure)
            }
            Err(_) => {
                let detail = format!("{} gives no answer within {:?}", self.uri, self.timeout);
                Err(Failure::new(reason::TIMEOUT, detail))
            }
        }
    }

    fn connect(&self, password: Option<&str>) -> Result<Graph, Failure> {
        let mut config = ConfigBuilder::default()
            .uri(self.uri.as_str())
            .user(self.user.as_str())
            .password(password.unwrap_or_default())
            .max_connections(CONNECTIONS)
            // A little more than ours, which comes first and covers the handshake too.
            .connection_timeout(self.timeout + Duration::from_secs(1));
        if let Some(database) = &self.database {
            config = config.db(database.as_str());
        }
        config.build().and_then(Graph::connect).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &Error) -> Failure {
        let reason = match error {
            Error::AuthenticationError(_) => reason::UNAUTHORIZED,
            Error::Neo4j(said) => match said.code() {
                code if code.contains(".Security.Forbidden") => reason::FORBIDDEN,
                code if code.contains(".Security.") => reason::UNAUTHORIZED,
                code if code.contains("TimedOut") || code.contains("TransactionTerminated") => reason::TIMEOUT,
                code if code.contains("ProcedureNotFound") || code.contains("DatabaseNotFound") => reason::NOT_FOUND,
                _ => reason::SERVER_ERROR,
            },
            Error::IOError { detail } => match detail.kind() {
                std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::BrokenPipe => reason::INTERRUPTED,
                _ => reason::UNREACHABLE,
            },
            Error::ConnectionTimedOut => reason::TIMEOUT,
            Error::ConnectionError | Error::IncompleteBoltExchange => reason::INTERRUPTED,
            Error::ProtocolMismatch(_) | Error::DeserializationError(_) | Error::UnexpectedMessage(_) => {
                reason::MALFORMED
            }
            Error::InvalidConfig | Error::UrlParseError(_) | Error::UnsupportedScheme(_) | Error::InvalidDnsName(_) => {
                reason::CONFIGURATION
            }
            _ => reason::SERVER_ERROR,
        };
        let hint = match reason {
            reason::UNAUTHORIZED => " (see neo4j.user and neo4j.password_file)",
            reason::MALFORMED => " (is neo4j.uri that of the Bolt port?)",
            _ => "",
        };
        Failure::new(reason, format!("{}: {error}{hint}", self.uri))
    }
}

async fn read<T: DeserializeOwned>(graph: &Graph, query: Query) -> Result<Vec<T>, Error> {
    let mut answer = graph.execute_read(query).await?;
    let mut rows = Vec::new();
    while let Some(row) = answer.next().await? {
        if rows.len() < MAX_ROWS {
            rows.push(row.to::<T>()?);
        }
    }
    Ok(rows)
}
