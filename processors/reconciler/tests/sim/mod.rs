//! A cluster and a store in memory, with everything that may go wrong between them and a worker:
//! markers that land late, requests that outlive their producer, groups that move on, writes that
//! land after their writer is gone. One seed is one history, word for word.

pub mod aged_windows;
pub mod client;
pub mod cluster;
pub mod foreign;
pub mod frozen_timer;
pub mod hanging;
pub mod harness;
pub mod judge;
pub mod late_end;
pub mod random;
pub mod renamed;
pub mod shop;
pub mod store;
pub mod windows;
