//! The contract, and what is special about a journal on disk.

use std::cell::RefCell;
use std::time::Duration;

use tempfile::TempDir;

use super::Embedded;
use crate::journal::Journal;
use crate::journal::contract::contract;

const MAP: usize = 1 << 30;
const EVER: Duration = Duration::from_hours(24 * 36_500);

fn open(dir: &TempDir, segment_bits: u32) -> Embedded {
    Embedded::open_sized(dir.path(), EVER, u64::MAX, MAP, segment_bits).expect("opens")
}

/// Runs the contract with segments of a given size: small ones are sealed all the time.
fn keeps_the_contract(segment_bits: u32) {
    let dirs = RefCell::new(Vec::new());
    contract(&|| {
        let dir = TempDir::new().expect("a folder");
        let journal = open(&dir, segment_bits);
        dirs.borrow_mut().push(dir);
        Box::new(journal) as Box<dyn Journal>
    });
}

#[test]
fn keeps_the_contract_with_small_segments() {
    keeps_the_contract(5);
}

#[test]
fn keeps_the_contract_with_segments_as_they_are() {
    keeps_the_contract(super::SEGMENT_BITS);
}
