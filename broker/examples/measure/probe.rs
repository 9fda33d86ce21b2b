//! The first answer of a server that starts: ApiVersions, then Metadata that names a broker.
//! By hand, since a client library would wait between its tries.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::Outcome;
use crate::limits::{ANSWER, LOOK_AGAIN, START_PATIENCE};

/// More than either answer has.
const ANSWER_BYTES_MAX: u32 = 1024 * 1024;
/// Version 0, and a client without a name.
const API_VERSIONS: &[u8] = &[0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
/// Version 4, no topics (an empty list of them), none to be created.
const METADATA: &[u8] = &[0, 3, 0, 4, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0, 0];

/// Waits until the server has answered both.
pub(crate) fn answered(address: SocketAddr) -> Outcome<()> {
    let end = Instant::now() + START_PATIENCE;
    while Instant::now() < end {
        // It refuses, closes or knows no broker until it is up.
        if matches!(ask(address), Ok(true)) {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(format!("{address} did not answer within {START_PATIENCE:?}").into())
}

fn ask(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let versions = exchange(&mut stream, API_VERSIONS)?;
    if versions.get(4..6) != Some(&[0, 0]) {
        return Ok(false);
    }
    let metadata = exchange(&mut stream, METADATA)?;
    // Correlation, throttle time, and the number of brokers.
    let brokers = metadata.get(8..12).and_then(|count| count.try_into().ok());
    Ok(brokers.is_some_and(|count| i32::from_be_bytes(count) > 0))
}

fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(request.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), request].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > ANSWER_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
