//! At most so many requests a second from one address: a token bucket each, in a table of bounded size.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use parking_lot::Mutex;

/// Addresses remembered. When there are more, those that could ask freely anyway are forgotten first.
const MAX_ADDRESSES: usize = 4096;
/// A bucket holds this many seconds' worth: a page that loads is a burst.
const BURST_SECONDS: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets of all addresses.
#[derive(Debug)]
pub(super) struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Rates {
    /// 0 = no limit.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), buckets: Mutex::default() }
    }

    pub(super) fn allow(&self, from: IpAddr) -> bool {
        self.per_second <= 0.0 || self.allow_at(from, Instant::now())
    }

    fn allow_at(&self, from: IpAddr, now: Instant) -> bool {
        let full = self.per_second * BURST_SECONDS;
        let level =
            |b: &Bucket| (b.tokens + now.saturating_duration_since(b.at).as_secs_f64() * self.per_second).min(full);
        let mut buckets = self.buckets.lock();
        let mut key = network(from);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| level(bucket) < full);
            if buckets.len() >= MAX_ADDRESSES {
                // So many busy addresses at once: all further ones share a bucket.
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: full, at: now });
        let tokens = level(bucket);
        let allowed = tokens >= 1.0;
        *bucket = Bucket { tokens: if allowed { tokens - 1.0 } else { tokens }, at: now };
        allowed
    }
}

/// An IPv6 host owns at least a /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let rates = Rates::new(10);
        let (from, start) = (IpAddr::from([10, 0, 0, 1]), Instant::now());
        let allowed = (0..100).filter(|_| rates.allow_at(from, start)).count();
        assert_eq!(allowed, 20);
        assert!(rates.allow_at(IpAddr::from([10, 0, 0, 2]), start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| rates.allow_at(from, later)).count(), 10);
    }

    #[test]
    fn the_table_is_bounded() {
        let rates = Rates::new(1);
        let start = Instant::now();
        for n in 0..20_000u32 {
            rates.allow_at(IpAddr::from((0x0a00_0000 + n).to_be_bytes()), start);
        }
        assert!(rates.buckets.lock().len() <= MAX_ADDRESSES + 1);
    }
}
