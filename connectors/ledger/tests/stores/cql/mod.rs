//! The CQL store, on a real node.

mod conforms;
mod support;
