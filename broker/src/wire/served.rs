//! What this broker serves: each API with its versions, and the shape of its requests.
//!
//! The shapes say only what [`super::shape`] needs to walk a request before it is decoded. A
//! request's tagged fields are none of ours: brokers send those that we know to each other.

use kafka_protocol::messages::ApiKey;

use super::shape::Field;
use super::shape::Kind::{Data, Fixed, Fixeds, Structs, Text, Texts};

/// One API as this broker speaks it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) key: ApiKey,
    pub(crate) oldest: i16,
    pub(crate) newest: i16,
    /// From this version on lengths are compact and every structure ends with tagged fields.
    pub(crate) flexible_since: i16,
    pub(crate) fields: &'static [Field],
}

/// The API of `key`, if this broker serves it at all.
pub(crate) fn served(key: i16) -> Option<&'static Served> {
    SERVED.iter().find(|served| served.key as i16 == key)
}

const fn always(kind: super::shape::Kind) -> Field {
    only(0, i16::MAX, kind)
}

const fn since(version: i16, kind: super::shape::Kind) -> Field {
    only(version, i16::MAX, kind)
}

const fn only(oldest: i16, newest: i16, kind: super::shape::Kind) -> Field {
    Field {
        oldest,
        newest,
        kind,
    }
}

