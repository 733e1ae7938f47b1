//! Measures and changes of state → metric families.
//! Takes: what correlation counts. Gives: samples on capped labels. Never: an id as a label.
