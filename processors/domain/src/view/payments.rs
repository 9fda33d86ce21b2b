//! The payments of an order, each told by the best there is: its own events, else a captured
//! charge, else a session.

use std::cmp::Reverse;

use crate::event::{PaymentStep, Subject};
use crate::ids::ObjectId;
use crate::join::{earliest, find};
use crate::ledger::{ChargeCell, Ledger, PaymentCell, SessionCell, SessionProgress};
use crate::money::MinorUnits;
use crate::view::{NamedBy, PaymentStatus, PaymentView};

/// Sorted by id.
pub(super) fn payments(ledger: &Ledger) -> Vec<PaymentView> {
    let mut payments: Vec<PaymentView> = ledger.payments.iter().map(of_payment).collect();
    for charge in &ledger.charges {
        // A charge that took no money says nothing of its payment.
        if charge.captured_at.is_some() {
            add_charge(&mut payments, ledger, charge);
        }
    }
    let mut sessions_alone: Vec<PaymentView> = Vec::new();
    for session in &ledger.sessions {
        let named = session.payment.as_ref();
        match named.and_then(|id| place_of(&payments, id).ok()) {
            Some(place) => {
                if let Some(payment) = payments.get_mut(place) {
                    attach(payment, ledger, session);
                }
            }
            None => add_session(&mut sessions_alone, ledger, session),
        }
    }
    if !sessions_alone.is_empty() {
        payments.append(&mut sessions_alone);
        payments.sort_by(|one, two| one.id.cmp(&two.id));
    }
    payments
}

/// Whether the payment has an event of its own or a captured charge: then its sessions
/// contribute nothing but their links and prices.
pub(super) fn speaks(ledger: &Ledger, id: &ObjectId) -> bool {
    find(&ledger.payments, id).is_some()
        || ledger
            .charges
            .iter()
            .any(|charge| charge.captured_at.is_some() && charge.payment.as_ref() == Some(id))
}

fn place_of(payments: &[PaymentView], id: &ObjectId) -> Result<usize, usize> {
    payments.binary_search_by(|payment| payment.id.cmp(id))
}

/// What a payment's latest step means, while it has not succeeded.
fn status_of(cell: &PaymentCell) -> PaymentStatus {
    if cell.succeeded_at.is_some() {
        return PaymentStatus::Succeeded;
    }
    match cell.latest.1.subject() {
        Subject::Payment(PaymentStep::Succeeded) => PaymentStatus::Succeeded,
        Subject::Payment(PaymentStep::Canceled) => PaymentStatus::Canceled,
        Subject::Payment(PaymentStep::Failed) => PaymentStatus::Failed,
        Subject::Payment(PaymentStep::Processing | PaymentStep::RequiresCapture) => {
            PaymentStatus::Processing
        }
        // The fold lets no other subject's event into a payment's cell.
        Subject::Payment(PaymentStep::Created | PaymentStep::RequiresAction)
        | Subject::Session(_)
        | Subject::Charge
        | Subject::FailedCharge
        | Subject::Refund
        | Subject::Dispute
        | Subject::Unlinked
        | Subject::Linked
        | Subject::ClaimedTwice => PaymentStatus::Pending,
    }
}

fn of_payment(cell: &PaymentCell) -> PaymentView {
    PaymentView {
        id: cell.id.clone(),
        named_by: NamedBy::Payment,
        session: None,
        status: status_of(cell),
        amount: cell.amount,
        received: cell.amount_received,
        currency: Some(cell.currency),
        first_seen: cell.first_seen,
        succeeded_at: cell.succeeded_at,
    }
}

