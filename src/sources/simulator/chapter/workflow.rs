//! A task's way through the workflow: built, reviewed, tested, accepted; sometimes sent back.

use crate::sources::simulator::bodies::workflow::{self as say, Change};
use crate::sources::simulator::script::Script;
use crate::sources::simulator::things::{Story, Task};

/// A task is sent back at most so often.
const RETRIES: u64 = 3;

const fn change(
    from: &'static str,
    to: &'static str,
    action: &'static str,
    actor: &'static str,
    next: Option<(&'static str, &'static str)>,
) -> Change {
    let (in_charge, required) = match next {
        Some((role, action)) => (Some(role), Some(action)),
        None => (None, None),
    };
    Change { from, to, action, actor, in_charge, required, feedback: None }
}

const BUILD: [Change; 1] =
    [change("implementing", "dev_completed", "commit_code", "developer", Some(("architect", "review_code")))];
const REVIEW: [Change; 2] = [
    change("dev_completed", "pending_arch_review", "commit_code", "developer", Some(("architect", "review_code"))),
    change("pending_arch_review", "arch_reviewing", "start_review", "architect", Some(("architect", "review_code"))),
];
const TEST: [Change; 3] = [
    change("arch_reviewing", "arch_approved", "approve_design", "architect", Some(("qa", "test_feature"))),
    change("arch_approved", "pending_qa", "request_test", "architect", Some(("qa", "test_feature"))),
    change("pending_qa", "qa_testing", "start_test", "qa", Some(("qa", "test_feature"))),
];
const ACCEPT: [Change; 4] = [
    change("qa_testing", "qa_passed", "approve_tests", "qa", Some(("po", "approve_story"))),
    change("qa_passed", "pending_po_approval", "request_approval", "qa", Some(("po", "approve_story"))),
    change("pending_po_approval", "po_approved", "approve_story", "po", None),
    change("po_approved", "done", "complete", "po", None),
];

/// From todo to done.
pub(super) fn run(script: &mut Script<'_>, story: &Story, task: &Task) {
    let mut way = Way { story, task, retries: 0 };
    script.send(say::task_assigned(script.moment(), story, task, "developer", "implement"));
    way.go(script, &[change("todo", "implementing", "claim_task", "developer", Some(("developer", "commit_code")))]);
    loop {
        way.work(script, &BUILD, "commit_code", "developer");
        script.send(say::validation_required(script.moment(), story, task, "architect"));
        way.go(script, &REVIEW);
        if way.sent_back(script) {
            way.back(script, "arch_reviewing", "arch_rejected", "architect", "Keep the port free of storage types");
            continue;
        }
        way.go(script, &TEST);
        if way.sent_back(script) {
            way.back(script, "qa_testing", "qa_failed", "qa", "Fails when the cache is away");
            continue;
        }
        break;
    }
    way.go(script, &ACCEPT);
    script.wait(0.01..0.1);
    script.send(say::task_completed(script.moment(), story, task, "done"));
}

struct Way<'a> {
    story: &'a Story,
    task: &'a Task,
    retries: u64,
}

impl Way<'_> {
    fn go(&self, script: &mut Script<'_>, changes: &[Change]) {
        for change in changes {
            script.wait(0.4..6.0);
            script.send(say::state_changed(script.moment(), self.story, self.task, change, self.retries));
        }
    }

    fn work(&self, script: &mut Script<'_>, changes: &[Change], action: &str, actor: &str) {
        script.wait(1.0..8.0);
        script.send(say::work_completed(script.moment(), self.task, action, actor));
        self.go(script, changes);
    }

    fn sent_back(&mut self, script: &mut Script<'_>) -> bool {
        self.retries < RETRIES && script.chance(script.settings.faults.task_rejected)
    }

    fn back(
        &mut self,
        script: &mut Script<'_>,
        from: &'static str,
        to: &'static str,
        actor: &'static str,
        feedback: &'static str,
    ) {
        self.retries += 1;
        let developer = Some(("developer", "revise_code"));
        let rejected = Change { feedback: Some(feedback), ..change(from, to, "reject", actor, developer) };
        self.go(script, &[rejected, change(to, "implementing", "revise_code", "developer", developer)]);
    }
}
