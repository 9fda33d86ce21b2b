//! The protocol's error codes. The numbers are the protocol's and never change.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What an answer says went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> i16 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// The code that has this number, if it is one this broker uses.
            #[must_use]
            pub const fn of(number: i16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    UnknownServerError = -1,
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    InvalidFetchSize = 4,
    LeaderNotAvailable = 5,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    BrokerNotAvailable = 8,
    ReplicaNotAvailable = 9,
    MessageTooLarge = 10,
    OffsetMetadataTooLarge = 12,
    NetworkException = 13,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    NotCoordinator = 16,
    InvalidTopic = 17,
    RecordListTooLarge = 18,
    NotEnoughReplicas = 19,
    NotEnoughReplicasAfterAppend = 20,
    InvalidRequiredAcks = 21,
    IllegalGeneration = 22,
    InconsistentGroupProtocol = 23,
    InvalidGroupId = 24,
    UnknownMemberId = 25,
    InvalidSessionTimeout = 26,
    RebalanceInProgress = 27,
    InvalidCommitOffsetSize = 28,
    TopicAuthorizationFailed = 29,
    GroupAuthorizationFailed = 30,
    ClusterAuthorizationFailed = 31,
    InvalidTimestamp = 32,
    UnsupportedSaslMechanism = 33,
    IllegalSaslState = 34,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidReplicaAssignment = 39,
    InvalidConfig = 40,
    NotController = 41,
    InvalidRequest = 42,
    UnsupportedForMessageFormat = 43,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    DuplicateSequenceNumber = 46,
    /// An older epoch of the producer. What a partition says, and what an old client is told
    /// instead of `ProducerFenced`.
    InvalidProducerEpoch = 47,
    InvalidTxnState = 48,
    InvalidProducerIdMapping = 49,
    InvalidTransactionTimeout = 50,
    ConcurrentTransactions = 51,
    TransactionCoordinatorFenced = 52,
    TransactionalIdAuthorizationFailed = 53,
    SecurityDisabled = 54,
    OperationNotAttempted = 55,
    /// The disk failed or is full.
    KafkaStorageError = 56,
    LogDirNotFound = 57,
    UnknownProducerId = 59,
    ReassignmentInProgress = 60,
    NonEmptyGroup = 68,
    GroupIdNotFound = 69,
    FetchSessionIdNotFound = 70,
    InvalidFetchSessionEpoch = 71,
    TopicDeletionDisabled = 73,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    OffsetNotAvailable = 78,
    MemberIdRequired = 79,
    GroupMaxSizeReached = 81,
    FencedInstanceId = 82,
    GroupSubscribedToTopic = 86,
    InvalidRecord = 87,
    UnstableOffsetCommit = 88,
    ThrottlingQuotaExceeded = 89,
    ProducerFenced = 90,
    UnknownTopicId = 100,
    InconsistentTopicId = 103,
    TransactionalIdNotFound = 105,
    FetchSessionTopicIdError = 106,
    TransactionAbortable = 120,
}

impl Code {
    /// `ProducerFenced` came with later versions of the transactional requests; older ones are
    /// told `InvalidProducerEpoch`. The first versions that know it: `InitProducerId` 4,
    /// `AddPartitionsToTxn`, `AddOffsetsToTxn` and `EndTxn` 2.
    #[must_use]
    pub fn known_to(self, version: i16, first_version: i16) -> Self {
        match self {
            Self::ProducerFenced if version < first_version => Self::InvalidProducerEpoch,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_code_is_found_by_its_number_and_no_two_share_one() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.number()), Some(*code));
        }
        assert_eq!(Code::of(11), None);
    }

    #[test]
    fn the_numbers_that_clients_depend_on_stay() {
        let stable = [
            (Code::IllegalGeneration, 22),
            (Code::UnknownMemberId, 25),
            (Code::RebalanceInProgress, 27),
            (Code::UnsupportedVersion, 35),
            (Code::OutOfOrderSequenceNumber, 45),
            (Code::InvalidProducerEpoch, 47),
            (Code::InvalidTxnState, 48),
            (Code::ConcurrentTransactions, 51),
            (Code::UnknownProducerId, 59),
            (Code::MemberIdRequired, 79),
            (Code::FencedInstanceId, 82),
            (Code::UnstableOffsetCommit, 88),
            (Code::ProducerFenced, 90),
        ];
        for (code, number) in stable {
            assert_eq!(code.number(), number);
        }
    }

    #[test]
    fn an_old_client_hears_of_a_fence_in_the_word_it_knows() {
        let code = Code::ProducerFenced;
        assert_eq!(code.known_to(1, 2), Code::InvalidProducerEpoch);
        assert_eq!(code.known_to(2, 2), Code::ProducerFenced);
        assert_eq!(Code::InvalidTxnState.known_to(1, 2), Code::InvalidTxnState);
    }
}