/// Versions beyond `newest` are held back where they would promise what is not here: topic ids in
/// Produce and offsets, and the second transaction protocol, which ends by bumping the epoch.
pub(crate) const SERVED: &[Served] = &[
    Served {
        key: ApiKey::Produce,
        oldest: 3,
        newest: 11,
        flexible_since: 9,
        fields: &[
            always(Text),
            always(Fixed(2)),
            always(Fixed(4)),
            always(Structs(&[
                only(3, 12, Text),
                since(13, Fixed(16)),
                always(Structs(&[always(Fixed(4)), always(Data)])),
            ])),
        ],
    },
    Served {
        key: ApiKey::Fetch,
        oldest: 4,
        newest: 16,
        flexible_since: 12,
        fields: &[
            only(4, 14, Fixed(4)),
            always(Fixed(4)),
            always(Fixed(4)),
            always(Fixed(4)),
            always(Fixed(1)),
            since(7, Fixed(4)),
            since(7, Fixed(4)),
            always(Structs(&[
                only(4, 12, Text),
                since(13, Fixed(16)),
                always(Structs(&[
                    always(Fixed(4)),
                    since(9, Fixed(4)),
                    always(Fixed(8)),
                    since(12, Fixed(4)),
                    since(5, Fixed(8)),
                    always(Fixed(4)),
                ])),
            ])),
            since(
                7,
                Structs(&[only(7, 12, Text), since(13, Fixed(16)), since(7, Fixeds(4))]),
            ),
            since(11, Text),
        ],
    },
    Served {
        key: ApiKey::ListOffsets,
        oldest: 1,
        newest: 8,
        flexible_since: 6,
        fields: &[
            always(Fixed(4)),
            since(2, Fixed(1)),
            always(Structs(&[
                always(Text),
                always(Structs(&[
                    always(Fixed(4)),
                    since(4, Fixed(4)),
                    always(Fixed(8)),
                ])),
            ])),
            since(10, Fixed(4)),
        ],
    },
    Served {
        key: ApiKey::Metadata,
        oldest: 0,
        newest: 12,
        flexible_since: 9,
        fields: &[
            always(Structs(&[since(10, Fixed(16)), always(Text)])),
            since(4, Fixed(1)),
            only(8, 10, Fixed(1)),
            since(8, Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::OffsetCommit,
        oldest: 2,
        newest: 9,
        flexible_since: 8,
        fields: &[
            always(Text),
            always(Fixed(4)),
            always(Text),
            since(7, Text),
            only(2, 4, Fixed(8)),
            always(Structs(&[
                always(Text),
                always(Structs(&[
                    always(Fixed(4)),
                    always(Fixed(8)),
                    since(6, Fixed(4)),
                    always(Text),
                ])),
            ])),
        ],
    },
    Served {
        key: ApiKey::OffsetFetch,
        oldest: 1,
        newest: 9,
        flexible_since: 6,
        fields: &[
            only(1, 7, Text),
            only(1, 7, Structs(&[only(1, 7, Text), only(1, 7, Fixeds(4))])),
            since(
                8,
                Structs(&[
                    since(8, Text),
                    since(9, Text),
                    since(9, Fixed(4)),
                    since(8, Structs(&[since(8, Text), since(8, Fixeds(4))])),
                ]),
            ),
            since(7, Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::FindCoordinator,
        oldest: 0,
        newest: 4,
        flexible_since: 3,
        fields: &[only(0, 3, Text), since(1, Fixed(1)), since(4, Texts)],
    },
    Served {
        key: ApiKey::JoinGroup,
        oldest: 0,
        newest: 9,
        flexible_since: 6,
        fields: &[
            always(Text),
            always(Fixed(4)),
            since(1, Fixed(4)),
            always(Text),
            since(5, Text),
            always(Text),
            always(Structs(&[always(Text), always(Data)])),
            since(8, Text),
        ],
    },
    Served {
        key: ApiKey::Heartbeat,
        oldest: 0,
        newest: 4,
        flexible_since: 4,
        fields: &[always(Text), always(Fixed(4)), always(Text), since(3, Text)],
    },
    Served {
        key: ApiKey::LeaveGroup,
        oldest: 0,
        newest: 5,
        flexible_since: 4,
        fields: &[
            always(Text),
            only(0, 2, Text),
            since(
                3,
                Structs(&[since(3, Text), since(3, Text), since(5, Text)]),
            ),
        ],
    },
    Served {
        key: ApiKey::SyncGroup,
        oldest: 0,
        newest: 5,
        flexible_since: 4,
        fields: &[
            always(Text),
            always(Fixed(4)),
            always(Text),
            since(3, Text),
            since(5, Text),
            since(5, Text),
            always(Structs(&[always(Text), always(Data)])),
        ],
    },
    Served {
        key: ApiKey::DescribeGroups,
        oldest: 0,
        newest: 6,
        flexible_since: 5,
        fields: &[always(Texts), since(3, Fixed(1))],
    },
    Served {
        key: ApiKey::ListGroups,
        oldest: 0,
        newest: 5,
        flexible_since: 3,
        fields: &[since(4, Texts), since(5, Texts)],
    },
    Served {
        key: ApiKey::ApiVersions,
        oldest: 0,
        newest: 4,
        flexible_since: 3,
        fields: &[since(3, Text), since(3, Text)],
    },
    Served {
        key: ApiKey::CreateTopics,
        oldest: 2,
        newest: 7,
        flexible_since: 5,
        fields: &[
            always(Structs(&[
                always(Text),
                always(Fixed(4)),
                always(Fixed(2)),
                always(Structs(&[always(Fixed(4)), always(Fixeds(4))])),
                always(Structs(&[always(Text), always(Text)])),
            ])),
            always(Fixed(4)),
            always(Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::DeleteTopics,
        oldest: 1,
        newest: 6,
        flexible_since: 4,
        fields: &[
            since(6, Structs(&[since(6, Text), since(6, Fixed(16))])),
            only(1, 5, Texts),
            always(Fixed(4)),
        ],
    },
    Served {
        key: ApiKey::DeleteRecords,
        oldest: 0,
        newest: 2,
        flexible_since: 2,
        fields: &[
            always(Structs(&[
                always(Text),
                always(Structs(&[always(Fixed(4)), always(Fixed(8))])),
            ])),
            always(Fixed(4)),
        ],
    },
    Served {
        key: ApiKey::InitProducerId,
        oldest: 0,
        newest: 5,
        flexible_since: 2,
        fields: &[
            always(Text),
            always(Fixed(4)),
            since(3, Fixed(8)),
            since(3, Fixed(2)),
        ],
    },
    Served {
        key: ApiKey::OffsetForLeaderEpoch,
        oldest: 2,
        newest: 4,
        flexible_since: 4,
        fields: &[
            since(3, Fixed(4)),
            always(Structs(&[
                always(Text),
                always(Structs(&[
                    always(Fixed(4)),
                    always(Fixed(4)),
                    always(Fixed(4)),
                ])),
            ])),
        ],
    },
    Served {
        key: ApiKey::AddPartitionsToTxn,
        oldest: 0,
        newest: 3,
        flexible_since: 3,
        fields: &[
            since(
                4,
                Structs(&[
                    since(4, Text),
                    since(4, Fixed(8)),
                    since(4, Fixed(2)),
                    since(4, Fixed(1)),
                    since(4, Structs(&[always(Text), always(Fixeds(4))])),
                ]),
            ),
            only(0, 3, Text),
            only(0, 3, Fixed(8)),
            only(0, 3, Fixed(2)),
            only(0, 3, Structs(&[always(Text), always(Fixeds(4))])),
        ],
    },
    Served {
        key: ApiKey::AddOffsetsToTxn,
        oldest: 0,
        newest: 3,
        flexible_since: 3,
        fields: &[
            always(Text),
            always(Fixed(8)),
            always(Fixed(2)),
            always(Text),
        ],
    },
    Served {
        key: ApiKey::EndTxn,
        oldest: 0,
        newest: 4,
        flexible_since: 3,
        fields: &[
            always(Text),
            always(Fixed(8)),
            always(Fixed(2)),
            always(Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::TxnOffsetCommit,
        oldest: 0,
        newest: 4,
        flexible_since: 3,
        fields: &[
            always(Text),
            always(Text),
            always(Fixed(8)),
            always(Fixed(2)),
            since(3, Fixed(4)),
            since(3, Text),
            since(3, Text),
            always(Structs(&[
                always(Text),
                always(Structs(&[
                    always(Fixed(4)),
                    always(Fixed(8)),
                    since(2, Fixed(4)),
                    always(Text),
                ])),
            ])),
        ],
    },
    Served {
        key: ApiKey::DescribeConfigs,
        oldest: 1,
        newest: 4,
        flexible_since: 4,
        fields: &[
            always(Structs(&[always(Fixed(1)), always(Text), always(Texts)])),
            always(Fixed(1)),
            since(3, Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::CreatePartitions,
        oldest: 0,
        newest: 3,
        flexible_since: 2,
        fields: &[
            always(Structs(&[
                always(Text),
                always(Fixed(4)),
                always(Structs(&[always(Fixeds(4))])),
            ])),
            always(Fixed(4)),
            always(Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::DeleteGroups,
        oldest: 0,
        newest: 2,
        flexible_since: 2,
        fields: &[always(Texts)],
    },
    Served {
        key: ApiKey::IncrementalAlterConfigs,
        oldest: 0,
        newest: 1,
        flexible_since: 1,
        fields: &[
            always(Structs(&[
                always(Fixed(1)),
                always(Text),
                always(Structs(&[always(Text), always(Fixed(1)), always(Text)])),
            ])),
            always(Fixed(1)),
        ],
    },
    Served {
        key: ApiKey::OffsetDelete,
        oldest: 0,
        newest: 0,
        flexible_since: i16::MAX,
        fields: &[
            always(Text),
            always(Structs(&[
                always(Text),
                always(Structs(&[always(Fixed(4))])),
            ])),
        ],
    },
    Served {
        key: ApiKey::DescribeCluster,
        oldest: 0,
        newest: 1,
        flexible_since: 0,
        fields: &[always(Fixed(1)), since(1, Fixed(1)), since(2, Fixed(1))],
    },
    Served {
        key: ApiKey::DescribeProducers,
        oldest: 0,
        newest: 0,
        flexible_since: 0,
        fields: &[always(Structs(&[always(Text), always(Fixeds(4))]))],
    },
    Served {
        key: ApiKey::DescribeTransactions,
        oldest: 0,
        newest: 0,
        flexible_since: 0,
        fields: &[always(Texts)],
    },
    Served {
        key: ApiKey::ListTransactions,
        oldest: 0,
        newest: 1,
        flexible_since: 0,
        fields: &[
            always(Texts),
            always(Fixeds(8)),
            since(1, Fixed(8)),
            since(2, Text),
        ],
    },
    Served {
        key: ApiKey::AlterConfigs,
        oldest: 0,
        newest: 2,
        flexible_since: 2,
        fields: &[
            always(Structs(&[
                always(Fixed(1)),
                always(Text),
                always(Structs(&[always(Text), always(Text)])),
            ])),
            always(Fixed(1)),
        ],
    },
];
