//! Labels and annotations → ids of the fleet.
//! Takes: names and values, as people write them. Gives: the ids they hold. Never: replaces an id that is known.

use crate::model::{Ids, clean_id};

/// Takes the ids out of names and values: `story-id`, `fleet.example/story_id`, `story`. A `role` or an `agent` is not
/// taken: clusters use these words for other things.
pub(super) fn named<'a>(ids: &mut Ids, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (key, value) in pairs {
        let key = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase().replace(['-', '.'], "_");
        let held = match key.as_str() {
            "story_id" | "story" => &mut ids.story,
            "task_id" | "task" | "ray_task_id" => &mut ids.task,
            "ceremony_id" => &mut ids.ceremony,
            "plan_id" => &mut ids.plan,
            "agent_id" => &mut ids.agent,
            _ => continue,
        };
        if held.is_none() {
            *held = clean_id(value);
        }
    }
}
