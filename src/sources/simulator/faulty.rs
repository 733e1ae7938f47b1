//! Messages nobody can decode.

use super::script::Script;

/// Sends one of the known kinds of bad message.
pub(super) fn send(script: &mut Script<'_>) {
    let (subject, body): (&str, Vec<u8>) = match script.rng.u32(..7) {
        0 => ("planning.plan.approved", b"plan approved by po-001".to_vec()),
        1 => ("agent.response.completed", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}']),
        2 => ("planning.story.transitioned", Vec::new()),
        3 => ("context.events.updated", b"[1,2,3]".to_vec()),
        4 => (
            "workflow.state.changed",
            br#"{"event_type":"workflow.state.changed","payload":{"task_id":"T-1","#.to_vec(),
        ),
        5 => ("orchestration.deliberation.completed", br#"{"timestamp":NaN}"#.to_vec()),
        _ => ("task.derivation.completed", [b"[".repeat(400), b"]".repeat(400)].concat()),
    };
    script.send_raw("unknown", subject, body);
}
