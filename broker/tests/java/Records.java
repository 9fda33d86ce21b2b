import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.TopicPartition;

/** Producers and consumers without transactions. */
final class Records {
    private Records() {}

    static void tell(Map<String, Behaviours.Behaviour> known) {
        known.put("records_come_back_as_they_were_sent", Records::comeBack);
        known.put("many_idempotent_records_keep_their_order", Records::keepOrder);
        known.put("every_codec_is_taken", Records::codecs);
        known.put("large_records_are_taken_and_too_large_ones_refused", Records::large);
        known.put("offsets_are_found_by_time_and_at_the_ends", Records::offsets);
        known.put("deleted_records_are_out_of_range", Records::outOfRange);
    }

    private static void comeBack(Site site) throws Exception {
        site.topic("t", 2, Map.of("retention.ms", "-1"));
        ProducerRecord<String, String> full =
                new ProducerRecord<>(site.name("t"), 1, 1_700_000_000_000L, "key", "value");
        full.headers().add("empty", new byte[0]).add("null", null);
        full.headers().add("text", "ü".getBytes(StandardCharsets.UTF_8));
        try (Producer<String, String> producer = site.producer(Map.of())) {
            RecordMetadata first = producer.send(full).get();
            Site.same(0L, first.offset());
            Site.same(1, first.partition());
            producer.send(new ProducerRecord<>(site.name("t"), 1, "", "")).get();
            producer.send(new ProducerRecord<>(site.name("t"), 1, null, null)).get();
        }
        TopicPartition place = site.at("t", 1);
        try (Consumer<String, String> reader = site.consumer("reader", Map.of())) {
            reader.assign(List.of(place));
            List<ConsumerRecord<String, String>> read = Site.poll(reader, it -> it.size() == 3);
            Site.same(full.headers(), read.get(0).headers());
            Site.same(1_700_000_000_000L, read.get(0).timestamp());
            List<String> seen = new ArrayList<>();
            read.forEach(it -> seen.add(it.offset() + ":" + it.key() + "=" + it.value()));
            Site.same(List.of("0:key=value", "1:=", "2:null=null"), seen);
        }
    }

    private static void keepOrder(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        List<String> values = new ArrayList<>();
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (Producer<String, String> producer =
                site.producer(Map.of("batch.size", 200, "linger.ms", 0))) {
            for (int number = 0; number < 3_000; number++) {
                values.add(String.valueOf(number));
                sent.add(producer.send(
                        new ProducerRecord<>(site.name("t"), 0, null, String.valueOf(number))));
            }
        }
        for (int number = 0; number < sent.size(); number++) {
            Site.same((long) number, sent.get(number).get().offset());
        }
        Site.same(values, site.values("t", 0, "read_committed"));
    }

    private static void codecs(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        List<String> values = new ArrayList<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String value = codec.repeat(1_000);
            try (Producer<String, String> producer =
                    site.producer(Map.of("compression.type", codec))) {
                site.send(producer, "t", 0, value);
            }
            values.add(value);
        }
        Site.same(values, site.values("t", 0, "read_uncommitted"));
    }

    private static void large(Site site) throws Exception {
        site.topic("large", 1, Map.of("max.message.bytes", "3000000"));
        site.topic("small", 1, Map.of("max.message.bytes", "1000"));
        String value = "x".repeat(2_000_000);
        try (Producer<String, String> producer =
                site.producer(Map.of("max.request.size", 5_000_000))) {
            site.send(producer, "large", 0, value);
            Site.fails(RecordTooLargeException.class, () -> {
                site.send(producer, "small", 0, value);
                return null;
            });
            site.send(producer, "small", 0, "fits");
        }
        Site.same(List.of(value), site.values("large", 0, "read_committed"));
        Site.same(List.of("fits"), site.values("small", 0, "read_committed"));
    }

    private static void offsets(Site site) throws Exception {
        site.topic("t", 1, Map.of("retention.ms", "-1"));
        TopicPartition place = site.at("t", 0);
        try (Producer<String, String> producer = site.producer(Map.of())) {
            for (long time : List.of(1_000L, 3_000L, 2_000L)) {
                producer.send(new ProducerRecord<>(site.name("t"), 0, time, null, "x")).get();
            }
        }
        try (Consumer<String, String> reader = site.consumer("reader", Map.of())) {
            Site.same(Map.of(place, 0L), reader.beginningOffsets(List.of(place)));
            Site.same(Map.of(place, 3L), reader.endOffsets(List.of(place)));
            var found = reader.offsetsForTimes(Map.of(place, 1_001L)).get(place);
            Site.same(1L, found.offset());
            Site.same(3_000L, found.timestamp());
            if (reader.offsetsForTimes(Map.of(place, 3_001L)).get(place) != null) {
                throw new AssertionError("nothing is that late");
            }
            Site.same(1, reader.partitionsFor(site.name("t")).size());
        }
    }

    private static void outOfRange(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        TopicPartition place = site.at("t", 0);
        try (Producer<String, String> producer = site.producer(Map.of())) {
            site.send(producer, "t", 0, "a", "b", "c");
        }
        var deleted = site.admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(2)));
        Site.same(2L, deleted.lowWatermarks().get(place).get().lowWatermark());
        try (Consumer<String, String> reader =
                site.consumer("reader", Map.of("auto.offset.reset", "none"))) {
            reader.assign(List.of(place));
            for (long offset : List.of(0L, 9L)) {
                reader.seek(place, offset);
                Site.fails(
                        OffsetOutOfRangeException.class,
                        () -> Site.poll(reader, records -> !records.isEmpty()));
            }
        }
        Site.same(List.of("c"), site.values("t", 0, "read_committed"));
    }
}
