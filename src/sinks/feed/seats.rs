//! How many clients there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::metrics::Metrics;

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("the live feed has as many clients as `http.max_feed_clients` allows")]
    Total,
    #[error("your address has as many live feeds open as one address may have")]
    Address,
}

/// Counts clients.
#[derive(Debug)]
pub(crate) struct Seats {
    total: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
    metrics: Arc<Metrics>,
}

/// A client's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
    transport: &'static str,
}

impl Seats {
    pub(crate) fn new(total: u32, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { total: total as usize, taken: Mutex::default(), metrics })
    }

    /// One address may have half of the seats: a proxy such as Grafana's stands for many people, yet must not lock
    /// everyone else out.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, transport: &'static str) -> Result<Seat, Full> {
        let mut taken = self.taken.lock();
        if taken.values().sum::<usize>() >= self.total {
            return Err(Full::Total);
        }
        let from_here = taken.entry(address).or_default();
        if *from_here >= self.total.div_ceil(2) {
            return Err(Full::Address);
        }
        *from_here += 1;
        drop(taken);
        self.metrics.feed.clients.with_label_values(&[transport]).inc();
        Ok(Seat { seats: Arc::clone(self), address, transport })
    }

    /// How many there are.
    pub(crate) fn clients(&self) -> usize {
        self.taken.lock().values().sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
        drop(taken);
        self.seats.metrics.feed.clients.with_label_values(&[self.transport]).dec();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_address_cannot_take_every_seat() {
        let seats = Seats::new(4, Arc::new(Metrics::new()));
        let (here, there) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        let mut held = vec![seats.take(here, "ws").expect("free"), seats.take(here, "ws").expect("free")];
        assert_eq!(seats.take(here, "ws").expect_err("its half is taken"), Full::Address);
        held.extend([seats.take(there, "sse").expect("free"), seats.take(there, "sse").expect("free")]);
        assert_eq!(seats.take(there, "ws").expect_err("all are taken"), Full::Total);
        drop(held);
        assert_eq!(seats.clients(), 0);
    }
}
