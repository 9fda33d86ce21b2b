//! Plain HTTP, and the metrics that come by it.

use serde_json::Value;
use trueup_testkit::wait_until;

use super::LIMIT;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Asks `http://address/path`; every status is an answer.
pub(crate) fn ask(method: &str, address: &str, path: &str, token: Option<&str>) -> Answer {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(LIMIT))
        .build()
        .new_agent();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = agent.run(request.body(()).unwrap()).unwrap();
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}

pub(crate) fn get(address: &str, path: &str) -> Answer {
    ask("GET", address, path, None)
}

/// The value of one series, labels as they are written.
pub(crate) fn metric(address: &str, series: &str) -> Option<f64> {
    let text = get(address, "/metrics").body;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

/// Waits until a series has this value.
pub(crate) fn metric_becomes(address: &str, series: &str, value: f64) {
    let reached = wait_until(LIMIT, || {
        metric(address, series).filter(|held| (held - value).abs() < f64::EPSILON)
    });
    let held = || get(address, "/metrics").body;
    assert!(reached.is_some(), "{series} is not {value}:\n{}", held());
}
