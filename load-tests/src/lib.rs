//! A lively shop in a box: a seeded stream of Stripe events and order snapshots, a sender that
//! delivers them as Stripe would, an oracle that says what must come out, and runs that kill
//! everything in between. None of it knows the engine's code.

pub mod audit;
pub mod chaos;
pub mod civil;
pub mod clock;
pub mod dev;
pub mod drain;
pub mod fixtures;
pub mod gap_log;
pub mod gaps;
pub mod gauges;
pub mod generate;
pub mod instance;
pub mod kafka;
pub mod letters;
pub mod one_order;
pub mod oracle;
pub mod random;
pub mod render;
pub mod restart;
pub mod rivals;
pub mod scenario;
pub mod scrape;
pub mod sender;
pub mod signature;
pub mod snapshots;
pub mod status_log;
pub mod story;

mod avro;
mod checkout;
mod rest;
mod returns;
mod shop;
mod site;
mod teller;
mod traffic;
mod usage;
mod webhook;
