//! Reads one event of a table:
//!
//! ```text
//! payment_intent.*    ID AMOUNT CURRENCY [received=N]      received: all of it on success
//! checkout.session.*  ID AMOUNT CURRENCY PAYMENT_STATUS [payment=ID]
//! charge.*            ID AMOUNT CURRENCY [captured=N] [refunded=N] [payment=ID]
//! refund.*            ID AMOUNT CURRENCY STATUS [charge=ID] [payment=ID]
//! charge.dispute.*    ID AMOUNT CURRENCY STATUS [charge=ID] [payment=ID]
//! shop                STATUS AMOUNT CURRENCY version=N
//! ```
//! `id=EVENT` names the event, `-` is a currency that is not told.

use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts, PaymentFacts, PaymentStep,
    RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus, SessionStep,
    Snapshot, SnapshotStatus, Subject,
};
use trueup_domain::ids::{EventId, ObjectId};
use trueup_domain::money::{Currency, MinorUnits};

pub(crate) enum Said {
    Event(Event),
    Snapshot(Snapshot),
}

/// The words of a line, taken one after the other, and its `key=value` pairs.
struct Words<'a> {
    words: Vec<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let (pairs, mut words): (Vec<&str>, Vec<&str>) =
            line.split_whitespace().partition(|word| word.contains('='));
        words.reverse();
        Self {
            words,
            pairs: pairs
                .iter()
                .map(|pair| pair.split_once('=').unwrap())
                .collect(),
        }
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.words
            .pop()
            .ok_or_else(|| "a word is missing".to_owned())
    }

    fn amount(&mut self) -> Result<MinorUnits, String> {
        units(self.word()?)
    }

    fn currency(&mut self) -> Result<Option<Currency>, String> {
        match self.word()? {
            "-" => Ok(None),
            code => Currency::try_from(code)
                .map(Some)
                .map_err(|fault| format!("{code}: {fault}")),
        }
    }

    fn pair(&mut self, key: &str) -> Option<&'a str> {
        let place = self.pairs.iter().position(|(name, _)| *name == key)?;
        Some(self.pairs.remove(place).1)
    }

    fn units(&mut self, key: &str) -> Result<Option<MinorUnits>, String> {
        self.pair(key).map(units).transpose()
    }

    fn object(&mut self, key: &str) -> Option<ObjectId> {
        self.pair(key).map(object)
    }

    fn done(&self) -> Result<(), String> {
        if self.words.is_empty() && self.pairs.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "{:?} and {:?} say nothing here",
                self.words, self.pairs
            ))
        }
    }
}

fn units(text: &str) -> Result<MinorUnits, String> {
    let units: i64 = text.parse().map_err(|_| format!("`{text}` is no amount"))?;
    MinorUnits::try_from(units).map_err(|fault| fault.to_string())
}

fn object(id: &str) -> ObjectId {
    ObjectId::try_from(id).unwrap()
}

pub(crate) fn said(id: &str, at_s: i64, line: &str) -> Result<Said, String> {
    let mut words = Words::of(line);
    let name = words.word()?;
    let said = if name == "shop" {
        Said::Snapshot(snapshot(&mut words, at_s)?)
    } else {
        let kind = EventType::from_name(name).ok_or_else(|| format!("no type `{name}`"))?;
        let id = EventId::try_from(words.pair("id").unwrap_or(id)).unwrap();
        let facts = facts(kind, &mut words)?;
        Said::Event(Event {
            id,
            kind,
            created: at_s,
            livemode: Some(false),
            facts,
        })
    };
    words.done()?;
    Ok(said)
}

fn facts(kind: EventType, words: &mut Words<'_>) -> Result<Facts, String> {
    let id = object(words.word()?);
    let amount = words.amount()?;
    let told_currency = words.currency()?;
    let currency = || told_currency.ok_or_else(|| "a currency is missing".to_owned());
    let payment = words.object("payment");
    Ok(match kind.subject() {
        Subject::Payment(step) => {
            let all = step == PaymentStep::Succeeded;
            let told = words.units("received")?;
            let amount_received = told.unwrap_or(if all { amount } else { MinorUnits::ZERO });
            Facts::Payment(PaymentFacts {
                id,
                amount,
                amount_received,
                currency: currency()?,
            })
        }
        Subject::Session(step) => Facts::Session(SessionFacts {
            id,
            payment,
            amount_total: amount,
            currency: told_currency,
            payment_status: match words.word()? {
                "paid" => SessionPaymentStatus::Paid,
                "unpaid" => SessionPaymentStatus::Unpaid,
                "no_payment_required" => SessionPaymentStatus::NoPaymentRequired,
                other => return Err(format!("no payment status `{other}`")),
            },
            status: match step {
                SessionStep::Expired => SessionStatus::Expired,
                SessionStep::Completed
                | SessionStep::AsyncPaymentSucceeded
                | SessionStep::AsyncPaymentFailed => SessionStatus::Complete,
            },
        }),
        Subject::Charge | Subject::FailedCharge => {
            let captured = words.units("captured")?;
            Facts::Charge(ChargeFacts {
                id,
                payment,
                amount,
                amount_captured: captured.unwrap_or(MinorUnits::ZERO),
                amount_refunded: words.units("refunded")?.unwrap_or(MinorUnits::ZERO),
                currency: currency()?,
                captured: captured.is_some(),
            })
        }
        Subject::Refund => Facts::Refund(RefundFacts {
            id,
            charge: words.object("charge"),
            payment,
            amount,
            currency: currency()?,
            status: match words.word()? {
                "pending" => RefundStatus::Pending,
                "requires_action" => RefundStatus::RequiresAction,
                "succeeded" => RefundStatus::Succeeded,
                "canceled" => RefundStatus::Canceled,
                "failed" => RefundStatus::Failed,
                other => return Err(format!("no refund status `{other}`")),
            },
        }),
        Subject::Unlinked | Subject::Linked | Subject::ClaimedTwice => {
            return Err("what the linker says has no line here".to_owned());
        }
        Subject::Dispute => Facts::Dispute(DisputeFacts {
            id,
            charge: words.object("charge"),
            payment,
            amount,
            currency: currency()?,
            status: match words.word()? {
                "needs_response" => DisputeStatus::NeedsResponse,
                "under_review" => DisputeStatus::UnderReview,
                "won" => DisputeStatus::Won,
                "lost" => DisputeStatus::Lost,
                "prevented" => DisputeStatus::Prevented,
                warning if warning.starts_with("warning_") => DisputeStatus::Warning,
                other => return Err(format!("no dispute status `{other}`")),
            },
        }),
    })
}

fn snapshot(words: &mut Words<'_>, at_s: i64) -> Result<Snapshot, String> {
    Ok(Snapshot {
        status: match words.word()? {
            "pending" => SnapshotStatus::Pending,
            "paid" => SnapshotStatus::Paid,
            "canceled" => SnapshotStatus::Canceled,
            "refunded" => SnapshotStatus::Refunded,
            other => return Err(format!("no status `{other}`")),
        },
        amount_due: words.amount()?,
        currency: words
            .currency()?
            .ok_or_else(|| "a currency is missing".to_owned())?,
        version: words
            .pair("version")
            .and_then(|version| version.parse().ok())
            .unwrap_or(1),
        updated_at: at_s * 1000,
    })
}
