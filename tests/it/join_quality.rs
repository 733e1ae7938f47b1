//! Joining requests to agents without an id: what is joined is right, and most is joined.

#[path = "../../benches/pipeline/join/hour.rs"]
mod hour;

use hour::Hour;

#[test]
fn what_is_inferred_is_right() {
    for (in_flight, recall) in [(1, 0.9), (10, 0.9), (100, 0.5)] {
        for seed in [1, 2] {
            let quality = Hour { in_flight, seed, seconds: 300.0, ..Hour::default() }.quality();
            assert!(quality.requests > 0, "nothing was simulated");
            assert!(quality.precision() >= 0.99, "{in_flight} in flight: {quality:?}");
            assert!(quality.recall() >= recall, "{in_flight} in flight: {quality:?}");
        }
    }
}

#[test]
fn losing_a_fifth_of_all_spans_and_answers_makes_fewer_joins_not_wrong_ones() {
    let quality = Hour { in_flight: 100, lost: 0.2, seconds: 300.0, ..Hour::default() }.quality();
    assert!(quality.joined > 0 && quality.precision() >= 0.99, "{quality:?}");
}
