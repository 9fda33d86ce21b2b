//! The ops listener: metrics, health, info, and the API that reads orders and events.

pub mod limits;

pub mod server;

pub mod routes;

pub mod health;

pub mod reply;

pub mod path;

mod query;

pub use health::HealthBoard;
pub use routes::Ops;
