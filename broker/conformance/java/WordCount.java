import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Counts the words of a topic of lines, in all and by the minute, each count written exactly once:
 * through a repartition topic and two stores on disk with their changelogs.
 */
final class WordCount {
    private WordCount() {}

    static KafkaStreams of(String bootstrap, String prefix, Path state) {
        StreamsBuilder builder = new StreamsBuilder();
        KGroupedStream<String, String> words =
                builder.stream(prefix + "lines", Consumed.with(Serdes.String(), Serdes.String()))
                        .flatMapValues(line -> List.of(line.split(" ")))
                        .groupBy(
                                (key, word) -> word,
                                Grouped.with("words", Serdes.String(), Serdes.String()));
        words.count(
                        Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Serdes.Long()))
                .toStream()
                .to(prefix + "counts", Produced.with(Serdes.String(), Serdes.Long()));
        words.windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMinutes(1)))
                .count(
                        Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("by-minute")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(Serdes.Long()))
                .toStream()
                .map((word, count) -> KeyValue.pair(word.key() + "@" + word.window().start(), count))
                .to(prefix + "minutes", Produced.with(Serdes.String(), Serdes.Long()));
        return new KafkaStreams(builder.build(), settings(bootstrap, prefix, state));
    }

    private static Properties settings(String bootstrap, String prefix, Path state) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix + "app");
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        // Every count is written, so that one that is missing or doubled is seen.
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, 500);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6_000);
        settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
        String protocol = System.getenv("STREAMS_GROUP_PROTOCOL");
        if (protocol != null) {
            settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, protocol);
        }
        return settings;
    }

    /** An instance in a process of its own, until its input ends or it is killed. */
    public static void main(String[] arguments) throws Exception {
        KafkaStreams streams = of(arguments[0], arguments[1], Path.of(arguments[2]));
        streams.start();
        while (System.in.read() >= 0) {
            // Nothing is said to it.
        }
        streams.close(Duration.ofSeconds(20));
    }
}
