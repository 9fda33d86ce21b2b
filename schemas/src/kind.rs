//! Every record there is, and the schemas it is or was written with.

use std::sync::LazyLock;

use serde_avro_fast::Schema;

/// CRC-64-AVRO of a schema's canonical form, little-endian, as framed.
pub type Fingerprint = [u8; 8];

macro_rules! records {
    ($($variant:ident),+ $(,)?) => {
        /// A record of namespace `trueup.v1`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RecordKind { $($variant),+ }

        impl RecordKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The record's name in its schema.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// The schema it is written with, as JSON.
            #[must_use]
            pub fn schema_json(self) -> &'static str {
                match self {
                    $(Self::$variant => {
                        include_str!(concat!("../avro/", stringify!($variant), ".avsc"))
                    })+
                }
            }

            /// The schema it is written with, parsed once.
            pub(crate) fn schema(self) -> &'static Schema {
                match self {
                    $(Self::$variant => {
                        static SCHEMA: LazyLock<Schema> =
                            LazyLock::new(|| parse(RecordKind::$variant.schema_json()));
                        &SCHEMA
                    })+
                }
            }
        }
    };
}

records! {
    PaymentEvent,
    EventBody,
    PaymentLink,
    OrderSnapshot,
    OrderStatusChanged,
    GapSet,
    DeadLetter,
    ReconcileWindow,
    PartitionState,
    Ledger,
}

#[expect(
    clippy::expect_used,
    reason = "the schemas are part of the program; a test parses each"
)]
fn parse(json: &str) -> Schema {
    json.parse().expect("a schema of this crate parses")
}

impl RecordKind {
    #[must_use]
    pub fn fingerprint(self) -> Fingerprint {
        *self.schema().rabin_fingerprint()
    }

    /// The schema of this record with that fingerprint. A schema that was once written stays
    /// readable: when one changes, its former text joins [`Self::former`].
    pub(crate) fn written_with(self, fingerprint: Fingerprint) -> Option<&'static Schema> {
        let all = std::iter::once(self.schema()).chain(self.former());
        all.into_iter()
            .find(|schema| *schema.rabin_fingerprint() == fingerprint)
    }

    /// The schemas that former releases wrote it with, parsed once.
    fn former(self) -> &'static [Schema] {
        static PAYMENT_EVENT: LazyLock<[Schema; 1]> =
            LazyLock::new(|| [parse(include_str!("../avro/former/PaymentEvent.1.avsc"))]);
        static PARTITION_STATE: LazyLock<[Schema; 1]> =
            LazyLock::new(|| [parse(include_str!("../avro/former/PartitionState.1.avsc"))]);
        static GAP_SET: LazyLock<[Schema; 1]> =
            LazyLock::new(|| [parse(include_str!("../avro/former/GapSet.1.avsc"))]);
        static LEDGER: LazyLock<[Schema; 1]> =
            LazyLock::new(|| [parse(include_str!("../avro/former/Ledger.1.avsc"))]);
        match self {
            Self::PaymentEvent => &*PAYMENT_EVENT,
            Self::PartitionState => &*PARTITION_STATE,
            Self::GapSet => &*GAP_SET,
            Self::Ledger => &*LEDGER,
            Self::EventBody
            | Self::PaymentLink
            | Self::OrderSnapshot
            | Self::OrderStatusChanged
            | Self::DeadLetter
            | Self::ReconcileWindow => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_parses_and_is_named_after_its_file() {
        for kind in RecordKind::ALL {
            let json: serde_json::Value = serde_json::from_str(kind.schema().json()).unwrap();
            assert_eq!(json["name"], kind.name());
            assert_eq!(json["namespace"], "trueup.v1");
        }
    }

    #[test]
    fn fingerprints_are_those_of_the_specifications_canonical_form() {
        for kind in RecordKind::ALL {
            let schema = apache_avro::Schema::parse_str(kind.schema_json()).unwrap();
            // The reference library forgets its rule PRIMITIVES where a logical type was
            // stripped; Java, and so the rest of the world, does not.
            let canonical = schema
                .canonical_form()
                .replace(r#"{"type":"long"}"#, r#""long""#);
            let reference = crc_64_avro(canonical.as_bytes()).to_le_bytes();
            assert_eq!(reference, kind.fingerprint(), "{}", kind.name());
        }
    }

    /// As the specification writes it, bit by bit.
    fn crc_64_avro(canonical: &[u8]) -> u64 {
        const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
        canonical.iter().fold(EMPTY, |fingerprint, byte| {
            let mut entry = (fingerprint ^ u64::from(*byte)) & 0xff;
            for _ in 0..8 {
                entry = if entry & 1 == 1 {
                    (entry >> 1) ^ EMPTY
                } else {
                    entry >> 1
                };
            }
            (fingerprint >> 8) ^ entry
        })
    }

    #[test]
    fn no_two_records_share_a_fingerprint() {
        let mut all: Vec<Fingerprint> = RecordKind::ALL
            .iter()
            .map(|kind| kind.fingerprint())
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), RecordKind::ALL.len());
    }
}
