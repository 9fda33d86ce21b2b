import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.UnknownMemberIdException;

/** What AdminClient sees of the cluster, of groups, offsets and transactions, and does to them. */
final class Views {
    private Views() {}

    static void tell(Map<String, Behaviours.Behaviour> known) {
        known.put("the_cluster_is_described", Views::cluster);
        known.put("groups_are_listed_described_and_deleted", Views::groups);
        known.put("offsets_of_groups_are_listed_altered_and_deleted", Views::groupOffsets);
        known.put("offsets_of_partitions_are_listed", Views::offsets);
        known.put("transactions_and_producers_are_described", Views::transactions);
        known.put("a_producer_is_fenced_from_outside", Views::fence);
    }

    private static void cluster(Site site) throws Exception {
        var cluster = site.admin.describeCluster();
        Site.same(1, cluster.nodes().get().size());
        Site.same(cluster.nodes().get().iterator().next(), cluster.controller().get());
        Site.same(22, cluster.clusterId().get().length());
    }

    private static void groups(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        String group = site.name("g");
        TopicPartition place = site.at("t", 0);
        try (Consumer<String, String> member =
                site.consumer("g", Map.of("client.id", "the-client"))) {
            member.subscribe(List.of(site.name("t")));
            Site.poll(member, records -> !member.assignment().isEmpty());
            member.commitSync(Map.of(place, new OffsetAndMetadata(1)));
            Site.becomes(GroupState.STABLE, () -> {
                member.poll(Duration.ZERO);
                return described(site, group).groupState();
            });
            ConsumerGroupDescription seen = described(site, group);
            Site.same("range", seen.partitionAssignor());
            Site.same("the-client", seen.members().iterator().next().clientId());
            Site.same(
                    Set.of(place),
                    seen.members().iterator().next().assignment().topicPartitions());
            Site.same(Set.of(group), listed(site, ListGroupsOptions.forConsumerGroups()));
            Site.fails(
                    GroupNotEmptyException.class,
                    () -> site.admin.deleteConsumerGroups(Set.of(group)).all().get());
            Site.fails(
                    GroupSubscribedToTopicException.class,
                    () -> site.admin
                            .deleteConsumerGroupOffsets(group, Set.of(place))
                            .partitionResult(place)
                            .get());
        }
        Site.becomes(GroupState.EMPTY, () -> described(site, group).groupState());
        Site.same(
                Set.of(group),
                listed(site, new ListGroupsOptions().inGroupStates(Set.of(GroupState.EMPTY))));
        site.admin.deleteConsumerGroups(Set.of(group)).all().get();
        Site.same(Set.of(), listed(site, new ListGroupsOptions()));
        Site.fails(
                GroupIdNotFoundException.class,
                () -> site.admin.deleteConsumerGroups(Set.of(group)).all().get());
        Site.fails(GroupIdNotFoundException.class, () -> described(site, group));
    }

    private static ConsumerGroupDescription described(Site site, String group) throws Exception {
        return site.admin.describeConsumerGroups(Set.of(group)).all().get().get(group);
    }

    private static Set<String> listed(Site site, ListGroupsOptions options) throws Exception {
        return site.admin.listGroups(options).all().get().stream()
                .map(it -> it.groupId())
                .filter(it -> it.startsWith(site.prefix))
                .collect(Collectors.toSet());
    }

    private static void groupOffsets(Site site) throws Exception {
        site.topic("t", 2, Map.of());
        String group = site.name("g");
        OffsetAndMetadata five = new OffsetAndMetadata(5, Optional.empty(), "by hand");
        Map<TopicPartition, OffsetAndMetadata> wanted =
                Map.of(site.at("t", 0), five, site.at("t", 1), new OffsetAndMetadata(6));
        site.admin.alterConsumerGroupOffsets(group, wanted).all().get();
        Site.same(wanted, held(site, group));
        site.admin.deleteConsumerGroupOffsets(group, Set.of(site.at("t", 1))).all().get();
        Site.same(Map.of(site.at("t", 0), five), held(site, group));
        try (Consumer<String, String> member = site.consumer("g", Map.of())) {
            member.subscribe(List.of(site.name("t")));
            Site.poll(member, records -> !member.assignment().isEmpty());
            Site.fails(
                    UnknownMemberIdException.class,
                    () -> site.admin
                            .alterConsumerGroupOffsets(group, wanted)
                            .partitionResult(site.at("t", 0))
                            .get());
        }
    }

    private static Map<TopicPartition, OffsetAndMetadata> held(Site site, String group)
            throws Exception {
        return site.admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    }

    private static void offsets(Site site) throws Exception {
        site.topic("t", 1, Map.of("retention.ms", "-1"));
        try (Producer<String, String> plain = site.producer(Map.of());
                Producer<String, String> open = site.transactional("open")) {
            for (long time : List.of(1_000L, 3_000L, 2_000L)) {
                plain.send(new ProducerRecord<>(site.name("t"), 0, time, null, "x")).get();
            }
            open.beginTransaction();
            open.send(new ProducerRecord<>(site.name("t"), 0, 2_500L, null, "x")).get();
            Site.same(0L, offset(site, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED));
            Site.same(4L, offset(site, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED));
            Site.same(3L, offset(site, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED));
            Site.same(1L, offset(site, OffsetSpec.maxTimestamp(), IsolationLevel.READ_UNCOMMITTED));
            var from = OffsetSpec.forTimestamp(1_500L);
            Site.same(1L, offset(site, from, IsolationLevel.READ_COMMITTED));
            open.commitTransaction();
        }
    }

    private static long offset(Site site, OffsetSpec at, IsolationLevel isolation)
            throws Exception {
        TopicPartition place = site.at("t", 0);
        var options = new org.apache.kafka.clients.admin.ListOffsetsOptions(isolation);
        var listed = site.admin.listOffsets(Map.of(place, at), options);
        return listed.partitionResult(place).get().offset();
    }

    private static void transactions(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        String id = site.name("open");
        TopicPartition place = site.at("t", 0);
        try (Producer<String, String> open = site.transactional("open")) {
            open.beginTransaction();
            site.send(open, "t", 0, "x");
            var described = site.admin.describeTransactions(Set.of(id)).description(id).get();
            Site.same(TransactionState.ONGOING, described.state());
            Site.same(Set.of(place), described.topicPartitions());
            Site.same(30_000L, described.transactionTimeoutMs());
            var listed = site.admin.listTransactions().all().get().stream()
                    .filter(it -> it.transactionalId().equals(id))
                    .toList();
            Site.same(1, listed.size());
            Site.same(described.producerId(), listed.get(0).producerId());
            var producers = site.admin.describeProducers(Set.of(place)).partitionResult(place);
            var producer = producers.get().activeProducers().get(0);
            Site.same(described.producerId(), producer.producerId());
            Site.same(0L, producer.currentTransactionStartOffset().getAsLong());
            open.commitTransaction();
            Site.becomes(TransactionState.COMPLETE_COMMIT, () ->
                    site.admin.describeTransactions(Set.of(id)).description(id).get().state());
        }
    }

    private static void fence(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        try (Producer<String, String> producer = site.transactional("same")) {
            producer.beginTransaction();
            site.send(producer, "t", 0, "x");
            site.admin.fenceProducers(Set.of(site.name("same"))).all().get();
            Site.fails(ProducerFencedException.class, () -> {
                producer.commitTransaction();
                return null;
            });
        }
        Site.becomes(List.of(), () -> site.values("t", 0, "read_committed"));
    }
}
