//! Between bytes and messages: frames with a limit, request headers, and replies.
//!
//! The only place beside `api` that names the protocol's types. Nothing here trusts a length.

mod frame;
mod reply;
mod request;
mod served;
mod shape;

pub(crate) use frame::{FrameFault, read_frame};
pub(crate) use reply::encode_reply;
pub(crate) use request::{RequestFault, decode_request};
pub(crate) use served::SERVED;
