//! How `order` and `event` find their answer: in the stores, or from a running process.

use std::io::Read;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::serving;
use super::store::Stores;
use crate::clock;
use crate::config::tools::Asked;
use crate::config::{self, OpsTarget};
use crate::failure::Failure;
use crate::lookup::{Lookup, LookupFault};
use crate::ops::path;

/// How long a running process may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The most an answer may hold, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// The answer as JSON; `None` when the id is not known.
pub fn find<T: Serialize>(
    asked: Asked,
    collection: &str,
    id: &str,
    look: fn(&Lookup, &str) -> Result<Option<T>, LookupFault>,
) -> Result<Option<Value>, Failure> {
    match asked {
        Asked::Stores(named) => {
            let config::tools::Stores {
                kafka,
                store,
                signing_keys,
            } = *named;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            let index = Stores::connect(runtime.handle(), &store)?.index();
            let codec = serving::codec(&kafka)?;
            let lookup = Lookup::new(index, &kafka, codec, signing_keys, clock::wall_clock);
            let found = look(&lookup, id).map_err(Failure::failed)?;
            found
                .map(serde_json::to_value)
                .transpose()
                .map_err(Failure::failed)
        }
        Asked::Ops(target) => over_http(&target, &format!("{collection}/{}", path::encode(id))),
    }
}

/// What the API answers under `asked`; `None` when it says that there is no such thing.
pub fn over_http(target: &OpsTarget, asked: &str) -> Result<Option<Value>, Failure> {
    let url = format!("http://{}/api/v1/{asked}", target.address);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(ANSWER_TIMEOUT))
        .build()
        .new_agent();
    let mut request = agent.get(&url);
    if let Some(token) = &target.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = request.call().map_err(|fault| {
        Failure::failed(format!(
            "the ops listener {} does not answer: {fault}; give --kafka and --scylla to read those, \
             or the --ops of a running `trueup dev` or `trueup process`",
            target.address
        ))
    })?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    response
        .into_body()
        .into_reader()
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut body)?;
    let answer: Value = serde_json::from_slice(&body).map_err(|_| {
        Failure::failed(format!("{} answered {status}, and no JSON", target.address))
    })?;
    let code = answer.pointer("/error/code").and_then(Value::as_str);
    match (status, code) {
        (200, _) => Ok(Some(answer)),
        (404, Some("not_found")) => Ok(None),
        _ => {
            let message = answer
                .pointer("/error/message")
                .and_then(Value::as_str)
                .unwrap_or("no reason given");
            Err(Failure::failed(format!(
                "{} answered {status}: {message}",
                target.address
            )))
        }
    }
}

/// Text for people, of a field that may be missing.
pub fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The members of a list field.
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}
