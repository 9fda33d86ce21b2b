//! The digest of facts: tells a repetition from a conflict. Must stay stable: ledgers hold it.
//!
//! SHA-256 over a length-prefixed, field by field form, of which the first 16 bytes are kept.

use sha2::{Digest, Sha256};

use crate::event::{
    DisputeStatus, Event, Facts, RefundStatus, SessionPaymentStatus, SessionStatus, Snapshot,
    SnapshotStatus,
};
use crate::ids::ObjectId;
use crate::ledger::FactsDigest;
use crate::money::{Currency, MinorUnits};

/// Digest of an event's type, `created`, livemode and facts; the event's id is not part of it.
#[must_use]
pub fn of_event(event: &Event) -> FactsDigest {
    let mut form = Form::default();
    form.text(event.kind.as_str());
    form.number(event.created);
    form.byte(match event.livemode {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    });
    form.facts(&event.facts);
    form.finish()
}

/// Digest of a snapshot without its version.
#[must_use]
pub fn of_snapshot(snapshot: &Snapshot) -> FactsDigest {
    let mut form = Form::default();
    form.byte(match snapshot.status {
        SnapshotStatus::Pending => 0,
        SnapshotStatus::Paid => 1,
        SnapshotStatus::Canceled => 2,
        SnapshotStatus::Refunded => 3,
    });
    form.amount(snapshot.amount_due);
    form.text(snapshot.currency.as_str());
    form.number(snapshot.updated_at);
    form.finish()
}

#[derive(Default)]
struct Form(Sha256);

impl Form {
    fn byte(&mut self, byte: u8) {
        self.0.update([byte]);
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn amount(&mut self, amount: MinorUnits) {
        self.number(amount.get());
    }

    fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn maybe(&mut self, id: Option<&ObjectId>) {
        self.byte(u8::from(id.is_some()));
        self.text(id.map_or("", ObjectId::as_str));
    }

    fn maybe_currency(&mut self, currency: Option<&Currency>) {
        self.byte(u8::from(currency.is_some()));
        self.text(currency.map_or("", Currency::as_str));
    }

    fn facts(&mut self, facts: &Facts) {
        match facts {
            Facts::Payment(payment) => {
                self.byte(0);
                self.text(payment.id.as_str());
                self.amount(payment.amount);
                self.amount(payment.amount_received);
                self.text(payment.currency.as_str());
            }
            Facts::Session(session) => {
                self.byte(1);
                self.text(session.id.as_str());
                self.maybe(session.payment.as_ref());
                self.amount(session.amount_total);
                self.maybe_currency(session.currency.as_ref());
                self.byte(match session.payment_status {
                    SessionPaymentStatus::Unpaid => 0,
                    SessionPaymentStatus::Paid => 1,
                    SessionPaymentStatus::NoPaymentRequired => 2,
                });
                self.byte(match session.status {
                    SessionStatus::Open => 0,
                    SessionStatus::Expired => 1,
                    SessionStatus::Complete => 2,
                });
            }
            Facts::Charge(charge) => {
                self.byte(2);
                self.text(charge.id.as_str());
                self.maybe(charge.payment.as_ref());
                self.amount(charge.amount);
                self.amount(charge.amount_captured);
                self.amount(charge.amount_refunded);
                self.text(charge.currency.as_str());
                self.byte(u8::from(charge.captured));
            }
            Facts::Refund(refund) => {
                self.byte(3);
                self.text(refund.id.as_str());
                self.maybe(refund.charge.as_ref());
                self.maybe(refund.payment.as_ref());
                self.amount(refund.amount);
                self.text(refund.currency.as_str());
                self.byte(match refund.status {
                    RefundStatus::Pending => 0,
                    RefundStatus::RequiresAction => 1,
                    RefundStatus::Succeeded => 2,
                    RefundStatus::Canceled => 3,
                    RefundStatus::Failed => 4,
                });
            }
            Facts::Dispute(dispute) => {
                self.byte(4);
                self.text(dispute.id.as_str());
                self.maybe(dispute.charge.as_ref());
                self.maybe(dispute.payment.as_ref());
                self.amount(dispute.amount);
                self.text(dispute.currency.as_str());
                self.byte(match dispute.status {
                    DisputeStatus::Warning => 0,
                    DisputeStatus::Prevented => 1,
                    DisputeStatus::NeedsResponse => 2,
                    DisputeStatus::UnderReview => 3,
                    DisputeStatus::Won => 4,
                    DisputeStatus::Lost => 5,
                });
            }
            Facts::Unlinked(unlinked) => {
                self.byte(5);
                self.text(unlinked.id.as_str());
                self.byte(u8::from(unlinked.success.is_some()));
                if let Some(success) = unlinked.success {
                    self.amount(success.amount);
                    self.text(success.currency.as_str());
                }
                self.number(unlinked.since);
            }
            Facts::Linked(linked) => {
                self.byte(6);
                self.text(linked.id.as_str());
                self.text(linked.order.as_str());
            }
            Facts::ClaimedTwice(claim) => {
                self.byte(7);
                self.text(claim.payment.as_str());
                self.text(claim.other.as_str());
            }
        }
    }

    fn finish(self) -> FactsDigest {
        let full: [u8; 32] = self.0.finalize().into();
        let mut digest = FactsDigest::default();
        digest
            .iter_mut()
            .zip(full)
            .for_each(|(kept, byte)| *kept = byte);
        digest
    }
}
