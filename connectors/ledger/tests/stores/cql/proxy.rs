//! A way to the store that can fall silent: what is sent over its old connections arrives
//! nowhere, though they stay open; new ones work.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Proxy {
    address: String,
    /// Connections made under an earlier number are silent.
    reign: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) fn to(store: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let reign = Arc::new(AtomicU64::new(0));
        let (current, store) = (Arc::clone(&reign), store.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&store) else {
                    return;
                };
                let born = current.load(Ordering::SeqCst);
                let pairs = [
                    (client.try_clone(), server.try_clone()),
                    (Ok(server), Ok(client)),
                ];
                for (from, to) in pairs {
                    let (Ok(from), Ok(to)) = (from, to) else {
                        return;
                    };
                    let current = Arc::clone(&current);
                    std::thread::spawn(move || forward(from, to, &current, born));
                }
            }
        });
        Self { address, reign }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// From now on nothing passes over the connections there are.
    pub(crate) fn silence(&self) {
        self.reign.fetch_add(1, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, current: &AtomicU64, born: u64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if current.load(Ordering::SeqCst) != born {
            continue;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    if current.load(Ordering::SeqCst) == born {
        let _ = to.shutdown(Shutdown::Both);
    }
}
