//! Totals of one window of one partition.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::UnixMillis;
use trueup_domain::money::Currency;
use trueup_domain::window::{MINUTE_MS, Minute, Stages, Totals};

use crate::fault::{BadField, DecodeFault};
use crate::kind::RecordKind;
use crate::records::Record;
use crate::wire::{self, List};

/// A value of `payments.windows`; its key is [`crate::keys::window`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileWindow {
    pub partition: i32,
    pub window_start: UnixMillis,
    pub width_ms: i64,
    /// Payments.
    pub succeeded: i64,
    pub reconciled: i64,
    pub in_gap: i64,
    /// Per currency: succeeded, reconciled and in gap, in minor units.
    pub amounts: Vec<(Currency, i64, i64, i64)>,
}

impl ReconcileWindow {
    /// The record of one minute.
    #[must_use]
    pub fn of(partition: i32, minute: Minute, totals: &Totals) -> Self {
        let amounts = totals.amounts().map(|(currency, stages)| {
            let [succeeded, reconciled, in_gap] = numbers(stages);
            (currency, succeeded, reconciled, in_gap)
        });
        let [succeeded, reconciled, in_gap] = numbers(totals.counts);
        Self {
            partition,
            window_start: minute.start_ms(),
            width_ms: MINUTE_MS,
            succeeded,
            reconciled,
            in_gap,
            amounts: amounts.collect(),
        }
    }

    /// The minute and its totals; `None` where the window is not one minute.
    #[must_use]
    pub fn totals(&self) -> Option<(Minute, Totals)> {
        let minute = Minute::of(self.window_start);
        if self.width_ms != MINUTE_MS || minute.start_ms() != self.window_start {
            return None;
        }
        let mut totals = Totals::ZERO;
        totals.counts = stages(self.succeeded, self.reconciled, self.in_gap);
        for (currency, succeeded, reconciled, in_gap) in &self.amounts {
            totals.add_amount(*currency, stages(*succeeded, *reconciled, *in_gap));
        }
        Some((minute, totals))
    }
}

/// Sums are kept within `long` before they are written.
fn numbers(stages: Stages) -> [i64; 3] {
    let Stages {
        succeeded,
        reconciled,
        in_gap,
    } = stages.within_long();
    [succeeded, reconciled, in_gap].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

fn stages(succeeded: i64, reconciled: i64, in_gap: i64) -> Stages {
    Stages {
        succeeded: succeeded.into(),
        reconciled: reconciled.into(),
        in_gap: in_gap.into(),
    }
}

type Amounts = (Currency, i64, i64, i64);

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    partition: i32,
    window_start: i64,
    width_ms: i64,
    succeeded: i64,
    reconciled: i64,
    in_gap: i64,
    #[serde(borrow)]
    amounts: List<'a, Amounts, AmountsMirror<'a>>,
}

#[derive(Serialize, Deserialize)]
struct AmountsMirror<'a> {
    currency: &'a str,
    succeeded: i64,
    reconciled: i64,
    in_gap: i64,
}

impl<'a> From<&'a Amounts> for AmountsMirror<'a> {
    fn from((currency, succeeded, reconciled, in_gap): &'a Amounts) -> Self {
        Self {
            currency: currency.as_str(),
            succeeded: *succeeded,
            reconciled: *reconciled,
            in_gap: *in_gap,
        }
    }
}

impl Record for ReconcileWindow {
    const KIND: RecordKind = RecordKind::ReconcileWindow;
    const USUAL_BYTES: usize = 64;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            partition: self.partition,
            window_start: self.window_start,
            width_ms: self.width_ms,
            succeeded: self.succeeded,
            reconciled: self.reconciled,
            in_gap: self.in_gap,
            amounts: List::Written(&self.amounts),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl TryFrom<Mirror<'_>> for ReconcileWindow {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        let amounts = mirror.amounts.convert(|row| {
            let currency =
                Currency::try_from(row.currency).map_err(BadField::named("amounts.currency"))?;
            Ok::<_, BadField>((currency, row.succeeded, row.reconciled, row.in_gap))
        })?;
        Ok(Self {
            partition: mirror.partition,
            window_start: mirror.window_start,
            width_ms: mirror.width_ms,
            succeeded: mirror.succeeded,
            reconciled: mirror.reconciled,
            in_gap: mirror.in_gap,
            amounts,
        })
    }
}
