//! `gaps`: the open gaps, oldest first; once, or again and again.

mod screen;

mod table;

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Runtime;
use trueup_reconciler::StopFlag;

use self::screen::Screen;
use super::{ask, serving};
use crate::clock;
use crate::config::OpsTarget;
use crate::config::gaps::{GapsConfig, GapsFrom};
use crate::failure::Failure;
use crate::lookup::answer::rfc3339;
use crate::ops::path;
use crate::output;
use crate::shutdown::{self, Stop};
use crate::summary::{Followed, Follower, GapQuery};

/// Where pages come from.
enum Source {
    Topic(Follower),
    Ops(OpsTarget),
}

pub fn run(config: GapsConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let (stopper, stop) = shutdown::pair();
    let flag = StopFlag::default();
    let (signalled, flagged) = (stop.clone(), flag.clone());
    runtime.block_on(async { shutdown::on_signals(stopper) })?;
    runtime.spawn(async move {
        signalled.wait().await;
        flagged.stop();
    });
    let outcome = show(config, &runtime, &stop, &flag);
    flag.stop();
    // A question that is under way is not waited for.
    runtime.shutdown_background();
    outcome
}

fn show(
    config: GapsConfig,
    runtime: &Runtime,
    stop: &Stop,
    flag: &StopFlag,
) -> Result<(), Failure> {
    let source = match config.from {
        GapsFrom::Ops(target) => Source::Ops(target),
        GapsFrom::Kafka(kafka) => {
            let codec = serving::codec(&kafka)?;
            let needed = [Followed::Gaps];
            let follower = Follower::start(&kafka, &codec, flag, &needed)?;
            if !follower
                .await_read(&needed, flag)
                .map_err(Failure::Failed)?
            {
                return Ok(());
            }
            Source::Topic(follower)
        }
    };
    let source = Arc::new(source);
    let asking = Asking {
        source: Arc::clone(&source),
        query: config.query,
        runtime,
        stop,
    };
    let Some(first) = asking.page().transpose()? else {
        return Ok(());
    };
    if source.leaves_gaps_out() {
        output::say("more gaps are open than are kept: some are not listed");
    }
    match config.watch {
        None if config.json => Ok(output::json(&first)?),
        None => Ok(output::line(&once(&first))?),
        Some(every) => asking.watch(first, every, config.json),
    }
}

impl Source {
    fn page(&self, query: &GapQuery) -> Result<Value, Failure> {
        match self {
            Self::Topic(follower) => {
                let page = follower
                    .gaps(query, clock::wall_clock())
                    .map_err(Failure::failed)?;
                serde_json::to_value(page).map_err(Failure::failed)
            }
            Self::Ops(target) => {
                let mut asked = format!("gaps?limit={}", query.limit);
                for kind in &query.kinds {
                    asked.push_str("&kind=");
                    asked.push_str(kind.as_str());
                }
                if let Some(after) = &query.after {
                    asked.push_str("&cursor=");
                    asked.push_str(&path::encode(&after.cursor()));
                }
                let answer = ask::over_http(target, &asked)?;
                answer.ok_or_else(|| {
                    let address = target.address;
                    Failure::failed(format!("{address} lists no gaps; is it an older release?"))
                })
            }
        }
    }

    fn leaves_gaps_out(&self) -> bool {
        match self {
            Self::Topic(follower) => follower.leaves_gaps_out(),
            Self::Ops(_) => false,
        }
    }
}

/// Asks for pages without keeping a stop waiting.
struct Asking<'a> {
    source: Arc<Source>,
    query: GapQuery,
    runtime: &'a Runtime,
    stop: &'a Stop,
}

impl Asking<'_> {
    /// A page; `None` when asked to stop meanwhile.
    fn page(&self) -> Option<Result<Value, Failure>> {
        let (source, query) = (Arc::clone(&self.source), self.query.clone());
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.clone().wait() => None,
                page = tokio::task::spawn_blocking(move || source.page(&query)) => {
                    Some(page.unwrap_or_else(|fault| Err(Failure::failed(fault))))
                }
            }
        })
    }

    /// Shows page after page until the stop, or until nobody reads. A process that goes away and
    /// comes back is waited for: what is shown says that it is old.
    fn watch(
        &self,
        first: Value,
        every: std::time::Duration,
        as_json: bool,
    ) -> Result<(), Failure> {
        let mut screen = Screen::new();
        let mut last = (clock::wall_clock(), first);
        let mut fault: Option<Failure> = None;
        loop {
            let read = if as_json {
                match &fault {
                    None => Screen::line(&last.1.to_string())?,
                    Some(fault) => {
                        output::say(&fault.to_string());
                        true
                    }
                }
            } else {
                screen.show(&block(&last.1, last.0, fault.as_ref()))?
            };
            if !read || self.stops_within(every) {
                return Ok(());
            }
            match self.page() {
                None => return Ok(()),
                Some(Ok(page)) => (last, fault) = ((clock::wall_clock(), page), None),
                Some(Err(told)) => fault = Some(told),
            }
        }
    }

    fn stops_within(&self, time: std::time::Duration) -> bool {
        self.runtime.block_on(async {
            tokio::time::timeout(time, self.stop.clone().wait())
                .await
                .is_ok()
        })
    }
}

/// A page that is shown once.
fn once(page: &Value) -> String {
    let mut lines = Vec::new();
    if !ask::list(page, "items").is_empty() {
        lines = table::rows(page);
    }
    lines.push(table::sums(page));
    if let Some(next) = page.get("next").and_then(Value::as_str) {
        lines.push(format!("the next: --cursor {next}"));
    }
    lines.join("\n")
}

/// A page that is shown again and again: the sums first, since the rows may not all fit.
fn block(page: &Value, at: i64, fault: Option<&Failure>) -> Vec<String> {
    let mut lines = vec![format!("{}  {}", rfc3339(at), table::sums(page))];
    if let Some(fault) = fault {
        lines.push(format!("not current: {fault}"));
    }
    if !ask::list(page, "items").is_empty() {
        lines.extend(table::rows(page));
    }
    lines
}
