//! What a message says of itself: the known keys of its payload, by meaning, wherever they stood.
//!
//! A decoder fills this without interpreting; correlation reads it. It is stored with the entry, so history can be
//! correlated again without decoding again.

use serde::{Deserialize, Serialize};

use super::text::Text;

macro_rules! keys {
    ($($variant:ident = $name:literal,)+) => {
        /// A payload key the fleet gives a meaning to. The name is the one on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "each variant is its wire name")]
        pub enum Key { $($variant,)+ }

        impl Key {
            /// Every key there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The key as it stands on the wire. Keys found under `constraints` and `constraints.metadata` begin with
            /// `constraints.` and `metadata.`, those of an agent's proposal with `proposal.`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The key with this wire name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

keys! {
    StoryId = "story_id",
    CaseId = "case_id",
    TaskId = "task_id",
    PlanId = "plan_id",
    CeremonyId = "ceremony_id",
    DeliberationId = "deliberation_id",
    ProjectId = "project_id",
    EpicId = "epic_id",
    AgentId = "agent_id",
    ActorId = "actor_id",
    SessionId = "session_id",
    InvocationId = "invocation_id",
    AggregateId = "aggregate_id",
    DecisionId = "decision_id",
    ConstraintsStoryId = "constraints.story_id",
    ConstraintsPlanId = "constraints.plan_id",
    ConstraintsTimeout = "constraints.timeout",
    MetadataStoryId = "metadata.story_id",
    MetadataCeremonyId = "metadata.ceremony_id",
    MetadataTaskId = "metadata.task_id",
    MetadataPlanId = "metadata.plan_id",
    MetadataTaskType = "metadata.task_type",
    MetadataNumAgents = "metadata.num_agents",
    Role = "role",
    ActorRole = "actor_role",
    ValidatorRole = "validator_role",
    RoleInCharge = "role_in_charge",
    AssignedTo = "assigned_to",
    Roles = "roles",
    Specialty = "specialty",
    Status = "status",
    State = "state",
    FromState = "from_state",
    ToState = "to_state",
    FromPhase = "from_phase",
    ToPhase = "to_phase",
    FinalState = "final_state",
    Action = "action",
    ActionRequired = "action_required",
    RequiredAction = "required_action",
    Feedback = "feedback",
    Success = "success",
    ChecksPassed = "checks_passed",
    Error = "error",
    ErrorType = "error_type",
    ErrorCode = "error_code",
    ErrorKind = "error_kind",
    ErrorReason = "error_reason",
    Reason = "reason",
    RejectionReason = "rejection_reason",
    Message = "message",
    DurationMs = "duration_ms",
    Duration = "duration",
    NumAgents = "num_agents",
    TotalAgents = "total_agents",
    SuccessfulResponses = "successful_responses",
    FailedResponses = "failed_responses",
    Model = "model",
    ProposalContent = "proposal.content",
    ProposalTokens = "proposal.tokens",
    ProposalModel = "proposal.model",
    ProposalAuthorId = "proposal.author_id",
    ProposalAuthorRole = "proposal.author_role",
    Title = "title",
    Name = "name",
    Type = "type",
    EventType = "event_type",
    EventName = "event",
    Summary = "summary",
    Severity = "severity",
    AlertName = "alert_name",
    ToolName = "tool_name",
    CreatedBy = "created_by",
    ApprovedBy = "approved_by",
    RejectedBy = "rejected_by",
    TransitionedBy = "transitioned_by",
    StartedBy = "started_by",
    CompletedBy = "completed_by",
    CancelledBy = "cancelled_by",
    RequestedBy = "requested_by",
    Timestamp = "timestamp",
    CreatedAt = "created_at",
    CreatedAtMs = "created_at_ms",
    ApprovedAt = "approved_at",
    OccurredAt = "occurred_at",
    EmittedAt = "emitted_at",
    StartedAt = "started_at",
    CompletedAt = "completed_at",
    StoryIds = "story_ids",
    TotalStories = "total_stories",
    TotalReviews = "total_reviews",
    ReviewedStories = "reviewed_stories",
    ApprovedCount = "approved_count",
    RejectedCount = "rejected_count",
    DeliberationsSubmitted = "deliberations_submitted",
    TaskCount = "task_count",
    TasksCreated = "tasks_created",
    TotalTasks = "total_tasks",
    TasksOutline = "tasks_outline",
    Tasks = "tasks",
    TaskIdsWithoutPriority = "task_ids_without_priority",
    AgentDeliberations = "agent_deliberations",
    Decisions = "decisions",
    Results = "results",
    FailedAgents = "failed_agents",
    Changes = "changes",
    Version = "version",
    Priority = "priority",
    RetryCount = "retry_count",
    ProgressPct = "progress_pct",
    EstimatedHours = "estimated_hours",
    EstimatedComplexity = "estimated_complexity",
    WinnerScore = "winner_score",
    WinnerProposalId = "winner_proposal_id",
    NodeKind = "node_kind",
    OperationType = "operation_type",
    ExitCode = "exit_code",
}

/// The value of a known key, as far as its kind is understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// JSON null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number that is no integer, or too large for one.
    Float(f64),
    /// Text, capped by the decoder.
    Text(Text),
    /// A list of texts, capped by the decoder.
    Texts(Vec<Text>),
    /// A list or object of something else: how many items it has.
    Items(u32),
}

/// The known keys a message carries, in the order found. The first of two equal keys counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts(Vec<(Key, Value)>);

impl Facts {
    /// Adds a fact unless the key is already there.
    pub fn insert(&mut self, key: Key, value: Value) {
        if self.get(key).is_none() {
            self.0.push((key, value));
        }
    }

    /// The value of `key`, null included; `None` = the message does not have it.
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Whether the message has `key` with anything but null.
    pub fn has(&self, key: Key) -> bool {
        self.get(key).is_some_and(|v| *v != Value::Null)
    }

    /// The text of `key`, if it is non-empty text.
    pub fn text(&self, key: Key) -> Option<&Text> {
        match self.get(key) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The first of `keys` that holds non-empty text.
    pub fn first_text(&self, keys: &[Key]) -> Option<&Text> {
        keys.iter().find_map(|key| self.text(*key))
    }

    /// The integer of `key`; whole floats and numeric text (the fleet's metadata are strings) count.
    pub fn int(&self, key: Key) -> Option<i64> {
        match self.get(key)? {
            Value::Int(n) => Some(*n),
            Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Some(*f as i64),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The boolean of `key`.
    pub fn bool(&self, key: Key) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The texts of a list; empty when there is none.
    pub fn texts(&self, key: Key) -> &[Text] {
        match self.get(key) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// How many items the list or object of `key` has.
    pub fn items(&self, key: Key) -> Option<u32> {
        match self.get(key)? {
            Value::Texts(texts) => Some(texts.len() as u32),
            Value::Items(n) => Some(*n),
            _ => None,
        }
    }

    /// All facts, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &Value)> {
        self.0.iter().map(|(k, v)| (*k, v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name() {
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.name()), Some(*key));
        }
    }

    #[test]
    fn the_first_of_two_equal_keys_counts() {
        let mut facts = Facts::default();
        facts.insert(Key::Status, Value::Text("a".into()));
        facts.insert(Key::Status, Value::Text("b".into()));
        assert_eq!(facts.text(Key::Status).map(AsRef::as_ref), Some("a"));
    }
}
