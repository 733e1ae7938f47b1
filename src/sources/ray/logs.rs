//! The end of a job's log, when somebody asks for it.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::ask::Dashboard;
use super::plain::last_lines;
use crate::config;
use crate::lookup::{Answerer, LookupError, Question};
use crate::privacy::Masker;
use crate::sources::failure::reason;

/// Asks the dashboard.
#[derive(Debug)]
pub struct Logs {
    dashboard: Dashboard,
    config: config::Ray,
    masker: Arc<Masker>,
}

impl Logs {
    /// `None` where no dashboard is configured.
    pub fn new(config: &config::Ray, masker: Arc<Masker>) -> Option<Self> {
        // What is wrong with the configuration is told by the source.
        let dashboard = Dashboard::new(config).ok().flatten()?;
        Some(Self { dashboard, config: config.clone(), masker })
    }

    async fn of_job(&self, job: &str, lines: u32) -> Result<Value, LookupError> {
        let log = self.dashboard.log(job, self.config.timeout).await.map_err(|failure| match failure.reason {
            reason::NOT_FOUND => LookupError::Unknown(format!("Ray knows no job {job}")),
            _ => LookupError::Failed(failure.to_string()),
        })?;
        let masker = Arc::clone(&self.masker);
        let last = tokio::task::spawn_blocking(move || last_lines(&log, lines as usize, &masker)).await;
        let lines = last.map_err(|_| LookupError::Failed("a fault of Fleetscope itself".to_owned()))?;
        Ok(json!({ "job": job, "lines": lines }))
    }
}

impl Answerer for Logs {
    fn answer(&self, question: Question) -> BoxFuture<'_, Result<Value, LookupError>> {
        async move {
            match question {
                Question::JobLog { job, lines } => self.of_job(&job, lines).await,
                _ => Err(LookupError::Failed("Ray is not the one to ask".to_owned())),
            }
        }
        .boxed()
    }
}
