//! Settlements: matched, folded, early, polled.

use super::fixtures::*;
use crate::correlate::Correlator;
use crate::model::{
    ConsumerInfo, ConsumersReport, Delivery, DeliveryState, Event, Measure, SettlementKind, StreamInfo, StreamsReport,
};

const SUBJECT: &str = "planning.plan.approved";

fn deliveries(run: &Run) -> Vec<Delivery> {
    run.out.records.iter().filter_map(|r| r.delivery().cloned()).collect()
}

fn settle(run: &mut Run, seq: u64, deliveries: u64, seconds: f64, kind: SettlementKind) {
    run.apply(Event::Settlement(settlement(SUBJECT, seq, deliveries, seconds, kind)));
}

fn settlements(run: &Run) -> usize {
    run.out.measures.iter().filter(|m| matches!(m, Measure::Settlement { .. })).count()
}

#[test]
fn an_ack_says_how_long_it_took() {
    let run = &mut Run::new();
    run.send(SUBJECT, 7, 1.0, &[("story_id", "s-1")]);
    settle(run, 7, 1, 1.015, SettlementKind::Ack);
    settle(run, 7, 1, 1.5, SettlementKind::Ack);
    let made = deliveries(run);
    assert_eq!(made.len(), 1, "a repeated final state is folded");
    assert_eq!((made[0].state, made[0].latency_ms()), (DeliveryState::Acked, Some(15.0)));
    assert_eq!(made[0].event.story.as_deref(), Some("s-1"));
    assert_eq!(settlements(run), 2);
    let process = run.span("process planning.plan.approved");
    assert_eq!(process.parent, Some(run.span("publish planning.plan.approved").span_id));
}

#[test]
fn a_loop_of_naks_makes_few_records() {
    let run = &mut Run::new();
    run.send(SUBJECT, 7, 1.0, &[("story_id", "s-1")]);
    for n in 1..=10_000 {
        settle(run, 7, n, 1.0 + n as f64 / 1e3, SettlementKind::Nak { delay: None });
    }
    settle(run, 7, 10_001, 20.0, SettlementKind::Ack);
    let made = deliveries(run);
    assert!(made.len() <= 20, "{}", made.len());
    let last = made.last().expect("the end");
    assert_eq!((last.state, last.attempts, last.naks), (DeliveryState::Acked, 10_001, 10_000));
    assert_eq!(settlements(run), 10_001);
    assert!(run.out.measures.iter().filter(|m| matches!(m, Measure::Settlement { folded: true, .. })).count() > 9_900);
}

#[test]
fn an_ack_before_its_message_waits_for_it() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    settle(run, 2, 1, 1.1, SettlementKind::Ack);
    assert_eq!((deliveries(run).len(), settlements(run)), (0, 0));
    run.send(SUBJECT, 2, 1.0, &[("story_id", "s-1")]);
    assert_eq!((deliveries(run).len(), settlements(run)), (1, 1));
    let seqs: Vec<u64> = run.out.records.iter().map(|r| r.seq).collect();
    assert_eq!(seqs, vec![1, 2, 3]);
}

#[test]
fn a_message_that_never_comes_is_counted() {
    let run = &mut Run::new();
    settle(run, 2, 1, 1.0, SettlementKind::Ack);
    run.tick(10.0);
    assert_eq!(settlements(run), 0);
    run.tick(12.0);
    assert!(matches!(run.out.measures[..], [Measure::Settlement { unmatched: true, .. }]));
    assert!(run.out.records.is_empty());
}

#[test]
fn what_left_memory_is_looked_up_once() {
    let run = &mut Run::new();
    for seq in 1..=5_000 {
        run.send(SUBJECT, seq, seq as f64, &[("story_id", "s-1")]);
    }
    let mut old = settlement(SUBJECT, 1, 1, 6_000.0, SettlementKind::Nak { delay: None });
    assert!(run.correlator.lacks(&old));
    let known = crate::model::Known {
        seq: 1,
        incarnation: 0,
        stored: at(1.0),
        event_type: SUBJECT.into(),
        trace: None,
        story: None,
    };
    run.apply(Event::Settlement(crate::model::Settlement { known: Some(known), ..old.clone() }));
    assert_eq!(deliveries(run).len(), 1);
    old.deliveries = 2;
    assert!(run.correlator.lacks(&old), "the second attempt is recorded");
    old.deliveries = 1;
    assert!(!run.correlator.lacks(&old), "what is folded anyway needs no message");
    let near = settlement(SUBJECT, 4_999, 1, 6_000.0, SettlementKind::Ack);
    assert!(!run.correlator.lacks(&near));
}

