import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.TopicPartition;

/** Producers with a transactional id. */
final class Transactions {
    private Transactions() {}

    static void tell(Map<String, Behaviours.Behaviour> known) {
        known.put("committed_transactions_are_read_and_aborted_ones_are_not", Transactions::ends);
        known.put("readers_of_committed_records_wait", Transactions::waits);
        known.put("a_successor_fences_and_aborts", Transactions::fences);
        known.put("offsets_share_the_fate_of_their_transaction", Transactions::offsets);
        known.put("offsets_of_an_older_generation_are_refused", Transactions::generation);
        known.put("an_open_transaction_s_timeout_fences_its_producer", Transactions::timeout);
        known.put("many_transactions_follow_each_other", Transactions::many);
    }

    private static void ends(Site site) throws Exception {
        site.topic("t", 2, Map.of());
        try (Producer<String, String> producer = site.transactional("writer")) {
            for (String value : List.of("a", "b!", "c", "d!")) {
                producer.beginTransaction();
                site.send(producer, "t", 0, value);
                site.send(producer, "t", 1, value);
                if (value.endsWith("!")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
        }
        for (int partition = 0; partition < 2; partition++) {
            int read = partition;
            Site.becomes(List.of("a", "c"), () -> site.values("t", read, "read_committed"));
            Site.same(
                    List.of("a", "b!", "c", "d!"), site.values("t", read, "read_uncommitted"));
        }
    }

    private static void waits(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        try (Producer<String, String> open = site.transactional("open");
                Producer<String, String> plain = site.producer(Map.of())) {
            open.beginTransaction();
            site.send(open, "t", 0, "open");
            site.send(plain, "t", 0, "after");
            Site.same(List.of(), site.values("t", 0, "read_committed"));
            Site.same(List.of("open", "after"), site.values("t", 0, "read_uncommitted"));
            open.commitTransaction();
            Site.becomes(
                    List.of("open", "after"), () -> site.values("t", 0, "read_committed"));
        }
    }

    private static void fences(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        try (Producer<String, String> first = site.transactional("same")) {
            first.beginTransaction();
            site.send(first, "t", 0, "first");
            try (Producer<String, String> second = site.transactional("same")) {
                second.beginTransaction();
                site.send(second, "t", 0, "second");
                Site.fails(ProducerFencedException.class, () -> {
                    first.commitTransaction();
                    return null;
                });
                second.commitTransaction();
            }
        }
        Site.becomes(List.of("second"), () -> site.values("t", 0, "read_committed"));
    }

    private static void offsets(Site site) throws Exception {
        site.topic("in", 1, Map.of());
        site.topic("out", 1, Map.of());
        TopicPartition place = site.at("in", 0);
        try (Producer<String, String> plain = site.producer(Map.of());
                Consumer<String, String> consumer = site.consumer("g", Map.of());
                Producer<String, String> producer = site.transactional("processor")) {
            site.send(plain, "in", 0, "a", "b");
            consumer.subscribe(List.of(site.name("in")));
            Site.poll(consumer, records -> records.size() == 2);
            for (boolean commits : List.of(true, false)) {
                long next = commits ? 1 : 2;
                producer.beginTransaction();
                site.send(producer, "out", 0, "of " + next);
                producer.sendOffsetsToTransaction(
                        Map.of(place, new OffsetAndMetadata(next)), consumer.groupMetadata());
                if (commits) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
                OffsetAndMetadata committed = consumer.committed(Set.of(place)).get(place);
                Site.same(1L, committed.offset());
            }
        }
        Site.becomes(List.of("of 1"), () -> site.values("out", 0, "read_committed"));
    }

    private static void generation(Site site) throws Exception {
        site.topic("in", 2, Map.of());
        TopicPartition place = site.at("in", 0);
        try (Consumer<String, String> first = site.consumer("g", Map.of());
                Consumer<String, String> second = site.consumer("g", Map.of());
                Producer<String, String> producer = site.transactional("processor")) {
            first.subscribe(List.of(site.name("in")));
            Site.poll(first, records -> first.assignment().size() == 2);
            ConsumerGroupMetadata old = first.groupMetadata();
            second.subscribe(List.of(site.name("in")));
            Site.poll(first, records -> {
                second.poll(java.time.Duration.ofMillis(20));
                return first.assignment().size() == 1 && second.assignment().size() == 1;
            });
            producer.beginTransaction();
            Site.fails(CommitFailedException.class, () -> {
                producer.sendOffsetsToTransaction(Map.of(place, new OffsetAndMetadata(1)), old);
                producer.commitTransaction();
                return null;
            });
            producer.abortTransaction();
        }
    }

    private static void timeout(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        Map<String, Object> long_ =
                Map.of("transactional.id", site.name("long"), "transaction.timeout.ms", 900_001);
        try (Producer<String, String> producer = site.producer(long_)) {
            Site.fails(KafkaException.class, () -> {
                producer.initTransactions();
                return null;
            });
        }
        Map<String, Object> brief =
                Map.of("transactional.id", site.name("slow"), "transaction.timeout.ms", 1_000);
        try (Producer<String, String> slow = site.producer(brief);
                Producer<String, String> plain = site.producer(Map.of())) {
            slow.initTransactions();
            slow.beginTransaction();
            site.send(slow, "t", 0, "late");
            site.send(plain, "t", 0, "after");
            Site.becomes(List.of("after"), () -> site.values("t", 0, "read_committed"));
            Site.fails(KafkaException.class, () -> {
                slow.commitTransaction();
                return null;
            });
        }
    }

    private static void many(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        try (Producer<String, String> producer = site.transactional("writer")) {
            for (int number = 0; number < 50; number++) {
                producer.beginTransaction();
                site.send(producer, "t", 0, String.valueOf(number));
                producer.commitTransaction();
            }
        }
        Site.becomes(50, () -> site.values("t", 0, "read_committed").size());
    }
}
