//! Questions that are put to a watched system while somebody waits for the answer: the end of a log, a node's
//! properties. What can be shown without asking is on the board.
//! Takes: a question. Gives: JSON, masked. Never: waits longer than its deadline, or changes what is asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::model::Source;

/// Longest time an answer may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The last lines of a Ray job's log.
    JobLog {
        /// The job's id, or its submission id.
        job: String,
        /// How many lines at most.
        lines: u32,
    },
    /// The last lines of a pod's log.
    PodLog {
        /// Namespace.
        namespace: String,
        /// Pod.
        pod: String,
        /// Container; none = the only one, or the first.
        container: Option<String>,
        /// Of the container before this one, which crashed.
        previous: bool,
        /// How many lines at most.
        lines: u32,
    },
    /// A node of the graph with its properties and neighbours.
    GraphNode {
        /// Its id.
        id: String,
    },
    /// What is around a story in the graph.
    GraphAround {
        /// The story.
        story: String,
    },
    /// Type, size and time to live of a key.
    CacheKey {
        /// The key.
        key: String,
    },
}

impl Question {
    /// The source that can answer.
    pub const fn source(&self) -> Source {
        match self {
            Self::JobLog { .. } => Source::Ray,
            Self::PodLog { .. } => Source::Kubernetes,
            Self::GraphNode { .. } | Self::GraphAround { .. } => Source::Neo4j,
            Self::CacheKey { .. } => Source::Valkey,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The source is not configured.
    #[error("{0} is not watched: it is not configured")]
    Off(&'static str),
    /// The system knows no such thing.
    #[error("{0}")]
    Unknown(String),
    /// The system does not answer, or not in time, or refuses.
    #[error("{0}")]
    Failed(String),
}

/// A source that answers questions.
pub trait Answerer: Send + Sync + fmt::Debug {
    /// Answers; gives up by itself where the system does not answer.
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Value, LookupError>>;
}

/// Those that answer, by source.
#[derive(Clone, Debug, Default)]
pub struct Lookups(HashMap<Source, Arc<dyn Answerer>>);

impl Lookups {
    /// Adds the one that answers for a source.
    pub fn add(&mut self, source: Source, answerer: Arc<dyn Answerer>) {
        self.0.insert(source, answerer);
    }

    /// Asks, for at most [`DEADLINE`].
    pub async fn ask(&self, question: Question) -> Result<Value, LookupError> {
        let source = question.source();
        let answerer = self.0.get(&source).ok_or(LookupError::Off(source.name()))?;
        let answer = tokio::time::timeout(DEADLINE, answerer.answer(question)).await;
        let late = || LookupError::Failed(format!("{} gave no answer in {DEADLINE:?}", source.name()));
        answer.unwrap_or_else(|_| Err(late()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Silent;

    impl Answerer for Silent {
        fn answer(&self, _: Question) -> BoxFuture<'_, Result<Value, LookupError>> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let mut lookups = Lookups::default();
        let question = || Question::GraphNode { id: "4:1".into() };
        assert_eq!(lookups.ask(question()).await, Err(LookupError::Off("Neo4j")));
        lookups.add(Source::Neo4j, Arc::new(Silent));
        assert!(matches!(lookups.ask(question()).await, Err(LookupError::Failed(_))));
    }
}
