//! Acknowledgements on the wire: the reply subject of a delivery, and what a consumer writes to it.

use crate::model::{SettlementKind, Timestamp, shorten};

/// What the reply subject of a delivery says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivered<'a> {
    pub(super) stream: &'a str,
    pub(super) consumer: &'a str,
    pub(super) deliveries: u64,
    pub(super) stream_seq: u64,
    pub(super) consumer_seq: u64,
    pub(super) stored: Timestamp,
    pub(super) pending: u64,
}

/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<stored ns>.<pending>`, or with
/// `<domain>.<account hash>.` before the stream and perhaps more tokens at the end.
pub(super) fn subject(subject: &str) -> Option<Delivered<'_>> {
    let rest = subject.strip_prefix("$JS.ACK.")?;
    // The short form has exactly seven tokens after the prefix, the long one nine or more.
    let mut tokens = rest.split('.');
    if rest.bytes().filter(|b| *b == b'.').count() >= 8 {
        tokens.next()?;
        tokens.next()?;
    }
    let (stream, consumer) = (tokens.next()?, tokens.next()?);
    let mut number = || tokens.next()?.parse::<u64>().ok();
    let (deliveries, stream_seq, consumer_seq) = (number()?, number()?, number()?);
    let (stored, pending) = (number()?, number()?);
    if stream.is_empty() || consumer.is_empty() {
        return None;
    }
    let stored = Timestamp::from_nanos(i64::try_from(stored).ok()?);
    Some(Delivered { stream, consumer, deliveries, stream_seq, consumer_seq, stored, pending })
}

/// What a consumer answered. `None` = the server ignores it. `reasons`: whether the server knows `+TERM <reason>`
/// (2.10.4 and later; older ones ignore it and deliver again).
pub(super) fn body(body: &[u8], reasons: bool) -> Option<SettlementKind> {
    let body = body.trim_ascii();
    if let Some(rest) = body.strip_prefix(b"-NAK") {
        return Some(SettlementKind::Nak { delay: delay(rest) });
    }
    if let Some(rest) = body.strip_prefix(b"+TERM") {
        let reason = String::from_utf8_lossy(rest.trim_ascii());
        return match &*reason {
            "" => Some(SettlementKind::Term { reason: None }),
            reason => reasons.then(|| SettlementKind::Term { reason: Some(shorten(reason, 200).into()) }),
        };
    }
    match body {
        b"" | b"+ACK" | b"+OK" => Some(SettlementKind::Ack),
        b"+WPI" => Some(SettlementKind::Progress),
        next if next.starts_with(b"+NXT") => Some(SettlementKind::Ack),
        _ => None,
    }
}

/// `{"delay": <ns>}`, or a Go duration as text, which the server reads too.
fn delay(rest: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Nak {
        delay: u64,
    }
    let rest = rest.trim_ascii();
    if rest.is_empty() {
        return None;
    }
    serde_json::from_slice::<Nak>(rest).ok().map(|nak| nak.delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_subject_are_read() {
        let expected = Delivered {
            stream: "PLANNING_EVENTS",
            consumer: "orchestrator",
            deliveries: 2,
            stream_seq: 4,
            consumer_seq: 6,
            stored: Timestamp::from_nanos(1_795_328_885_074_316_671),
            pending: 5,
        };
        for form in [
            "$JS.ACK.PLANNING_EVENTS.orchestrator.2.4.6.1795328885074316671.5",
            "$JS.ACK._.ACCHASH.PLANNING_EVENTS.orchestrator.2.4.6.1795328885074316671.5",
            "$JS.ACK.hub.ACCHASH.PLANNING_EVENTS.orchestrator.2.4.6.1795328885074316671.5.x7Fq",
            "$JS.ACK.hub.ACCHASH.PLANNING_EVENTS.orchestrator.2.4.6.1795328885074316671.5.x7Fq.more",
        ] {
            assert_eq!(subject(form), Some(expected), "{form}");
        }
    }

    #[test]
    fn what_is_no_delivery_is_refused() {
        for form in [
            "",
            "$JS.ACK",
            "$JS.ACK.",
            "$JS.ACK.S.c.1.2.3.4",
            "$JS.ACK.S.c.1.x.3.4.5",
            "$JS.ACK.S.c.1.2.3.99999999999999999999.5",
            "$JS.ACK...1.2.3.4.5",
            "$JS.FC.S.c.1.2.3.4.5",
        ] {
            assert_eq!(subject(form), None, "{form}");
        }
    }

    #[test]
    fn what_consumers_write_is_read() {
        let nak = |delay| Some(SettlementKind::Nak { delay });
        let term = |reason: &str| Some(SettlementKind::Term { reason: Some(reason.into()) });
        let cases: [(&[u8], Option<SettlementKind>); 12] = [
            (b"", Some(SettlementKind::Ack)),
            (b"+ACK", Some(SettlementKind::Ack)),
            (b"+OK", Some(SettlementKind::Ack)),
            (b"+NXT", Some(SettlementKind::Ack)),
            (b"+NXT {\"batch\":1}", Some(SettlementKind::Ack)),
            (b"-NAK", nak(None)),
            (b"-NAK {\"delay\": 1000000000}", nak(Some(1_000_000_000))),
            (b"-NAK {\"delay\": -5}", nak(None)),
            (b"+WPI", Some(SettlementKind::Progress)),
            (b"+TERM", Some(SettlementKind::Term { reason: None })),
            (b"+TERM poison message: bad schema", term("poison message: bad schema")),
            (b"hello", None),
        ];
        for (text, kind) in cases {
            assert_eq!(body(text, true), kind, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(body(b"+TERM why", false), None, "an old server delivers it again");
    }

    #[test]
    fn captured_answers_are_read() {
        let lines = include_str!("../../../tests/fixtures/nats/acks.jsonl").lines();
        let mut seen = Vec::new();
        for line in lines {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| line[key].as_str().expect("text").to_owned();
            let kind = body(text("data").as_bytes(), true).expect("an answer");
            let address = text("subject");
            let delivered = subject(&address).expect("a delivery");
            assert!(delivered.stored > Timestamp::from_millis(1_795_000_000_000));
            seen.push((delivered.consumer.to_owned(), delivered.stream_seq, delivered.deliveries, kind));
        }
        let nak = |delay| SettlementKind::Nak { delay };
        let term = |reason: Option<&str>| SettlementKind::Term { reason: reason.map(Into::into) };
        let orchestrator = [
            (1, 1, SettlementKind::Ack),
            (2, 1, nak(None)),
            (3, 1, nak(Some(1_000_000_000))),
            (4, 1, SettlementKind::Progress),
            (4, 1, term(Some("poison message: bad schema"))),
            (5, 1, term(None)),
            (2, 2, SettlementKind::Ack),
        ];
        let mut expected = orchestrator.map(|(s, d, k)| ("orchestrator".to_owned(), s, d, k)).to_vec();
        expected.insert(6, ("monitor-push".to_owned(), 1, 1, SettlementKind::Ack));
        assert_eq!(seen, expected);
    }
}
