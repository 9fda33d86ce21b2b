//! Ledgers for the tests, made by hand so that they hold every kind of cell.

use trueup_domain::event::{DisputeStatus, EventType, RefundStatus, SnapshotStatus, Success};
use trueup_domain::ledger::{
    ChargeCell, ClaimCell, DisputeCell, LatestSnapshot, Ledger, PaymentCell, RefundCell, SeenEvent,
    SessionCell, SessionProgress, Snapshots, Stamp, UnlinkedCell,
};

use super::{CREATED, RECEIVED_AT, Samples, currency, event_id, money, object, order};

fn stamp(event: &str, rank: u8) -> Stamp {
    Stamp {
        created: CREATED,
        rank,
        event: event_id(event),
        digest: [rank; 16],
    }
}

fn seen(id: &str, kind: EventType, offset: i64) -> SeenEvent {
    SeenEvent {
        id: event_id(id),
        digest: *b"0123456789abcdef",
        kind,
        created: CREATED,
        offset,
    }
}

/// An order of the usual size: created, processing, charged, succeeded, and its snapshot.
pub(crate) fn typical() -> Ledger {
    Ledger {
        events: vec![
            seen("evt_3QbKd2Eo1Za", EventType::PaymentIntentCreated, 100_001),
            seen(
                "evt_3QbKd2Eo1Zb",
                EventType::PaymentIntentProcessing,
                100_017,
            ),
            seen("evt_3QbKd2Eo1Zc", EventType::ChargeSucceeded, 100_020),
            seen(
                "evt_3QbKd2Eo1Zd",
                EventType::PaymentIntentSucceeded,
                100_019,
            ),
        ],
        payments: vec![PaymentCell {
            id: object("pi_3QbKd2Eo1Z"),
            latest: (
                stamp("evt_3QbKd2Eo1Zd", 7),
                EventType::PaymentIntentSucceeded,
            ),
            first_seen: CREATED - 60,
            succeeded_at: Some(CREATED),
            amount: money(4200),
            amount_received: money(4150),
            currency: currency("eur"),
        }],
        charges: vec![ChargeCell {
            id: object("ch_3QbKd2Eo1Z"),
            payment: Some(object("pi_3QbKd2Eo1Z")),
            latest: stamp("evt_3QbKd2Eo1Zc", 0),
            first_seen: CREATED - 1,
            captured_at: Some(CREATED),
            amount: money(4200),
            amount_captured: money(4150),
            amount_refunded: money(50),
            currency: currency("eur"),
        }],
        snapshots: Snapshots {
            kept: vec![(1, [1; 16]), (2, [2; 16])],
            seen: 2,
            latest: Some(LatestSnapshot {
                version: 2,
                digest: [2; 16],
                status: SnapshotStatus::Paid,
                amount_due: money(4200),
                currency: currency("eur"),
                updated_at: RECEIVED_AT,
            }),
        },
        livemode: Some(true),
        ..Ledger::default()
    }
}

fn every_cell() -> Ledger {
    let session = SessionCell {
        id: object("cs_live_a1"),
        payment: Some(object("pi_3QbKd2Eo1Z")),
        progress: SessionProgress::Paid,
        first_seen: CREATED - 90,
        paid_at: Some(CREATED),
        latest: stamp("evt_s", 3),
        amount_total: money(4200),
        currency: Some(currency("eur")),
    };
    let expired = SessionCell {
        id: object("cs_live_a2"),
        payment: None,
        progress: SessionProgress::Expired,
        paid_at: None,
        currency: None,
        ..session.clone()
    };
    let refund = RefundCell {
        id: object("re_1"),
        charge: Some(object("ch_3QbKd2Eo1Z")),
        payment: None,
        latest: (stamp("evt_r", 2), RefundStatus::Succeeded),
        amount: money(50),
        currency: currency("eur"),
    };
    let dispute = DisputeCell {
        id: object("dp_1"),
        charge: None,
        payment: Some(object("pi_3QbKd2Eo1Z")),
        latest: Some((stamp("evt_d", 2), DisputeStatus::NeedsResponse)),
        closed: Some((stamp("evt_e", 5), DisputeStatus::Lost)),
        amount: money(4200),
        currency: currency("eur"),
    };
    let quiet = DisputeCell {
        id: object("dp_2"),
        latest: None,
        closed: None,
        ..dispute.clone()
    };
    Ledger {
        sessions: vec![session, expired],
        refunds: vec![refund],
        disputes: vec![dispute, quiet],
        livemode: Some(false),
        ..typical()
    }
}

/// What the linker said: one object over age and found, one over age with a success, and a
/// payment that two orders claim.
fn every_link() -> Ledger {
    let found = UnlinkedCell {
        id: object("pi_3QbKd2Eo1Y"),
        since: Some(RECEIVED_AT),
        success: None,
        found: true,
    };
    let waiting = UnlinkedCell {
        id: object("pi_3QbKd2Eo1Z"),
        since: Some(RECEIVED_AT),
        success: Some(Success {
            amount: money(4200),
            currency: currency("eur"),
        }),
        found: false,
    };
    let claim = ClaimCell {
        id: object("pi_3QbKd2Eo1Z"),
        other: order("order-1002"),
    };
    Ledger {
        unlinked: vec![found, waiting],
        claims: vec![claim],
        ..Ledger::default()
    }
}

impl Samples for Ledger {
    fn samples() -> Vec<Self> {
        vec![typical(), every_cell(), Self::default(), every_link()]
    }
}
