//! What is wrong with a configuration: every problem, each with its place and what to write instead.

use std::fmt;
use std::ops::Range;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of the file it is about; `None` for a variable or for a missing key.
    span: Option<Range<usize>>,
    /// Line in the file, counted from 1.
    pub line: Option<usize>,
    /// Key (`nats.url`) or variable.
    pub key: String,
    /// What to write instead.
    pub remedy: String,
}

impl Problem {
    pub(super) fn at(span: Option<Range<usize>>, key: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { span, line: None, key: key.into(), remedy: remedy.into() }
    }

    pub(super) fn locate(&mut self, text: &str) {
        self.line = self.span.as_ref().map(|s| text[..s.start.min(text.len())].matches('\n').count() + 1);
    }
}

/// All problems of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// File, or `environment`.
    pub file: String,
    /// In the order found.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "{count} problem{} in the configuration", if count == 1 { "" } else { "s" })?;
        for problem in &self.problems {
            write!(f, "\n  {}", self.file)?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": {}: {}", problem.key, problem.remedy)?;
        }
        Ok(())
    }
}
