//! The payload keys the fleet gives a meaning to.

use std::sync::LazyLock;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

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
                // A `match` would compare with one name after the other, for each key of each message.
                static NAMES: LazyLock<HashMap<&str, Key>> =
                    LazyLock::new(|| Key::ALL.iter().map(|key| (key.name(), *key)).collect());
                NAMES.get(name).copied()
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
    // Not of the payload: no key there has a dot. Headers as `name: value`, those with a field of their own left out.
    WireHeaders = "wire.headers",
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
}
