//! SIGTERM and SIGINT ask for a drain; asking twice ends the process at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The exit code of a process that would not wait for its drain.
const IMPATIENT_EXIT: i32 = 1;

/// Becomes true once the process shall stop. Whoever holds one may wait for it.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the process shall stop.
    pub async fn wait(mut self) {
        // An error means that nobody can ask any more: then there is nothing to wait for.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

/// Asks for the stop, from inside the process.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

/// Listens for the signals from now on. Call inside a runtime, before anything serves.
///
/// # Errors
/// When the system refuses the handlers.
pub fn on_signals(stopper: Stopper) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for asked in 0_u32.. {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if asked > 0 {
                tracing::warn!(
                    signal = name,
                    "asked to stop again: not waiting for the drain"
                );
                std::process::exit(IMPATIENT_EXIT);
            }
            tracing::info!(signal = name, "draining");
            stopper.stop();
        }
    });
    Ok(())
}
