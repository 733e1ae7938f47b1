//! `[deliberations]`: when a deliberation is overdue.

use std::time::Duration;

use super::section::section;

section! {
    /// How deliberations are watched.
    pub struct Deliberations = "deliberations", check |_| Vec::new(), {
        /// A deliberation with answers missing after this long has timed out. The fleet's own collector uses 300 s.
        timeout: Duration = Duration::from_mins(5),
        /// The same for derivations of tasks, which have one answer.
        derive_timeout: Duration = Duration::from_mins(2),
    }
}
