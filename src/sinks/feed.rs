//! Records and state → what browsers get.
//! Takes: the tail, the board, the journal for what lies further back. Gives: frames for each client's filter.
//! Never: slows ingest for a slow client, or leaves a hole unmarked.
