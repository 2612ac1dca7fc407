//! Starting the binary again that this process was started from, to go on in its place (`SIGUSR2`).
//!
//! Invariant: whatever becomes of the other process, this one serves until the other one says that it does.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use tracing::{info, warn};

/// Makes the other one ask for this one's sockets.
const TAKEOVER: &str = "--takeover";

/// Starts the program again as it was started, by the same name and in the same folder: a new binary, if there is one.
pub(super) fn start_successor() {
    let mut given = std::env::args_os();
    let Some(program) = given.next() else { return };
    let mut arguments: Vec<OsString> = given.collect();
    if !arguments.iter().any(|given| given == TAKEOVER) {
        arguments.push(TAKEOVER.into());
    }
    match Command::new(&program).args(arguments).stdin(Stdio::null()).spawn() {
        Ok(mut child) => {
            info!(process = child.id(), "started again, to take over");
            // Waited for, so that one that does not come up leaves nothing behind.
            std::thread::spawn(move || match child.wait() {
                Ok(status) if status.success() => {}
                ended => warn!(?ended, "the process that was to take over has ended"),
            });
        }
        Err(error) => warn!(%error, program = %program.display(), "it cannot be started again"),
    }
}
