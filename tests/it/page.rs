//! The built-in page in a browser of our own making, run by Node.

use std::io::Write;
use std::process::Command;

#[test]
fn the_page_copes_with_what_goes_wrong() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/page.test.mjs");
    let run = match Command::new("node").args(["--test", tests]).output() {
        Ok(run) => run,
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "Node is missing: {missing}");
            let _ = writeln!(std::io::stderr(), "skipped: Node is missing ({missing})");
            return;
        }
    };
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
