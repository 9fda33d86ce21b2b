import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A broker and clients of it, whose names have a prefix that nobody else has. */
final class Site implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(20);

    final String bootstrap;
    final String prefix;
    final Admin admin;

    Site(String bootstrap, String prefix) {
        this.bootstrap = bootstrap;
        this.prefix = prefix;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    @Override
    public void close() {
        admin.close();
    }

    String name(String name) {
        return prefix + name;
    }

    TopicPartition at(String topic, int partition) {
        return new TopicPartition(name(topic), partition);
    }

    void topic(String topic, int partitions, Map<String, String> configs) throws Exception {
        NewTopic wanted = new NewTopic(name(topic), partitions, (short) 1).configs(configs);
        admin.createTopics(List.of(wanted)).all().get();
    }

    Producer<String, String> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", bootstrap);
        all.putAll(settings);
        return new KafkaProducer<>(all, new StringSerializer(), new StringSerializer());
    }

    Producer<String, String> transactional(String id) {
        Producer<String, String> producer =
                producer(Map.of("transactional.id", name(id), "transaction.timeout.ms", 30_000));
        producer.initTransactions();
        return producer;
    }

    void send(Producer<String, String> producer, String topic, int partition, String... values)
            throws Exception {
        for (String value : values) {
            producer.send(new ProducerRecord<>(name(topic), partition, null, value)).get();
        }
    }

    Consumer<String, String> consumer(String group, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>();
        all.put("bootstrap.servers", bootstrap);
        all.put("group.id", name(group));
        all.put("auto.offset.reset", "earliest");
        all.put("enable.auto.commit", false);
        all.put("isolation.level", "read_committed");
        all.put("heartbeat.interval.ms", 200);
        all.put("session.timeout.ms", 6_000);
        all.putAll(settings);
        return new KafkaConsumer<>(all, new StringDeserializer(), new StringDeserializer());
    }

    /** Polls until the records so far are enough. */
    static List<ConsumerRecord<String, String>> poll(
            Consumer<String, String> consumer,
            Predicate<List<ConsumerRecord<String, String>>> enough) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!enough.test(records)) {
            if (System.nanoTime() > end) {
                throw new AssertionError("what was waited for did not come: " + records);
            }
            consumer.poll(Duration.ofMillis(50)).forEach(records::add);
        }
        return records;
    }

    /** The values of a partition up to the end that readers of this isolation see now. */
    List<String> values(String topic, int partition, String isolation) {
        TopicPartition place = at(topic, partition);
        try (Consumer<String, String> reader =
                consumer("reader", Map.of("isolation.level", isolation))) {
            reader.assign(List.of(place));
            reader.seekToBeginning(List.of(place));
            long end = reader.endOffsets(List.of(place)).get(place);
            List<String> values = new ArrayList<>();
            poll(reader, records -> reader.position(place) >= end)
                    .forEach(record -> values.add(record.value()));
            return values;
        }
    }

    /** Asks until the answer is this; it may take a moment to reach all of a broker. */
    static <T> void becomes(T expected, Callable<T> ask) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        T seen = ask.call();
        while (!expected.equals(seen)) {
            if (System.nanoTime() > end) {
                throw new AssertionError("expected " + expected + ", seen " + seen);
            }
            Thread.sleep(20);
            seen = ask.call();
        }
    }

    static void same(Object expected, Object seen) {
        if (!expected.equals(seen)) {
            throw new AssertionError("expected " + expected + ", seen " + seen);
        }
    }

    /** That this fails, in itself or in what it waited for, with that. */
    static void fails(Class<? extends Throwable> expected, Callable<?> call) {
        Object answer;
        try {
            answer = call.call();
        } catch (Throwable fault) {
            Throwable cause = fault instanceof ExecutionException ? fault.getCause() : fault;
            if (expected.isInstance(cause)) {
                return;
            }
            throw new AssertionError("expected " + expected, cause);
        }
        throw new AssertionError("expected " + expected + ", answered " + answer);
    }
}
