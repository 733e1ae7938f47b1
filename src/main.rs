//! The `fleetscope` command.

use std::process::ExitCode;

/// The system allocator gives memory back late under a load of many small, short-lived pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fleetscope::cli::main()
}
