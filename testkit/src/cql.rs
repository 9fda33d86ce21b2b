//! As much of CQL's native protocol, version 4, as tells whether a node answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::limits::ANSWER;

const OPTIONS: [u8; 9] = [0x04, 0, 0, 0, 0x05, 0, 0, 0, 0];
const ANSWER_OF_SERVER: u8 = 0x84;
const SUPPORTED: u8 = 0x06;

/// Whether a node answers `OPTIONS` with `SUPPORTED`.
pub(crate) fn answers(address: &str) -> bool {
    address
        .parse()
        .is_ok_and(|address| ask(address).unwrap_or(false))
}

fn ask(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect_timeout(&address, ANSWER)?;
    connection.set_read_timeout(Some(ANSWER))?;
    connection.set_write_timeout(Some(ANSWER))?;
    connection.write_all(&OPTIONS)?;
    let mut head = [0; 9];
    connection.read_exact(&mut head)?;
    let [version, _, _, _, opcode, ..] = head;
    Ok(version == ANSWER_OF_SERVER && opcode == SUPPORTED)
}
