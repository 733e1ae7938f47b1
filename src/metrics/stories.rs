//! Stories.

use super::family::{DAYS, TOKENS, families};

families! {
    /// Families about stories.
    pub struct StoryMetrics {
        /// Stories followed at the moment, by phase.
        stories: gauge = "fleet_stories" ["phase"],
        /// Time stories spent in a phase they left.
        phase_duration: histogram = "fleet_story_phase_duration_seconds" ["phase"] buckets DAYS,
        /// Tokens of a story's answers, observed when it ends.
        tokens: histogram = "fleet_story_tokens" [] buckets TOKENS,
    }
}
