//! A simulated fleet → contract-true traffic.
//! Takes: a seed and a speed. Gives: what the fleet's services would publish and how their consumers would answer.
//! Never: reads a clock or a real server; those who run it pace it and publish it.
