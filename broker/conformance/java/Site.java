import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;

/** One application at a broker, whose names have a prefix that nobody else has. */
final class Site implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(60);
    static final int PARTITIONS = 2;
    private static final String[] WORDS = {"paid", "refunded", "disputed", "late", "lost"};

    final String bootstrap;
    final String prefix = "streams-" + UUID.randomUUID() + ".";
    final Admin admin;
    private final KafkaProducer<String, String> producer;
    private final Path states;
    private final List<AutoCloseable> instances = new ArrayList<>();
    private final Map<String, Long> sent = new TreeMap<>();
    private int lines;

    Site(String bootstrap) throws Exception {
        this.bootstrap = bootstrap;
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        producer =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", bootstrap),
                        new StringSerializer(),
                        new StringSerializer());
        states = Files.createTempDirectory("streams");
        List<NewTopic> topics = new ArrayList<>();
        for (String name : List.of("lines", "counts", "minutes")) {
            topics.add(new NewTopic(prefix + name, PARTITIONS, (short) 1));
        }
        admin.createTopics(topics).all().get();
    }

    @Override
    public void close() throws Exception {
        for (AutoCloseable instance : instances) {
            instance.close();
        }
        producer.close();
        admin.close();
        forget(states);
    }

    /** An instance of the application that has begun to run. */
    KafkaStreams start(String name) throws Exception {
        KafkaStreams streams = WordCount.of(bootstrap, prefix, state(name));
        streams.setUncaughtExceptionHandler(
                fault -> {
                    fault.printStackTrace();
                    return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler
                            .StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        instances.add(() -> streams.close(PATIENCE));
        streams.start();
        becomes(KafkaStreams.State.RUNNING, streams::state);
        return streams;
    }

    /** An instance in a process of its own. */
    Process spawn(String name) throws IOException {
        Process process =
                new ProcessBuilder(
                                ProcessHandle.current().info().command().orElse("java"),
                                "-XX:TieredStopAtLevel=1",
                                "-Xmx256m",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "WordCount",
                                bootstrap,
                                prefix,
                                state(name).toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
        instances.add(() -> process.destroyForcibly().waitFor());
        return process;
    }

    Path state(String name) {
        return states.resolve(name);
    }

    /** Sends so many lines of three words to all partitions, and remembers what is to be counted. */
    void send(int count) {
        for (int line = 0; line < count; line++, lines++) {
            List<String> words = new ArrayList<>();
            for (int word = 0; word < 3; word++) {
                words.add(WORDS[(lines * (word + 1) + lines / 7) % WORDS.length]);
            }
            words.forEach(word -> sent.merge(word, 1L, Long::sum));
            String value = String.join(" ", words);
            producer.send(new ProducerRecord<>(prefix + "lines", lines % PARTITIONS, null, value));
        }
        producer.flush();
    }

    /** That each count of each word was written once, in order, up to what was sent. */
    void counted() throws Exception {
        Map<String, List<Long>> expected = new TreeMap<>();
        sent.forEach(
                (word, count) ->
                        expected.put(word, LongStream.rangeClosed(1, count).boxed().toList()));
        becomes(expected, () -> written("counts"));
        long words = sent.values().stream().mapToLong(Long::longValue).sum();
        // A word's count in each minute is how often it was written of that minute.
        becomes(words, () -> written("minutes").values().stream().mapToLong(List::size).sum());
        for (List<Long> counts : written("minutes").values()) {
            same(LongStream.rangeClosed(1, counts.size()).boxed().toList(), counts);
        }
    }

    /** The committed counts of each key in a topic so far, in their order. */
    Map<String, List<Long>> written(String topic) {
        Map<String, Object> settings =
                new HashMap<>(Map.of("bootstrap.servers", bootstrap));
        settings.put("isolation.level", "read_committed");
        List<TopicPartition> places = places(topic);
        try (KafkaConsumer<String, Long> reader =
                new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
            reader.assign(places);
            reader.seekToBeginning(places);
            Map<TopicPartition, Long> ends = reader.endOffsets(places);
            Map<String, List<Long>> counts = new TreeMap<>();
            while (places.stream().anyMatch(it -> reader.position(it) < ends.get(it))) {
                reader.poll(Duration.ofMillis(100))
                        .forEach(
                                it ->
                                        counts.computeIfAbsent(it.key(), key -> new ArrayList<>())
                                                .add(it.value()));
            }
            return counts;
        }
    }

    List<TopicPartition> places(String topic) {
        return Stream.iterate(0, it -> it + 1)
                .limit(PARTITIONS)
                .map(it -> new TopicPartition(prefix + topic, it))
                .toList();
    }

    static void forget(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    static <T> void becomes(T expected, Callable<T> ask) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        T seen = ask.call();
        while (!expected.equals(seen)) {
            if (System.nanoTime() > end) {
                throw new AssertionError("expected " + expected + ", seen " + seen);
            }
            Thread.sleep(50);
            seen = ask.call();
        }
    }

    static void same(Object expected, Object seen) {
        if (!expected.equals(seen)) {
            throw new AssertionError("expected " + expected + ", seen " + seen);
        }
    }
}
