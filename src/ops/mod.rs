//! The ops listener: metrics, health, info, and the API that reads orders and events.

pub mod limits;

pub mod server;

pub mod routes;

mod letters;

mod query;

pub mod health;

pub mod reply;

pub mod path;

pub use health::HealthBoard;
pub use routes::Ops;
