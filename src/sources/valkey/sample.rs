//! What a key is: type, time to live, size, use. Its value is never read.

use fred::types::Value;
use futures::future::join_all;

use super::connect::Link;
use crate::model::{CacheKey, Text, printable, shorten};
use crate::privacy::Masker;
use crate::sources::failure::{Failure, reason};

/// Longest name shown.
const MAX_SHOWN: usize = 200;
/// Elements of a collection that the server looks at for its size.
const SAMPLES: &str = "5";

/// Looks at keys; those that are gone by now are left out.
pub(super) async fn look(
    link: &Link,
    names: Vec<(Text, Vec<u8>)>,
    lfu: bool,
    masker: &Masker,
) -> Result<Vec<CacheKey>, Failure> {
    let asked = names.iter().map(|(prefix, name)| one(link, prefix, name, lfu, masker));
    let found: Result<Vec<_>, _> = join_all(asked).await.into_iter().collect();
    Ok(found?.into_iter().flatten().collect())
}

/// Looks at a key. `None` = it is not there.
pub(super) async fn one(
    link: &Link,
    prefix: &Text,
    name: &[u8],
    lfu: bool,
    masker: &Masker,
) -> Result<Option<CacheKey>, Failure> {
    let word = |text: &'static str| Value::from(text);
    let key = || Value::Bytes(name.to_vec().into());
    let frequency = async {
        if lfu { link.ask_bytes("OBJECT", vec![word("FREQ"), key()]).await.map(|n| n.as_u64()) } else { Ok(None) }
    };
    let (kind, ttl, memory, frequency) = tokio::join!(
        link.ask_bytes("TYPE", vec![key()]),
        link.ask_bytes("PTTL", vec![key()]),
        link.ask_bytes("MEMORY", vec![word("USAGE"), key(), word("SAMPLES"), word(SAMPLES)]),
        frequency,
    );
    let kind = kind?.as_string().unwrap_or_default();
    if kind == "none" {
        return Ok(None);
    }
    Ok(Some(CacheKey {
        key: shown(name, masker),
        key_prefix: prefix.clone(),
        kind: shorten(&printable(&kind), 40).into(),
        ttl_seconds: ttl?.as_i64().filter(|ms| *ms >= 0).map(|ms| ms as f64 / 1e3),
        // Both may be refused alone, by rights or by the policy.
        memory_bytes: refusable(memory)?.and_then(|bytes| bytes.as_u64()),
        frequency: refusable(frequency)?.flatten(),
    }))
}

/// An answer that the server may refuse without harm.
fn refusable<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if matches!(failure.reason, reason::FORBIDDEN | reason::SERVER_ERROR) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A name as it may be shown.
pub(super) fn shown(name: &[u8], masker: &Masker) -> Text {
    shorten(&printable(&masker.text(&String::from_utf8_lossy(name))), MAX_SHOWN).into()
}
