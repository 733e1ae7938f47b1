//! The shapes of the contract's samples: keys of body and payload, in order.

use std::collections::BTreeMap;

use super::publishes;
use crate::sources::simulator::{Era, Faults, Settings};

/// Subject, keys of the body, keys of its payload (none where the body is bare), as in the contract's samples.
const SAMPLES: &str = include_str!("shapes.txt");

/// The keys of a JSON object in the order written. `serde_json::Value` would sort them.
fn keys(json: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(json).map(|keys| keys.0).unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    payload: Option<&'a serde_json::value::RawValue>,
}

fn shape(body: &str) -> String {
    let inner = serde_json::from_str::<Wrapped<'_>>(body).ok().and_then(|wrapped| wrapped.payload);
    format!("{} / {}", keys(body).join(","), inner.map(|raw| keys(raw.get()).join(",")).unwrap_or_default())
}

/// Every published subject of the samples comes in the samples' shape (era D and the successors, and era A's plan).
#[test]
fn bodies_have_the_shape_of_the_samples() {
    let faults = Faults {
        agent_failure: 0.2,
        plan_rejected: 0.3,
        overdue_deliberation: 0.1,
        derivation_failure: 0.3,
        bad_message: 0.0,
        ..Faults::default()
    };
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for era in [Era::D, Era::A] {
        let settings = Settings { eras: vec![era], successors: true, faults: faults.clone(), ..Settings::default() };
        for publish in publishes(settings, 12_000) {
            let text = std::str::from_utf8(&publish.body).expect("UTF-8");
            let shapes = seen.entry(template(&publish.subject).to_owned()).or_default();
            let shape = shape(text);
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
    }
    let mut checked = 0;
    for line in SAMPLES.lines() {
        let (subject, expected) = line.split_once(": ").expect("subject: shape");
        let shapes = seen.get(subject).unwrap_or_else(|| panic!("{subject} is never published"));
        assert!(shapes.iter().any(|shape| shape == expected), "{subject}\nwant {expected}\nhave {shapes:#?}");
        checked += 1;
    }
    assert!(checked >= 35, "{checked}");
}

fn template(subject: &str) -> &str {
    if subject.starts_with("vllm.streaming.") { "vllm.streaming.*" } else { subject }
}
