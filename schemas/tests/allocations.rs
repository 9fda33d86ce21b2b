//! A length in hostile bytes is a claim: memory is taken for what is there, not for the claim.
//!
//! A process of its own, for the allocator counts what all its threads take.

use peak_alloc::PeakAlloc;
use trueup_domain::ledger::Ledger;
use trueup_schemas::codec::Codec;
use trueup_schemas::limits::MAX_DATUM_BYTES;
use trueup_schemas::records::{
    DeadLetter, EventBody, GapSetRecord, OrderSnapshotRecord, OrderStatusChanged, PartitionState,
    PaymentEvent, PaymentLink, ReconcileWindow, Record,
};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const LIMIT_BYTES: usize = 8 * 1024 * 1024;

fn peak_of<R: Record>(datum: &[u8]) -> usize {
    let value = Codec::SingleObject.frame::<R>(datum);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    assert!(
        Codec::SingleObject.decode::<R>(&value).is_err(),
        "hostile bytes were read"
    );
    HEAP.peak_usage().saturating_sub(before)
}

/// Zigzag and base 128, as Avro writes a `long`.
fn long(number: i64) -> Vec<u8> {
    let mut rest = u64::from_ne_bytes(((number << 1) ^ (number >> 63)).to_ne_bytes());
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn claims() -> Vec<Vec<u8>> {
    let mut claims = Vec::new();
    for length in [
        1 << 20,
        1 << 31,
        1 << 40,
        i64::MAX,
        -1,
        -(1 << 40),
        i64::MIN,
    ] {
        for prefix in 0..24 {
            // Zeroes are empty strings, absent fields and first choices: they lead to any field.
            let mut claim = vec![0; prefix];
            claim.extend(long(length));
            claim.extend(long(length));
            claim.resize(claim.len() + 64, 0);
            claims.push(claim);
        }
    }
    // Lists of as many items as the bytes can hold.
    for items in [4000, 100_000, 2_000_000] {
        for prefix in 0..24 {
            let mut claim = vec![0; prefix];
            claim.extend(long(items));
            claim.resize(2 * 1024 * 1024, 0);
            claims.push(claim);
        }
    }
    // Lists of many blocks of one item, which no single length gives away.
    for prefix in 0..24 {
        let mut claim = vec![0; prefix];
        while claim.len() < 2 * 1024 * 1024 {
            claim.extend([2, 0, 0]);
        }
        claims.push(claim);
    }
    claims.push(vec![0xff; 64]);
    claims.push(vec![0; MAX_DATUM_BYTES + 1]);
    claims
}

fn check<R: Record>(claims: &[Vec<u8>]) {
    for claim in claims {
        let peak = peak_of::<R>(claim);
        let start = &claim[..claim.len().min(40)];
        assert!(
            peak < LIMIT_BYTES,
            "{} took {peak} bytes for {start:02x?}",
            R::KIND.name()
        );
    }
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let claims = claims();
    check::<PaymentEvent>(&claims);
    check::<EventBody>(&claims);
    check::<PaymentLink>(&claims);
    check::<OrderSnapshotRecord>(&claims);
    check::<OrderStatusChanged>(&claims);
    check::<GapSetRecord>(&claims);
    check::<DeadLetter>(&claims);
    check::<ReconcileWindow>(&claims);
    check::<PartitionState>(&claims);
    check::<Ledger>(&claims);
}
