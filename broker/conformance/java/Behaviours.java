import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.streams.KafkaStreams;

/**
 * What a Streams application relies on, by name, against the broker at an address. The exit code
 * is 1 where one does not hold.
 */
public final class Behaviours {
    /** One behaviour; it throws where the broker behaves otherwise. */
    interface Behaviour {
        void hold(Site site) throws Exception;
    }

    private Behaviours() {}

    public static void main(String[] arguments) {
        Map<String, Behaviour> all = new LinkedHashMap<>();
        all.put("every_count_is_written_exactly_once", Behaviours::everyCount);
        all.put("internal_topics_are_as_the_application_asks", Behaviours::internalTopics);
        all.put("offsets_are_committed_with_the_counts", Behaviours::offsets);
        all.put("what_is_counted_is_deleted_from_the_repartition_topic", Behaviours::purge);
        all.put("lost_state_is_restored_from_its_changelog", Behaviours::restore);
        all.put("a_second_instance_takes_a_share_and_then_all", Behaviours::share);
        all.put("a_killed_instance_is_succeeded_exactly_once", Behaviours::kill);
        int held = 0;
        for (Map.Entry<String, Behaviour> behaviour : all.entrySet()) {
            try (Site site = new Site(arguments[0])) {
                behaviour.getValue().hold(site);
                System.out.println("ok " + behaviour.getKey());
                held++;
            } catch (Exception | AssertionError fault) {
                fault.printStackTrace();
                System.out.println("not so " + behaviour.getKey());
            }
        }
        System.out.println(held + " of " + all.size() + " behaviours hold at " + arguments[0]);
        System.exit(held == all.size() ? 0 : 1);
    }

    private static void everyCount(Site site) throws Exception {
        site.send(200);
        site.start("one");
        site.counted();
        site.send(200);
        site.counted();
    }

    private static void internalTopics(Site site) throws Exception {
        site.start("one");
        site.send(1);
        site.counted();
        Site.same("delete -1", policy(site, "words-repartition"));
        Site.same("compact", policy(site, "counts-changelog").split(" ")[0]);
        Site.same("compact,delete", policy(site, "by-minute-changelog").split(" ")[0]);
    }

    private static String policy(Site site, String name) throws Exception {
        String topic = site.prefix + "app-" + name;
        int partitions =
                site.admin
                        .describeTopics(List.of(topic))
                        .allTopicNames()
                        .get()
                        .get(topic)
                        .partitions()
                        .size();
        Site.same(Site.PARTITIONS, partitions);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Config config =
                site.admin.describeConfigs(List.of(resource)).all().get().get(resource);
        return config.get("cleanup.policy").value() + " " + config.get("retention.ms").value();
    }

    private static void offsets(Site site) throws Exception {
        site.start("one");
        site.send(100);
        site.counted();
        String group = site.prefix + "app";
        Map<TopicPartition, Long> expected =
                site.places("lines").stream().collect(Collectors.toMap(it -> it, it -> 50L));
        Site.becomes(
                expected,
                () ->
                        site
                                .admin
                                .listConsumerGroupOffsets(group)
                                .partitionsToOffsetAndMetadata()
                                .get()
                                .entrySet()
                                .stream()
                                .filter(it -> expected.containsKey(it.getKey()))
                                .collect(
                                        Collectors.toMap(
                                                Map.Entry::getKey, it -> it.getValue().offset())));
    }

    private static void purge(Site site) throws Exception {
        site.start("one");
        site.send(100);
        site.counted();
        Map<TopicPartition, OffsetSpec> asked =
                site.places("app-words-repartition").stream()
                        .collect(Collectors.toMap(it -> it, it -> OffsetSpec.earliest()));
        Site.becomes(
                true,
                () -> {
                    // Deletion comes with a commit, and a commit with a record.
                    site.send(1);
                    return site.admin.listOffsets(asked).all().get().values().stream()
                                    .mapToLong(ListOffsetsResultInfo::offset)
                                    .sum()
                            >= 300;
                });
        site.counted();
    }

    private static void restore(Site site) throws Exception {
        KafkaStreams first = site.start("one");
        site.send(100);
        site.counted();
        first.close(Site.PATIENCE);
        Site.forget(site.state("one"));
        site.send(100);
        site.start("one");
        site.counted();
    }

    private static void share(Site site) throws Exception {
        KafkaStreams first = site.start("one");
        site.send(100);
        KafkaStreams second = site.start("two");
        Site.becomes(true, () -> tasks(first) > 0 && tasks(second) > 0);
        site.send(100);
        site.counted();
        first.close(Site.PATIENCE);
        site.send(100);
        site.counted();
    }

    private static int tasks(KafkaStreams streams) {
        return streams.metadataForLocalThreads().stream()
                .mapToInt(it -> it.activeTasks().size())
                .sum();
    }

    private static void kill(Site site) throws Exception {
        Process first = site.spawn("one");
        site.send(100);
        site.counted();
        // It is killed amid what it has not counted yet.
        site.send(2_000);
        Site.becomes(true, () -> site.written("counts").values().stream()
                .mapToInt(List::size).sum() > 300);
        first.destroyForcibly().waitFor();
        site.start("two");
        site.send(100);
        site.counted();
    }
}
