//! A client of the Confluent schema registry: registers our schemas, learns the ids of all.
//!
//! It blocks; it runs at start and in `topics apply`, never per record. Compatibility levels
//! are the operator's: the registry refuses what breaks them, and we say so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use ureq::Agent;

use crate::codec::{SubjectIds, UnusableSchema};
use crate::fault::reason;
use crate::kind::RecordKind;
use crate::limits::{MAX_REGISTRY_BODY_BYTES, MAX_SUBJECT_VERSIONS, REGISTRY_TIMEOUT};
use crate::topics::Topics;

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// One registry, by its address.
pub struct Registry {
    agent: Agent,
    /// Without credentials and without a slash at the end.
    base: String,
    authorization: Option<String>,
}

/// Why the registry could not be used. No message holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryFault {
    #[error("schema registry address is not `http://[user:password@]host[:port][/path]`")]
    BadAddress,
    #[error(
        "schema registry address has scheme `https`, which this build does not speak; use \
         `http`, by a local proxy that ends TLS where the network is not trusted"
    )]
    NoTls,
    #[error("schema registry `{base}` cannot be reached: {reason}")]
    Unreachable { base: String, reason: String },
    #[error("schema registry `{base}` refused our credentials; set them in its address")]
    Unauthorized { base: String },
    #[error(
        "subject `{subject}`: the registry refused our schema as incompatible with those it \
         has: {reason}"
    )]
    Incompatible { subject: String, reason: String },
    #[error("subject `{subject}` does not hold our schema; run `trueup topics apply`")]
    NotRegistered { subject: String },
    #[error("schema registry answered {status} for subject `{subject}`: {reason}")]
    Refused {
        subject: String,
        status: u16,
        reason: String,
    },
    #[error("schema registry answered what it should not for subject `{subject}`: {reason}")]
    BadAnswer { subject: String, reason: String },
    #[error("subject `{subject}`: {fault}")]
    Unusable {
        subject: String,
        fault: UnusableSchema,
    },
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Version {
    id: u32,
    schema: String,
    #[serde(default, rename = "schemaType")]
    schema_type: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The subjects of `topics` and the record each holds.
///
/// The state record shares its topic with the windows and so has a subject of its own, named
/// after topic and record; readers find any schema by its id.
#[must_use]
pub fn subjects(topics: &Topics) -> Vec<(String, RecordKind)> {
    let mut subjects: Vec<(String, RecordKind)> = topics
        .specs(1, 1)
        .into_iter()
        .filter_map(|spec| Some((format!("{}-value", spec.name), spec.record?)))
        .collect();
    let state = RecordKind::PartitionState;
    subjects.push((
        format!("{}-trueup.v1.{}", topics.payments_windows(), state.name()),
        state,
    ));
    subjects
}

impl Registry {
    /// `url` is `http://[user:password@]host[:port][/path]`; nothing is sent yet.
    ///
    /// # Errors
    /// [`RegistryFault::BadAddress`] and [`RegistryFault::NoTls`].
    pub fn new(url: &str) -> Result<Self, RegistryFault> {
        let (scheme, rest) = url
            .trim()
            .split_once("://")
            .ok_or(RegistryFault::BadAddress)?;
        match scheme {
            "http" => {}
            "https" => return Err(RegistryFault::NoTls),
            _ => return Err(RegistryFault::BadAddress),
        }
        let (authority, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !plain(host) || !plain(path) || path.contains(['?', '#']) {
            return Err(RegistryFault::BadAddress);
        }
        let authorization = credentials.map(basic).transpose()?;
        let agent = Agent::config_builder()
            .timeout_global(Some(REGISTRY_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self {
            agent: agent.into(),
            base: format!("http://{host}{}", path.trim_end_matches('/')),
            authorization,
        })
    }

    /// Registers every schema of `topics` where it is missing, and learns all ids.
    ///
    /// # Errors
    /// [`RegistryFault`]; what was registered before the fault stays, and a second call goes on.
    pub fn register_all(&self, topics: &Topics) -> Result<SubjectIds, RegistryFault> {
        self.collect(topics, |subject, kind| self.register(subject, kind))
    }

    /// Learns the ids of every subject of `topics`; registers nothing.
    ///
    /// # Errors
    /// [`RegistryFault`], above all [`RegistryFault::NotRegistered`].
    pub fn fetch(&self, topics: &Topics) -> Result<SubjectIds, RegistryFault> {
        self.collect(topics, |subject, kind| self.look_up(subject, kind))
    }

    fn collect(
        &self,
        topics: &Topics,
        id_of: impl Fn(&str, RecordKind) -> Result<u32, RegistryFault>,
    ) -> Result<SubjectIds, RegistryFault> {
        let mut ids = SubjectIds::default();
        for (subject, kind) in subjects(topics) {
            let unusable = |fault| RegistryFault::Unusable {
                subject: subject.clone(),
                fault,
            };
            let id = id_of(&subject, kind)?;
            ids.insert_written(kind, id).map_err(unusable)?;
            for version in self.versions(&subject)? {
                ids.insert_read(kind, version.id, &version.schema)
                    .map_err(unusable)?;
            }
        }
        Ok(ids)
    }

    fn register(&self, subject: &str, kind: RecordKind) -> Result<u32, RegistryFault> {
        let answer = self.post(&format!("/subjects/{}/versions", escape(subject)), kind)?;
        match answer.status {
            409 => Err(RegistryFault::Incompatible {
                subject: subject.to_owned(),
                reason: answer.message(),
            }),
            _ => answer
                .json::<Registered>(subject)
                .map(|registered| registered.id),
        }
    }

    fn look_up(&self, subject: &str, kind: RecordKind) -> Result<u32, RegistryFault> {
        let answer = self.post(&format!("/subjects/{}", escape(subject)), kind)?;
        match answer.status {
            404 => Err(RegistryFault::NotRegistered {
                subject: subject.to_owned(),
            }),
            _ => answer
                .json::<Registered>(subject)
                .map(|registered| registered.id),
        }
    }

    /// The newest versions of a subject: its values may have been written with any of them.
    fn versions(&self, subject: &str) -> Result<Vec<Version>, RegistryFault> {
        let path = format!("/subjects/{}/versions", escape(subject));
        let mut numbers: Vec<u32> = self.get(&path)?.json(subject)?;
        numbers.sort_unstable();
        let oldest = numbers.len().saturating_sub(MAX_SUBJECT_VERSIONS);
        let mut versions = Vec::new();
        for number in numbers.iter().skip(oldest) {
            let version: Version = self.get(&format!("{path}/{number}"))?.json(subject)?;
            if version.schema_type.as_deref().unwrap_or("AVRO") == "AVRO" {
                versions.push(version);
            }
        }
        Ok(versions)
    }

    fn post(&self, path: &str, kind: RecordKind) -> Result<Answer, RegistryFault> {
        let body = serde_json::json!({ "schemaType": "AVRO", "schema": kind.schema_json() });
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Accept", CONTENT_TYPE)
            .header("Content-Type", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.read(request.send(body.to_string()))
    }

    fn get(&self, path: &str) -> Result<Answer, RegistryFault> {
        let mut request = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("Accept", CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        self.read(request.call())
    }

    fn read(
        &self,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, RegistryFault> {
        let unreachable = |error: ureq::Error| RegistryFault::Unreachable {
            base: self.base.clone(),
            reason: reason(&error),
        };
        let mut response = response.map_err(unreachable)?;
        let status = response.status().as_u16();
        if matches!(status, 401 | 403) {
            return Err(RegistryFault::Unauthorized {
                base: self.base.clone(),
            });
        }
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_REGISTRY_BODY_BYTES)
            .read_to_vec()
            .map_err(unreachable)?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    fn json<T: DeserializeOwned>(&self, subject: &str) -> Result<T, RegistryFault> {
        let subject = subject.to_owned();
        if self.status != 200 {
            let reason = self.message();
            return Err(RegistryFault::Refused {
                subject,
                status: self.status,
                reason,
            });
        }
        serde_json::from_slice(&self.body).map_err(|error| RegistryFault::BadAnswer {
            subject,
            reason: reason(&error),
        })
    }

    /// The registry's own words, where it has some.
    fn message(&self) -> String {
        serde_json::from_slice::<Refusal>(&self.body).map_or_else(
            |_| "no reason given".to_owned(),
            |refusal| reason(&refusal.message),
        )
    }
}

/// `user:password`, percent-encoded where it stood in an address.
fn basic(credentials: &str) -> Result<String, RegistryFault> {
    let mut plain = Vec::with_capacity(credentials.len());
    let mut bytes = credentials.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
            let mut decoded = [0_u8; 1];
            hex::decode_to_slice(digits, &mut decoded).map_err(|_| RegistryFault::BadAddress)?;
            plain.extend_from_slice(&decoded);
        } else {
            plain.push(byte);
        }
    }
    Ok(format!("Basic {}", STANDARD.encode(plain)))
}

/// A subject as part of a path: a topic's prefix may hold anything.
fn escape(subject: &str) -> String {
    let mut escaped = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&hex::encode_upper([byte]));
        }
    }
    escaped
}