/// A captured charge proves its payment's success; its amounts stand in for those that the
/// payment did not tell itself.
fn add_charge(payments: &mut Vec<PaymentView>, ledger: &Ledger, charge: &ChargeCell) {
    let id = charge.payment.as_ref().unwrap_or(&charge.id);
    let named_by = if charge.payment.is_some() {
        NamedBy::Payment
    } else {
        NamedBy::Charge
    };
    match place_of(payments, id) {
        Err(place) => payments.insert(
            place,
            PaymentView {
                id: id.clone(),
                named_by,
                session: None,
                status: PaymentStatus::Succeeded,
                amount: charge.amount,
                received: charge.amount_captured,
                currency: Some(charge.currency),
                first_seen: charge.first_seen,
                succeeded_at: charge.captured_at,
            },
        ),
        Ok(place) => {
            let Some(payment) = payments.get_mut(place) else {
                return;
            };
            let own = find(&ledger.payments, id);
            let told_received = own.is_some_and(|own| {
                own.succeeded_at.is_some() || own.amount_received > MinorUnits::ZERO
            });
            payment.status = PaymentStatus::Succeeded;
            payment.succeeded_at = earliest(payment.succeeded_at, charge.captured_at);
            payment.first_seen = payment.first_seen.min(charge.first_seen);
            // Money of another currency than the payment's cannot be compared with it.
            if payment.currency == Some(charge.currency) {
                if own.is_none() {
                    payment.amount = payment.amount.max(charge.amount);
                }
                if !told_received {
                    payment.received = payment.received.max(charge.amount_captured);
                }
            }
        }
    }
}

/// Of several sessions of one payment the one that came furthest is shown, then the earliest.
fn attach(payment: &mut PaymentView, ledger: &Ledger, session: &SessionCell) {
    let order = |cell: &SessionCell| (cell.progress, Reverse(cell.first_seen));
    let shown = payment
        .session
        .as_ref()
        .and_then(|shown| find(&ledger.sessions, shown));
    // Sessions come sorted by id, so a tie is the lesser id's.
    if shown.is_none_or(|shown| order(session) > order(shown)) {
        payment.session = Some(session.id.clone());
    }
}

/// A session whose payment is silent stands for it. One that asked for no payment is none.
fn add_session(payments: &mut Vec<PaymentView>, ledger: &Ledger, session: &SessionCell) {
    let Some(status) = (match session.progress {
        SessionProgress::Open => Some(PaymentStatus::Pending),
        SessionProgress::Expired => Some(PaymentStatus::Canceled),
        SessionProgress::CompletedUnpaid => Some(PaymentStatus::Processing),
        SessionProgress::AsyncPaymentFailed => Some(PaymentStatus::Failed),
        SessionProgress::NoPaymentRequired => None,
        SessionProgress::Paid => Some(PaymentStatus::Succeeded),
    }) else {
        return;
    };
    let id = session.payment.as_ref().unwrap_or(&session.id);
    let paid = session.paid_at.is_some();
    let told = PaymentView {
        id: id.clone(),
        named_by: if session.payment.is_some() {
            NamedBy::Payment
        } else {
            NamedBy::Session
        },
        session: Some(session.id.clone()),
        status,
        amount: session.amount_total,
        received: if paid {
            session.amount_total
        } else {
            MinorUnits::ZERO
        },
        currency: session.currency,
        first_seen: session.first_seen,
        succeeded_at: session.paid_at,
    };
    match place_of(payments, id) {
        Err(place) => payments.insert(place, told),
        Ok(place) => {
            if let Some(payment) = payments.get_mut(place) {
                merge_sessions(payment, ledger, session, told);
            }
        }
    }
}

/// Two sessions stand for one payment: the one that is shown tells its status and currency.
fn merge_sessions(
    payment: &mut PaymentView,
    ledger: &Ledger,
    session: &SessionCell,
    told: PaymentView,
) {
    let shown_before = payment.session.clone();
    attach(payment, ledger, session);
    let first_seen = payment.first_seen.min(told.first_seen);
    let succeeded_at = earliest(payment.succeeded_at, told.succeeded_at);
    if payment.session != shown_before {
        *payment = told;
    }
    payment.first_seen = first_seen;
    payment.succeeded_at = succeeded_at;
}
