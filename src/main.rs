//! The `fleetscope` command.

fn main() {}