#[test]
fn a_stream_made_anew_does_not_mix_its_lives() {
    let run = &mut Run::new();
    run.send(SUBJECT, 5, 0.0, &[("story_id", "s-1")]);
    let mut ahead = settlement(SUBJECT, 5, 1, 100.1, SettlementKind::Ack);
    ahead.stored = at(100.0);
    run.apply(Event::Settlement(ahead));
    assert_eq!(deliveries(run).len(), 0, "it speaks of the next life's message 5");
    let mut again = message(SUBJECT, 5, 100.0, &[("story_id", "s-2")]);
    again.incarnation = 1;
    run.apply(Event::Message(Box::new(again)));
    let made = deliveries(run);
    assert_eq!((made.len(), made[0].event.incarnation, made[0].event.story.as_deref()), (1, 1, Some("s-2")));
}

#[test]
fn without_a_tap_the_ack_floor_tells() {
    let run = &mut Run::new();
    let poll = |floor: u64, seconds: f64, tapped: bool| {
        let consumer = ConsumerInfo {
            name: "context".into(),
            filters: vec![SUBJECT.into()],
            ack_policy: "explicit".into(),
            ack_floor_seq: floor,
            ..ConsumerInfo::default()
        };
        let stream = stream_of(SUBJECT).into();
        Event::Consumers(ConsumersReport { stream, at: at(seconds), consumers: vec![consumer], tapped })
    };
    for seq in 1..=200 {
        let subject = if seq % 2 == 0 { SUBJECT } else { "planning.plan.rejected" };
        run.send(subject, seq, 1.0, &[("story_id", "s-1")]);
    }
    run.apply(poll(10, 5.0, false));
    assert_eq!(deliveries(run).len(), 0, "what was settled before the first poll has no time");
    run.apply(poll(14, 10.0, false));
    let made = deliveries(run);
    assert_eq!(made.iter().map(|d| d.stream_seq).collect::<Vec<_>>(), vec![12, 14]);
    assert!(made.iter().all(|d| d.polled && d.last == at(10.0)));
    run.apply(poll(100, 15.0, true));
    assert_eq!(deliveries(run).len(), 2, "the tap tells");
    run.apply(poll(200, 20.0, false));
    assert_eq!(deliveries(run).len(), 2 + 50);
    run.apply(poll(200, 25.0, false));
    assert_eq!(deliveries(run).len(), 2 + 50);
}

#[test]
fn what_is_read_next_keeps_its_place_among_what_waits() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    // Catching up: the fleet settles far ahead of the reading, more than may wait.
    for seq in 0..12_000 {
        settle(run, 50_000 + seq, 1, 1.0, SettlementKind::Ack);
    }
    assert_eq!((run.correlator.waiting(), settlements(run)), (10_000, 2_000));
    settle(run, 2, 1, 1.1, SettlementKind::Ack);
    run.apply(Event::Settlement(settlement("workflow.state.changed", 9, 1, 1.1, SettlementKind::Ack)));
    assert_eq!((run.correlator.waiting(), settlements(run)), (10_000, 2_002));
    for (subject, seq) in [(SUBJECT, 2), ("workflow.state.changed", 9)] {
        let before = deliveries(run).len();
        run.send(subject, seq, 1.0, &[("story_id", "s-1")]);
        assert_eq!(deliveries(run).len(), before + 1, "{subject}");
    }
    // Every one of them was either measured or waits.
    assert_eq!(run.correlator.waiting() + settlements(run), 12_002);
    run.tick(100.0);
    assert_eq!((run.correlator.waiting(), settlements(run)), (0, 12_002));
}

#[test]
fn no_stream_crowds_out_another() {
    let run = &mut Run::new();
    for seq in 1..=20_000 {
        settle(run, seq, 1, 1.0, SettlementKind::Ack);
    }
    for seq in 1..=20_000 {
        run.apply(Event::Settlement(settlement("workflow.state.changed", seq, 1, 1.0, SettlementKind::Ack)));
    }
    assert_eq!((run.correlator.waiting(), settlements(run)), (10_000, 30_000));
    for subject in [SUBJECT, "workflow.state.changed"] {
        for seq in 1..=5_000 {
            run.send(subject, seq, 1.0, &[("story_id", "s-1")]);
        }
        let of = deliveries(run).iter().filter(|d| &*d.stream == stream_of(subject)).count();
        assert_eq!(of, 5_000, "half of the room, and its nearest: {subject}");
    }
}

#[test]
fn a_flood_of_stream_names_waits_within_bounds() {
    let run = &mut Run::new();
    for n in 0..1_000 {
        let mut of_many = settlement(SUBJECT, 1, 1, 1.0, SettlementKind::Ack);
        of_many.stream = format!("S-{n}").into();
        run.apply(Event::Settlement(of_many));
    }
    assert_eq!((run.correlator.waiting(), settlements(run)), (256, 744));
}

#[test]
fn names_that_anybody_made_up_give_way_to_a_stream_that_is_read() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    for n in 0..1_000 {
        let mut made_up = settlement(SUBJECT, 1, 1, 1.0, SettlementKind::Ack);
        made_up.stream = format!("A-{n}").into();
        run.apply(Event::Settlement(made_up));
    }
    run.apply(Event::Settlement(settlement(SUBJECT, 2, 1, 1.0, SettlementKind::Ack)));
    run.send(SUBJECT, 2, 1.0, &[("story_id", "s-1")]);
    assert_eq!(deliveries(run).len(), 1, "the acknowledgement met its message");
    // 1,001 of them: one met its message, one gave way to it, 744 found no place.
    assert_eq!((run.correlator.waiting(), settlements(run)), (255, 746));
}

