import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams doing what a shop would have it do on Stripe's raw events, exactly once. Says `ready`
 * when it runs, and ends on SIGTERM. Arguments: broker, input, output, then any settings of Kafka
 * Streams as `name=value`.
 */
public final class Rival {
    private static final int MIB = 1024 * 1024;
    private static final Duration GOODBYE = Duration.ofSeconds(60);

    private Rival() {}

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length < 3) {
            System.err.println("usage: Rival HOST:PORT INPUT OUTPUT [name=value …]");
            System.exit(2);
        }
        Properties settings = settings(arguments[0]);
        for (int at = 3; at < arguments.length; at++) {
            String[] pair = arguments[at].split("=", 2);
            if (pair.length < 2) {
                System.err.println("`" + arguments[at] + "` is no name=value");
                System.exit(2);
            }
            settings.put(pair[0], pair[1]);
        }
        KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2]), settings);
        AtomicBoolean failed = new AtomicBoolean();
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(
                cause -> {
                    cause.printStackTrace();
                    failed.set(true);
                    ended.countDown();
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        streams.setStateListener(
                (now, before) -> {
                    if (now == KafkaStreams.State.RUNNING) {
                        System.out.println("ready");
                    }
                });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(GOODBYE)));
        streams.start();
        ended.await();
        System.exit(failed.get() ? 1 : 0);
    }

    static Topology topology(String input, String output) {
        Topology topology = new Topology();
        var bytes = Serdes.ByteArray();
        topology.addSource("events", bytes.deserializer(), bytes.deserializer(), input);
        topology.addProcessor("fold", OrderFold::new, "events");
        // Without the record cache, which cost CPU here and saved nothing: the next event of an
        // order comes when the cache has been emptied by a commit.
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(OrderFold.STORE), bytes, bytes)
                        .withCachingDisabled(),
                "fold");
        topology.addSink("changes", output, bytes.serializer(), bytes.serializer(), "fold");
        return topology;
    }

    /** Each of these was better here than its default, or the same. */
    private static Properties settings(String bootstrap) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "rival-streams");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 2000);
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksSettings.class);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 4000);
        settings.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 4 * MIB);
        settings.put(StreamsConfig.producerPrefix("batch.size"), 256 * 1024);
        return settings;
    }
}
