//! Waits until nothing moves any more: no lag, and the gauges where the oracle wants it.

use std::time::{Duration, Instant};

use crate::audit::Fault;
use crate::gauges::Gauges;
use crate::kafka::{self, ReadFault};
use crate::traffic::about;

/// How long the system may take to come to rest after the last delivery.
const LONGEST: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What was seen last.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) gauge: Option<Gauges>,
    pub(crate) settled: Duration,
    /// It did not come to rest.
    pub(crate) fault: Option<Fault>,
}

/// Waits until the groups have read `topics` to their ends, and the gauges show `expected`.
pub(crate) fn wait(
    bootstrap: &str,
    topics: &[String],
    expected: &Gauges,
    deadline: Instant,
    gauge: &mut dyn FnMut() -> Option<Gauges>,
) -> Rest {
    let started = Instant::now();
    loop {
        let behind = behind(bootstrap, topics);
        let gauge = gauge();
        let settled = started.elapsed();
        let fault = if matches!(behind, Ok(0)) && gauge.as_ref() == Some(expected) {
            None
        } else if Instant::now() > deadline || settled > LONGEST {
            let evidence = format!(
                "lag {behind:?} records; gauge {gauge:?}, by the oracle {expected}; waited {settled:?}"
            );
            Some(about("run", "did not come to rest", evidence))
        } else {
            std::thread::sleep(LOOK_AGAIN);
            continue;
        };
        return Rest {
            gauge,
            settled,
            fault,
        };
    }
}

/// Records that the processors have not consumed; a broker under load may not answer at once.
fn behind(bootstrap: &str, topics: &[String]) -> Result<i64, ReadFault> {
    let mut behind = 0;
    for topic in topics {
        behind += kafka::lags(bootstrap, topic)?
            .iter()
            .map(|lag| lag.records)
            .sum::<i64>();
    }
    Ok(behind)
}