#[test]
fn what_waited_is_not_kept_by_a_state_made_from_records() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    settle(run, 2, 1, 1.1, SettlementKind::Ack);
    settle(run, 3, 1, 1.1, SettlementKind::Ack);
    let (snapshot, next) = (run.correlator.snapshot(), run.correlator.next_seq());
    assert_eq!(run.correlator.waiting(), 2);
    run.out.records.clear();
    run.send(SUBJECT, 2, 1.0, &[("story_id", "s-1")]);
    let mut again = Correlator::restore(settings(), next, &snapshot).expect("own snapshot");
    assert_eq!(again.waiting(), 2);
    for record in &run.out.records {
        again.replay(record);
    }
    assert_eq!(again.waiting(), 1);
    assert!(again.snapshot() == run.correlator.snapshot(), "the states differ");
}

fn listing(streams: &[&str]) -> Event {
    let info = |name: &&str| StreamInfo { name: (*name).into(), ..StreamInfo::default() };
    Event::Streams(StreamsReport { at: at(50.0), streams: streams.iter().map(info).collect() })
}

fn consumers(stream: &str, names: &[&str]) -> Event {
    let info = |name: &&str| ConsumerInfo { name: (*name).into(), ack_floor_seq: 1, ..ConsumerInfo::default() };
    let consumers = names.iter().map(info).collect();
    Event::Consumers(ConsumersReport { stream: stream.into(), at: at(50.0), consumers, tapped: true })
}

#[test]
fn what_is_gone_from_the_server_goes_from_memory() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    run.send("workflow.state.changed", 1, 0.0, &[("story_id", "s-1")]);
    run.apply(consumers("PLANNING_EVENTS", &["context", "old"]));
    run.apply(consumers("PLANNING_EVENTS_2", &["old"]));
    run.apply(consumers("WORKFLOW_EVENTS", &["old"]));
    let floors = |run: &Run| run.correlator.memory.floors.keys().map(|(s, c)| format!("{s}/{c}")).collect::<Vec<_>>();
    assert_eq!(floors(run).len(), 4);
    run.apply(consumers("PLANNING_EVENTS", &["context"]));
    assert_eq!(floors(run), ["PLANNING_EVENTS/context", "PLANNING_EVENTS_2/old", "WORKFLOW_EVENTS/old"]);
    run.apply(listing(&["PLANNING_EVENTS"]));
    assert_eq!(floors(run), ["PLANNING_EVENTS/context"]);
    assert_eq!(run.correlator.memory.rings.keys().map(|s| &**s).collect::<Vec<_>>(), ["PLANNING_EVENTS"]);
    // One made anew takes the place.
    run.send("workflow.state.changed", 1, 100.0, &[("story_id", "s-1")]);
    run.apply(Event::Settlement(settlement("workflow.state.changed", 1, 1, 100.1, SettlementKind::Ack)));
    assert_eq!(deliveries(run).len(), 1);
}

#[test]
fn a_state_made_from_records_frees_the_same() {
    let run = &mut Run::new();
    run.send(SUBJECT, 1, 0.0, &[("story_id", "s-1")]);
    let (snapshot, next) = (run.correlator.snapshot(), run.correlator.next_seq());
    run.out.records.clear();
    run.send("workflow.state.changed", 1, 0.0, &[("story_id", "s-1")]);
    run.apply(listing(&["PLANNING_EVENTS"]));
    run.send(SUBJECT, 2, 1.0, &[("story_id", "s-1")]);
    let mut again = Correlator::restore(settings(), next, &snapshot).expect("own snapshot");
    for record in &run.out.records {
        again.replay(record);
    }
    // A source lists before it reads.
    for correlator in [&mut run.correlator, &mut again] {
        correlator.apply(listing(&["PLANNING_EVENTS"]), &mut crate::correlate::Output::default());
    }
    assert!(again.snapshot() == run.correlator.snapshot(), "the states differ");
}

#[test]
fn what_a_poll_tells_counts_as_received() {
    let run = &mut Run::new();
    for seq in 1..=200 {
        run.send(SUBJECT, seq, 1.0, &[("story_id", "s-1")]);
    }
    for floor in [0, 200] {
        let consumer = ConsumerInfo { name: "context".into(), ack_floor_seq: floor, ..ConsumerInfo::default() };
        let stream = stream_of(SUBJECT).into();
        let report = ConsumersReport { stream, at: at(5.0), consumers: vec![consumer], tapped: false };
        run.apply(Event::Consumers(report));
    }
    let polled = run.out.measures.iter().filter(|m| matches!(m, Measure::Polled)).count();
    assert_eq!((polled, settlements(run)), (200, 200));
}
