//! What `sweep` needs, and `dev` where it has a key.

use std::num::NonZeroU32;
use std::time::Duration;

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_stripe::api::{ApiBase, ApiKey};
use trueup_stripe::limits::LONGEST_SINCE;

use super::serving::ServeConfig;
use super::targets::StoreTarget;
use crate::clock;
use crate::settings::{Faults, Merged, Reader, value};

/// Stripe's own.
const BASE: &str = "https://api.stripe.com";
/// The most requests per second: what Stripe grants an account in live mode.
const MAX_RATE: u32 = 100;

/// How Stripe is asked, in whichever process.
#[derive(Debug, Clone)]
pub struct SweepTarget {
    pub base: ApiBase,
    pub key: ApiKey,
    pub rate: NonZeroU32,
    pub every: Duration,
    pub full_every: Duration,
    pub probe_after: Duration,
    /// Where to begin, in Unix seconds.
    pub since: Option<UnixSeconds>,
}

impl SweepTarget {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.merged.get("stripe-api-key").is_none() {
            reader.missing("stripe-api-key");
        }
        // Too short is told once.
        let key = reader.secret("stripe-api-key").and_then(|_| {
            reader.optional("stripe-api-key", |key| {
                ApiKey::parse(key).map_err(|fault| fault.to_string())
            })
        });
        let parse = |text: &str| ApiBase::parse(text).map_err(|fault| fault.to_string());
        let base = if reader.merged.get("stripe-api-base").is_some() {
            reader.optional("stripe-api-base", parse)
        } else {
            parse(BASE).ok()
        };
        let rate = reader.required("stripe-api-rate", |text| {
            let rate = value::number(text, 1, MAX_RATE)?;
            Ok(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN))
        });
        let every = reader.required("sweep-every", value::duration);
        let full_every = reader.required("full-every", value::duration);
        let probe_after = reader.required("probe-after", value::duration);
        let now = clock::wall_clock();
        let since = reader.optional("since", |text| since(text, now));
        Some(Self {
            base: base?,
            key: key?,
            rate: rate?,
            every: every?,
            full_every: full_every?,
            probe_after: probe_after?,
            since,
        })
    }

    /// As [`SweepTarget::read`], `None` within where nobody gave a key.
    #[expect(
        clippy::option_option,
        reason = "nobody gave a key is not the same as a wrong one was given"
    )]
    pub fn read_if_keyed(reader: &mut Reader<'_>) -> Option<Option<Self>> {
        if reader.merged.get("stripe-api-key").is_none() {
            return Some(None);
        }
        Self::read(reader).map(Some)
    }
}

/// A time: so long ago, or RFC 3339; not before what Stripe lists, and not to come.
fn since(text: &str, now: UnixMillis) -> Result<UnixSeconds, String> {
    let help = "write how long ago, as 24h or 7d, or a time as 2026-01-31T00:00:00Z";
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.as_millisecond(),
        Err(_) => {
            let ago = humantime::parse_duration(text).map_err(|_| help.to_owned())?;
            now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
        }
    };
    let longest = i64::try_from(LONGEST_SINCE.as_millis()).unwrap_or(i64::MAX);
    if at > now {
        return Err(format!("a time to come; {help}"));
    }
    if at < now.saturating_sub(longest) {
        return Err("Stripe lists events of the last 30d only; write 30d at most".to_owned());
    }
    Ok(at.div_euclid(1_000))
}

#[derive(Debug)]
pub struct SweepConfig {
    pub serve: ServeConfig,
    /// `None`: cursors live as long as the process.
    pub store: Option<StoreTarget>,
    pub target: SweepTarget,
    pub once: bool,
    pub json: bool,
}

impl SweepConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let serve = ServeConfig::read(&mut reader);
        let store = if merged.get("scylla").is_some() {
            StoreTarget::read(&mut reader)
        } else {
            None
        };
        let target = SweepTarget::read(&mut reader);
        let once = reader.switch("once");
        let json = reader.switch("json");
        match (serve, target) {
            (Some(serve), Some(target)) if reader.faults.is_empty() => Ok(Self {
                serve,
                store,
                target,
                once,
                json,
            }),
            _ => Err(reader.faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_an_age_or_a_time_within_what_stripe_lists() {
        let now = 1_700_000_000_000;
        assert_eq!(since("1h", now), Ok(1_699_996_400));
        assert_eq!(since("30d", now), Ok(1_697_408_000));
        assert_eq!(since("2023-11-14T00:00:00Z", now), Ok(1_699_920_000));
        for wrong in [
            "",
            "soon",
            "31d",
            "2023-01-01T00:00:00Z",
            "2099-01-01T00:00:00Z",
            "-1h",
        ] {
            assert!(since(wrong, now).is_err(), "{wrong}");
        }
    }
}
