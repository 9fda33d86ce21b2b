//! What a broker must do, by name, as librdkafka sees it: each behaviour runs against this crate's
//! broker and, the same code, against Apache Kafka, which is how the behaviours are known to be
//! right. `TRUEUP_TEST_KAFKA` may name any broker.

mod compaction;
mod group_views;
mod groups;
mod offsets;
mod records;
mod topics;
mod transactional_offsets;
mod transactions;
mod zombies;

macro_rules! behaviours {
    ($($subject:ident { $($behaviour:ident,)+ })+) => {
        mod embedded {
            $(mod $subject {
                $(#[test]
                fn $behaviour() {
                    let running = crate::support::Running::start();
                    crate::conformance::$subject::$behaviour(&running);
                })+
            })+
        }

        mod kafka {
            $(mod $subject {
                $(#[test]
                fn $behaviour() {
                    let site = crate::site::Site::shared(trueup_testkit::kafka());
                    crate::conformance::$subject::$behaviour(&site);
                })+
            })+
        }
    };
}

behaviours! {
    records {
        what_is_produced_is_consumed_in_order,
        an_idempotent_producer_keeps_many_records_in_order_with_requests_in_flight,
        every_codec_comes_back_as_it_was_sent,
        empty_and_absent_keys_values_and_headers_come_back_as_they_were,
        records_larger_than_a_fetch_come_all_the_same,
        a_record_beyond_the_topic_s_limit_is_refused_and_the_next_is_taken,
        records_that_nobody_acknowledges_arrive,
        the_broker_s_time_is_written_where_the_topic_asks_for_it,
        a_topic_that_is_not_there_is_refused,
        a_partition_that_is_not_there_is_refused,
    }
    offsets {
        offsets_are_found_by_their_time,
        a_reader_beyond_the_end_is_told_so,
        marks_of_transactions_take_offsets,
        the_end_for_readers_of_committed_records_is_the_open_transaction,
        a_committed_offset_is_where_the_next_member_goes_on,
        an_offset_carries_its_metadata,
        nothing_committed_is_no_offset,
    }
    transactions {
        a_committed_transaction_is_read_and_an_aborted_one_is_not,
        a_reader_of_committed_records_waits_for_the_open_transaction,
        interleaved_transactions_are_told_apart,
        one_transaction_ends_on_all_its_partitions_at_once,
        a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced,
        a_timeout_beyond_the_broker_s_limit_is_refused,
        records_outside_of_transactions_stand_beside_them,
    }
    zombies {
        a_second_producer_of_the_same_name_fences_the_first_and_ends_its_transaction,
        a_fenced_producer_can_begin_nothing_more,
        a_fenced_producer_cannot_abort_what_its_successor_does,
        offsets_from_a_member_of_an_older_generation_are_refused,
        offsets_from_a_stranger_to_the_group_are_refused,
    }
    transactional_offsets {
        offsets_of_a_transaction_are_seen_after_its_commit_and_never_after_its_abort,
        a_transaction_of_offsets_alone_is_one,
        readers_of_stable_offsets_wait_for_the_open_transaction,
        offsets_of_a_fenced_producer_s_transaction_are_never_seen,
    }
    groups {
        members_share_the_partitions_and_take_over_from_one_who_leaves,
        a_static_member_that_comes_back_gets_its_partitions_without_a_rebalance,
        a_second_member_under_a_static_name_fences_the_first,
        a_member_that_is_silent_is_dropped_after_its_session,
        members_without_a_strategy_in_common_are_refused,
        a_group_follows_a_topic_that_grows,
    }
    group_views {
        groups_are_listed_and_described,
        a_group_is_deleted_when_it_has_no_members,
        a_stranger_commits_nothing_to_a_group_with_members,
    }
    topics {
        topics_are_created_listed_grown_and_deleted,
        topics_that_cannot_be_are_refused_for_their_reason,
        a_topic_that_is_only_tried_is_not_created,
        configurations_are_described_as_they_were_set,
        configurations_are_replaced_all_at_once,
        a_topic_made_anew_under_an_old_name_has_none_of_the_old_records,
        records_are_deleted_up_to_an_offset,
    }
    compaction {
        the_last_value_of_each_key_is_kept_and_nothing_open_is_lost,
    }
}
