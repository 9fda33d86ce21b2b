//! The linker as a part of a process, whichever command runs it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use trueup_linker::{LinkerSettings, Stopping};
use trueup_reconciler::StopFlag;
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;

use super::store::Stores;
use super::workers::Shown;
use crate::config::serving::Only;
use crate::config::{ServeConfig, WorkersConfig};
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;

/// What health says of the linker, where it runs.
pub fn component(board: HealthBoard, shown: &Shown) -> HealthBoard {
    if shown.only == Some(Only::Reconciler) {
        return board;
    }
    let linker = Arc::clone(&shown.linker);
    // A linker that waits for the store goes on by itself, so this does not take readiness away.
    board.component("linker", move || {
        let ready = linker.is_ready();
        Condition::new(linker.is_working(), ready).with("settled", ready)
    })
}

pub fn settings(serve: &ServeConfig, config: &WorkersConfig, codec: Codec) -> LinkerSettings {
    LinkerSettings {
        kafka: serve.kafka.client_properties(),
        topics: Topics::new(&serve.kafka.prefix),
        codec,
        keys: serve.signing_keys.clone(),
        instance_id: config.instance_id.clone(),
        unlinked_age: config.unlinked_age,
    }
}

/// Runs the linker until `flag`.
///
/// # Errors
/// A panic, which stops the others too.
pub fn run(
    settings: &LinkerSettings,
    stores: &Stores,
    shown: &Shown,
    flag: &StopFlag,
) -> Result<(), Failure> {
    let wait = |most: Duration| flag.wait(most);
    let is_stopped = || flag.is_stopped();
    let stopping = Stopping {
        is_stopped: &is_stopped,
        wait: &wait,
    };
    let linked = catch_unwind(AssertUnwindSafe(|| {
        trueup_linker::run(settings, stores.worker(), stopping, &shown.linker);
    }));
    flag.stop();
    linked.map_err(|_| {
        Failure::failed("the linker ended by a panic: report this, with the log above")
    })
}
