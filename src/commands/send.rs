//! `send FILE…`: signs Stripe event JSON with the secret and posts it, as Stripe would.
//!
//! The bytes go as they are in the file: a signature is over bytes, and so is every test of it.

use std::io::Read;

use trueup_stripe::secret::Secret;

use crate::config::SendConfig;
use crate::failure::Failure;
use crate::output;
use crate::sender::{Delivery, Sender};

/// The most one file may hold, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

pub fn run(config: &SendConfig, files: &[String]) -> Result<(), Failure> {
    let secret = Secret::new(&config.secret).map_err(Failure::failed)?;
    let sender = Sender::new(config.http, secret);
    let mut refused = 0_usize;
    for file in files {
        for (source, body) in bodies(file)? {
            let delivery = sender.post(source, &body);
            refused += usize::from(!delivery.is_accepted());
            report(&delivery, config.json)?;
        }
    }
    if refused == 0 {
        Ok(())
    } else {
        Err(Failure::failed(format!("{refused} not accepted")))
    }
}

/// The events of a file, each with its place: one document, or one on each line.
fn bodies(file: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let content = read(file).map_err(|fault| Failure::failed(format!("{file}: {fault}")))?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(&content).is_ok() {
        return Ok(vec![(file.to_owned(), content)]);
    }
    let lines = content
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii());
    let lines: Vec<_> = (1_usize..)
        .zip(lines)
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| (format!("{file}:{number}"), line.to_vec()))
        .collect();
    // A document of several lines that is broken would go out in shreds.
    let broken = lines
        .iter()
        .find(|(_, line)| serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err());
    match broken {
        Some((place, _)) => Err(Failure::failed(format!(
            "{place} is not JSON; write one event, or one event on each line"
        ))),
        None => Ok(lines),
    }
}

fn read(file: &str) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if file == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut content)?;
    } else {
        std::fs::File::open(file)?
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut content)?;
    }
    Ok(content)
}

fn report(delivery: &Delivery, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(output::json(delivery)?);
    }
    let status = delivery
        .status
        .map_or_else(|| "---".to_owned(), |status| status.to_string());
    let id = delivery.id.as_deref().unwrap_or("-");
    let why = if delivery.is_accepted() {
        String::new()
    } else {
        format!("  {}", delivery.reason())
    };
    Ok(output::line(&format!(
        "{status} {id}  {}{why}",
        delivery.source
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, content: &str) -> Result<Vec<String>, Failure> {
        let path = std::env::temp_dir().join(format!("trueup-send-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        let read = bodies(path.to_str().unwrap());
        std::fs::remove_file(&path).unwrap();
        Ok(read?
            .into_iter()
            .map(|(_, body)| String::from_utf8(body).unwrap())
            .collect())
    }

    #[test]
    fn a_document_goes_out_byte_for_byte() {
        let pretty = "{\n  \"id\": \"evt_1\"\n}\n";
        assert_eq!(of("one", pretty).unwrap(), [pretty]);
    }

    #[test]
    fn each_line_of_a_jsonl_file_is_an_event() {
        assert_eq!(
            of("lines", "{\"id\":1}\n\n{\"id\":2}\r\n").unwrap(),
            ["{\"id\":1}", "{\"id\":2}"]
        );
    }

    #[test]
    fn a_broken_document_is_refused_before_anything_is_sent() {
        assert!(
            of("broken", "{\n \"id\": 1,\n")
                .unwrap_err()
                .to_string()
                .contains(":1 is not JSON")
        );
    }
}
