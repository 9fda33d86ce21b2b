//! A broker on spoiled files starts and serves, or says what is wrong and does not start.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use trueup_broker::Broker;

use crate::recorded::{PATIENCE, broker, recorder, use_all};
use crate::spoil::{Random, rounds, spoil};

/// Every file of the broker with its bytes.
type Files = Vec<(PathBuf, Vec<u8>)>;

fn files(directory: &Path) -> Files {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path.strip_prefix(directory).unwrap().to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn lay_out(files: &[(PathBuf, Vec<u8>)], directory: &Path) {
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Starts on a thread of its own, so that a start that hangs is told from one that takes long.
fn started(directory: &Path) -> Result<Broker, String> {
    let (told, heard) = mpsc::sync_channel(1);
    let directory = directory.to_owned();
    thread::spawn(move || {
        let started = broker(&directory, None).map_err(|fault| fault.to_string());
        let _ = told.send(started);
    });
    match heard.recv_timeout(PATIENCE) {
        Ok(started) => started,
        Err(fault) => panic!("the start neither succeeds nor fails: {fault}"),
    }
}

/// Whether the broker answers each of these, or closes.
fn answers(address: SocketAddr, frames: &[Vec<u8>]) {
    for frame in frames {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], frame].concat()).unwrap();
        let mut answer = [0; 4];
        match stream.read_exact(&mut answer) {
            Ok(()) => {}
            Err(fault) => assert!(
                matches!(
                    fault.kind(),
                    std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset
                ),
                "no answer to API {}: {fault}",
                frame[1]
            ),
        }
    }
}

/// One question of each kind that reads; a fetch waits for records that do not come.
fn readers(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    // Fetch, ListOffsets, Metadata, OffsetFetch.
    let first = |key| frames.iter().find(|frame| frame[1] == key).cloned();
    [1, 2, 3, 9].into_iter().filter_map(first).collect()
}

/// Files of a broker that was used, with and without its last checkpoint, and what reads them.
fn prepared() -> ([Files; 2], Vec<Vec<u8>>) {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let through = listener.local_addr().unwrap();
    let used = broker(directory.path(), Some(through.port())).unwrap();
    let frames = recorder(listener, used.address());
    use_all(&through.to_string());
    used.crash();
    let killed = files(directory.path());
    started(directory.path()).unwrap().stop();
    let stopped = files(directory.path());
    let frames = readers(&frames.lock().unwrap());
    ([killed, stopped], frames)
}

#[test]
fn a_broker_on_spoiled_files_serves_or_refuses_and_never_hangs() {
    let (states, frames) = prepared();
    let mut random = Random::of("recovery");
    let (mut served, mut refused) = (0_u32, 0_u32);
    for round in 0..rounds(150) {
        let mut files = random.pick(&states).clone();
        let victim = random.below(files.len());
        let other = files[random.below(files.len())].1.clone();
        let (name, bytes) = &mut files[victim];
        let name = name.display().to_string();
        if random.below(16) == 0 {
            files.remove(victim);
        } else {
            spoil(&mut random, bytes, &other);
        }
        let directory = tempfile::tempdir().unwrap();
        lay_out(&files, directory.path());
        match started(directory.path()) {
            Ok(broker) => {
                served += 1;
                answers(broker.address(), &frames);
                broker.stop();
                // What it wrote itself it reads again.
                let again = started(directory.path());
                let again = again.unwrap_or_else(|fault| panic!("round {round}, {name}: {fault}"));
                again.stop();
            }
            Err(fault) => {
                refused += 1;
                assert!(fault.len() > 10, "round {round}, {name}: `{fault}`");
            }
        }
    }
    assert!(
        served > 0 && refused > 0,
        "{served} served, {refused} refused"
    );
}

#[test]
fn a_journal_cut_anywhere_is_recovered_to_what_was_whole() {
    let (states, frames) = prepared();
    let is_journal = |path: &Path| path.starts_with("journal");
    let mut random = Random::of("cut");
    for _ in 0..rounds(60) {
        let mut files = states[0].clone();
        let journal = files
            .iter_mut()
            .filter(|(path, _)| is_journal(path))
            .max_by_key(|(path, _)| path.clone());
        let (_, bytes) = journal.unwrap();
        // Its header is synced before anything relies on the file.
        let header = 32.min(bytes.len());
        let kept = header + random.below(bytes.len() - header);
        bytes.truncate(kept);
        let directory = tempfile::tempdir().unwrap();
        lay_out(&files, directory.path());
        let broker = started(directory.path()).unwrap();
        answers(broker.address(), &frames);
        broker.stop();
    }
}
