//! A broker as its owner sees it: started, asked for its address, stopped, or crashed.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

use crate::call::Call;
use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::core::{self, Core, Done, Ended, Ground, StartFault, Told};
use crate::disk::Disk;
use crate::faults::Faults;
use crate::limits::CORE_QUEUE_MAX;
use crate::server::{Shared, accept};

/// A running broker. Dropped, it stops.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    faults: Arc<Faults>,
    writable: Arc<AtomicBool>,
    tell: mpsc::Sender<Told>,
    closing: watch::Sender<bool>,
    core: Option<JoinHandle<()>>,
    /// Disconnected when the listener is closed.
    listening: Mutex<Receiver<()>>,
    runtime: Option<Runtime>,
}

const SERVER_THREADS: usize = 2;
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// How long a broker whose disk failed waits before it recovers once more.
const RECOVER_PAUSE: Duration = Duration::from_millis(200);

impl Broker {
    /// Recovers what the disk holds, and serves when this returns.
    ///
    /// # Errors
    /// When the disk is locked by another, damaged, or of a newer format, or there are no threads
    /// to be had.
    pub fn start(
        settings: BrokerConfig,
        listener: TcpListener,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartFault> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let lock = Arc::new(disk.lock("lock")?);
        let (host, port) = match &settings.advertised {
            Some((host, port)) => (host.clone(), *port),
            None => (address.ip().to_string(), address.port()),
        };
        let ground = Ground {
            settings,
            host,
            port,
            disk,
            lock,
            clock,
            writable: Arc::default(),
        };
        let writable = Arc::clone(&ground.writable);
        let (opened, done) = core::open(&ground)?;

        let runtime = Builder::new_multi_thread()
            .worker_threads(SERVER_THREADS)
            .thread_name("broker-server")
            .enable_all()
            .build()?;
        let (calls, waiting) = mpsc::channel(CORE_QUEUE_MAX);
        let (tell, told) = mpsc::channel(1);
        let closing = watch::Sender::new(false);
        let faults = Arc::new(Faults::default());
        let core = {
            let closing = closing.clone();
            let core_runtime = Builder::new_current_thread().enable_time().build()?;
            thread::Builder::new()
                .name("broker-core".into())
                .spawn(move || {
                    core_runtime.block_on(live(ground, opened, done, waiting, told, closing));
                })?
        };
        let shared = Shared {
            core: calls,
            faults: Arc::clone(&faults),
            closing: closing.subscribe(),
        };
        let guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(guard);
        let (held, listening) = sync_channel::<()>(1);
        runtime.spawn(async move {
            accept(listener, shared).await;
            drop(held);
        });
        Ok(Self {
            address,
            faults,
            writable,
            tell,
            closing,
            core: Some(core),
            listening: Mutex::new(listening),
            runtime: Some(runtime),
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The faults that are injected at its connections.
    #[must_use]
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Whether it can write what it is given: false on a full or failed disk, until there is room
    /// or the disk is read again. Clones stay true to it.
    #[must_use]
    pub fn writable(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.writable)
    }

    /// Makes everything durable, closes the connections, and ends.
    pub fn stop(mut self) {
        self.end(Told::Stop);
    }

    /// Ends at once: nothing more is written or synced. What the disk does with what was not
    /// synced is the disk's.
    pub fn crash(mut self) {
        self.end(Told::Crash);
    }

    fn end(&mut self, word: Told) {
        // The word goes first: closed connections alone would not tell how to end. A core that is
        // gone already needs none.
        let _ = self.tell.try_send(word);
        if word == Told::Crash {
            self.closing.send_replace(true);
        }
        if let Some(core) = self.core.take()
            && core.join().is_err()
        {
            tracing::error!("the broker's core ended in a panic");
        }
        self.closing.send_replace(true);
        // The address is free for another when this returns.
        let listening = self.listening.get_mut();
        let _ = listening
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(CLOSE_PATIENCE);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end(Told::Stop);
    }
}

/// The life of the core: if its disk fails, it starts again from what the disk holds.
async fn live(
    ground: Ground,
    mut core: Core,
    mut done: mpsc::Receiver<Done>,
    mut calls: mpsc::Receiver<Call>,
    mut told: mpsc::Receiver<Told>,
    closing: watch::Sender<bool>,
) {
    loop {
        match core::run(&mut core, &mut calls, &mut done, &mut told).await {
            Ended::Told => return,
            Ended::Broken => {
                drop(core);
                ground.writable.store(false, Ordering::Relaxed);
                // Whoever is connected may hold an answer that the disk no longer knows of.
                closing.send_replace(false);
            }
        }
        (core, done) = loop {
            match core::open(&ground) {
                Ok(opened) => break opened,
                Err(fault) => {
                    tracing::error!(%fault, "the broker could not start again from its disk");
                    tokio::select! {
                        _ = told.recv() => return,
                        () = tokio::time::sleep(RECOVER_PAUSE) => {}
                    }
                    // Nobody is served meanwhile: what waits is let go, and its connections close.
                    while calls.try_recv().is_ok() {}
                }
            }
        };
    }
}
