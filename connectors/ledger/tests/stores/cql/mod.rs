//! The CQL store, on a real node.

mod conforms;
mod connecting;
mod crashes;
mod dropping;
mod proxy;
mod rows;
mod schema;
mod support;
