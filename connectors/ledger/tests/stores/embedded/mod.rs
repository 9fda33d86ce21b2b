//! The embedded store, on a real file.

mod conforms;
mod files;
mod killing;
mod support;
