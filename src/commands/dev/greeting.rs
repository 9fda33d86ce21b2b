//! What `dev` says once everything serves: what runs where, what to tell Stripe, what to try.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::data::DataDir;
use crate::config::DevConfig;

const DEFAULT_HTTP: &str = "127.0.0.1:8080";
const DEFAULT_OPS: &str = "127.0.0.1:8081";

#[derive(Debug)]
pub struct Greeting {
    pub http: Option<SocketAddr>,
    pub ops: Option<SocketAddr>,
    kafka: String,
    kafka_is_embedded: bool,
    status_topic: String,
    /// `None`: the embedded one.
    store: Option<String>,
    data_dir: PathBuf,
    /// Where the own webhook secret lies; `None` where the user gave his.
    secret: Option<PathBuf>,
}

impl Greeting {
    /// Before secrets are put in.
    pub fn new(config: &DevConfig, data: &DataDir, kafka_is_embedded: bool) -> Self {
        let own = config
            .gateway
            .endpoints
            .first()
            .is_none_or(|unnamed| unnamed.secrets.is_empty());
        let topics = trueup_schemas::topics::Topics::new(&config.kafka.prefix);
        Self {
            http: None,
            ops: None,
            kafka: config.kafka.hosts.join(","),
            kafka_is_embedded,
            status_topic: topics.orders_status(),
            store: config
                .store
                .as_ref()
                .map(|store| store.store.hosts.join(",")),
            data_dir: data.path.clone(),
            secret: own.then(|| data.webhook_secret_path()),
        }
    }

    pub fn text(&self) -> String {
        let http = shown(self.http, DEFAULT_HTTP);
        let ops = shown(self.ops, DEFAULT_OPS);
        let url = format!("http://{http}/webhooks/stripe");
        let whose = if self.kafka_is_embedded {
            "embedded: any Kafka client may connect"
        } else {
            "yours"
        };
        let store = match &self.store {
            Some(hosts) => format!("{hosts} (yours)"),
            None => self.data_dir.join("ledger.redb").display().to_string(),
        };
        let (secret, send) = match &self.secret {
            Some(path) => (
                format!(
                    "{} (made here; STRIPE_WEBHOOK_SECRET takes its place)",
                    path.display()
                ),
                format!(" --stripe-webhook-secret-file {}", path.display()),
            ),
            None => ("yours".to_owned(), String::new()),
        };
        let mut text = format!(
            "trueup is up: Stripe's webhooks in, orders and gaps out\n\
             \x20 gateway  {url}\n\
             \x20 kafka    {} ({whose})\n\
             \x20 ledger   {store}\n\
             \x20 ops      http://{ops}/ (metrics, health, API)\n\
             \x20 secret   {secret}\n",
            self.kafka
        );
        let _ = write!(
            text,
            "to hear from Stripe itself\n\
             \x20 CLI        start again with STRIPE_WEBHOOK_SECRET=$(stripe listen --print-secret),\n\
             \x20            then: stripe listen --forward-to {url}\n\
             \x20 Dashboard  an endpoint whose URL reaches {url} from outside; start again with the\n\
             \x20            secret that it shows as STRIPE_WEBHOOK_SECRET\n\
             to try next\n\
             \x20 trueup send event.json{send}{}\n\
             \x20 trueup order ORDER_ID{}\n\
             \x20 kcat -b {} -t {} -C -f '%k %T\\n'",
            flag("http", http.as_str(), DEFAULT_HTTP),
            flag("ops", ops.as_str(), DEFAULT_OPS),
            self.kafka,
            self.status_topic,
        );
        text
    }
}

fn shown(address: Option<SocketAddr>, default: &str) -> String {
    address.map_or_else(|| default.to_owned(), |address| address.to_string())
}

/// A flag, where it would not be the default.
fn flag(name: &str, value: &str, default: &str) -> String {
    if value == default {
        String::new()
    } else {
        format!(" --{name} {value}")
    }
}
