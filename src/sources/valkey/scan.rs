//! Counting keys by pattern: SCAN in small steps, so many a poll, over as many polls as a round takes.
//! Never: more than one small step at a time at the server, or a count of a part shown as that of all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fred::types::Value;

use super::connect::Link;
use super::pattern::Patterns;
use crate::model::{CacheKey, CacheScan, NotAvailable, PrefixCount, Timestamp, TopKeys};
use crate::sources::failure::{Failure, reason};

/// Keys a step: the server does nothing else meanwhile, about a tenth of a millisecond.
const STEP: u32 = 500;
/// Pause between steps, for those who wait at the server.
const PAUSE: Duration = Duration::from_millis(1);
/// Names kept of each pattern, to be looked at.
const NAMES: usize = 4;
/// Longest name that is looked at.
const MAX_NAME: usize = 1024;
/// Keys by use that are shown.
const MAX_TOP: usize = 20;

/// Where the round is.
#[derive(Debug)]
pub(super) struct Scan {
    patterns: Arc<Patterns>,
    budget: u32,
    time: Duration,
    cursor: String,
    counting: Vec<u64>,
    counted: Vec<u64>,
    rounds: u64,
    counted_at: Option<Timestamp>,
    seen: u64,
    names: Vec<Vec<Vec<u8>>>,
    sample: Vec<CacheKey>,
    /// The most used, each with the round it was looked at in.
    hot: Vec<(u64, CacheKey)>,
}

impl Scan {
    /// At most `budget` keys and so much time a poll.
    pub(super) fn new(patterns: Arc<Patterns>, budget: u32, time: Duration) -> Self {
        let places = patterns.count();
        Self {
            patterns,
            budget,
            time,
            cursor: "0".to_owned(),
            counting: vec![0; places],
            counted: vec![0; places],
            rounds: 0,
            counted_at: None,
            seen: 0,
            names: vec![Vec::new(); places],
            sample: Vec::new(),
            hot: Vec::new(),
        }
    }

    /// Goes on with the round.
    pub(super) async fn step(&mut self, link: &Link) -> Result<(), Failure> {
        let (begin, mut looked) = (Instant::now(), 0);
        self.names.iter_mut().for_each(Vec::clear);
        let count = STEP.min(self.budget).to_string();
        while looked < self.budget && begin.elapsed() < self.time {
            let answer = link.ask("SCAN", &[&self.cursor, "COUNT", &count]).await?;
            let (cursor, keys) = parts(answer)?;
            looked += STEP.min(self.budget);
            for key in keys {
                self.count(&key);
            }
            self.cursor = cursor;
            if self.cursor == "0" {
                self.finish();
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn count(&mut self, key: &[u8]) {
        let place = self.patterns.place(key);
        self.counting[place] += 1;
        self.seen += 1;
        if self.names[place].len() < NAMES && key.len() <= MAX_NAME {
            self.names[place].push(key.to_vec());
        }
    }

    fn finish(&mut self) {
        self.counted = std::mem::replace(&mut self.counting, vec![0; self.patterns.count()]);
        self.rounds += 1;
        self.counted_at = Some(Timestamp::now());
        self.seen = 0;
    }

    /// Keys of the steps just made, with their patterns.
    pub(super) fn names(&self) -> Vec<(crate::model::Text, Vec<u8>)> {
        let of = |(place, names): (usize, &Vec<Vec<u8>>)| {
            let name = self.patterns.name(place);
            names.iter().map(move |key| (name.clone(), key.clone())).collect::<Vec<_>>()
        };
        self.names.iter().enumerate().flat_map(of).collect()
    }

    /// Keeps what was found out about them; of patterns that these steps did not meet, what is known stays.
    pub(super) fn keep(&mut self, sample: Vec<CacheKey>) {
        let used = sample.iter().filter(|key| key.frequency.is_some());
        let used: Vec<_> = used.map(|key| (self.rounds, key.clone())).collect();
        // What a whole round did not meet again is gone, or was not looked at: its use is not known any more.
        self.hot.retain(|(round, key)| round + 1 >= self.rounds && used.iter().all(|(_, other)| other.key != key.key));
        self.hot.extend(used);
        self.hot.sort_by_key(|(_, key)| std::cmp::Reverse(key.frequency));
        self.hot.truncate(MAX_TOP);
        let met = |prefix: &str| sample.iter().any(|key| *key.key_prefix == *prefix);
        self.sample.retain(|key| !met(&key.key_prefix));
        self.sample.extend(sample);
        self.sample.sort_by(|a, b| (&a.key_prefix, &a.key).cmp(&(&b.key_prefix, &b.key)));
    }

    pub(super) fn sample(&self) -> Vec<CacheKey> {
        self.sample.clone()
    }

    /// Counts of the last complete round.
    pub(super) fn counts(&self) -> Vec<PrefixCount> {
        if self.rounds == 0 {
            return Vec::new();
        }
        let counts = self.patterns.names().zip(&self.counted);
        counts.map(|(key_prefix, keys)| PrefixCount { key_prefix, keys: *keys }).collect()
    }

    pub(super) fn state(&self) -> CacheScan {
        let detail = "the first round over all keys is not complete; valkey.scan_budget sets how many a poll looks at";
        let not_available = (self.rounds == 0).then(|| NotAvailable::new("counting", detail));
        CacheScan { rounds: self.rounds, counted_at: self.counted_at, seen: self.seen, not_available }
    }

    /// The most used of the keys looked at.
    pub(super) fn top(&self, lfu: bool) -> TopKeys {
        if !lfu {
            let detail = "the server counts the use of keys only under an LFU maxmemory-policy; under others it keeps \
                          no such number, and reads that find their key emit no event";
            return TopKeys { keys: Vec::new(), not_available: Some(NotAvailable::new("policy_not_lfu", detail)) };
        }
        TopKeys { keys: self.hot.iter().map(|(_, key)| key.clone()).collect(), not_available: None }
    }
}

/// Cursor and keys of an answer.
fn parts(answer: Value) -> Result<(String, Vec<Vec<u8>>), Failure> {
    let wrong = || Failure::new(reason::MALFORMED, "SCAN answers no cursor and keys");
    let mut parts = answer.into_array().into_iter();
    let (Some(cursor), Some(keys)) = (parts.next(), parts.next()) else { return Err(wrong()) };
    let cursor = cursor.as_string().ok_or_else(wrong)?;
    let bytes = |key: Value| key.as_bytes().map(<[u8]>::to_vec);
    Ok((cursor, keys.into_array().into_iter().filter_map(bytes).collect()))
}
