//! `[agents]`: when an agent counts as silent.

use std::time::Duration;

use super::section::section;

section! {
    /// How agents are watched.
    pub struct Agents = "agents", check |_| Vec::new(), {
        /// An agent that deliberates and says nothing for this long is silent.
        silent_after: Duration = Duration::from_secs(30),
        /// An agent whose last answer is this old counts as idle again.
        idle_after: Duration = Duration::from_mins(1),
    }
}
