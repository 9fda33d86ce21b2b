import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Topics as AdminClient makes and sees them. */
final class Topics {
    private Topics() {}

    static void tell(Map<String, Behaviours.Behaviour> known) {
        known.put("topics_are_created_listed_described_and_deleted", Topics::lives);
        known.put("what_cannot_be_a_topic_is_refused", Topics::refused);
        known.put("configurations_are_altered_one_by_one", Topics::configs);
    }

    private static Set<String> listed(Site site) throws Exception {
        Set<String> names = new HashSet<>(site.admin.listTopics().names().get());
        names.removeIf(name -> !name.startsWith(site.prefix));
        return names;
    }

    private static void lives(Site site) throws Exception {
        Set<String> names = Set.of(site.name("a"), site.name("b"));
        var created = site.admin.createTopics(
                List.of(
                        new NewTopic(site.name("a"), 3, (short) 1),
                        new NewTopic(site.name("b"), Optional.empty(), Optional.empty())
                                .configs(Map.of("retention.ms", "1234"))));
        Site.same(3, created.numPartitions(site.name("a")).get());
        Site.same(1, created.replicationFactor(site.name("b")).get());
        Site.same("1234", created.config(site.name("b")).get().get("retention.ms").value());
        Uuid id = created.topicId(site.name("a")).get();
        Site.becomes(names, () -> listed(site));
        var described = site.admin.describeTopics(names).allTopicNames().get();
        TopicDescription a = described.get(site.name("a"));
        Site.same(id, a.topicId());
        Site.same(List.of(0, 1, 2), a.partitions().stream().map(it -> it.partition()).toList());
        a.partitions().forEach(it -> Site.same(1, it.isr().size()));

        site.admin.createPartitions(Map.of(site.name("a"), NewPartitions.increaseTo(5))).all().get();
        Site.becomes(5, () -> {
            var byId = TopicCollection.ofTopicIds(List.of(id));
            return site.admin.describeTopics(byId).allTopicIds().get().get(id).partitions().size();
        });

        site.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Site.becomes(Set.of(site.name("b")), () -> listed(site));
        site.admin.deleteTopics(Set.of(site.name("b"))).all().get();
        Site.becomes(Set.of(), () -> listed(site));
        Site.fails(
                UnknownTopicOrPartitionException.class,
                () -> site.admin.describeTopics(names).allTopicNames().get());
        Site.fails(
                UnknownTopicIdException.class,
                () -> site.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get());
    }

    private static void refused(Site site) throws Exception {
        String good = site.name("good");
        Map<Class<? extends Throwable>, NewTopic> cases = Map.of(
                InvalidTopicException.class, new NewTopic("a b", 1, (short) 1),
                InvalidPartitionsException.class, new NewTopic(good, 0, (short) 1),
                InvalidReplicationFactorException.class, new NewTopic(good, 1, (short) 2),
                InvalidConfigurationException.class,
                new NewTopic(good, 1, (short) 1).configs(Map.of("none", "x")));
        for (var one : cases.entrySet()) {
            Site.fails(
                    one.getKey(),
                    () -> site.admin.createTopics(List.of(one.getValue())).all().get());
        }
        List<NewTopic> wanted = List.of(new NewTopic(good, 1, (short) 1));
        CreateTopicsOptions trying = new CreateTopicsOptions().validateOnly(true);
        site.admin.createTopics(wanted, trying).all().get();
        Site.same(Set.of(), listed(site));
        site.admin.createTopics(wanted).all().get();
        Site.fails(TopicExistsException.class, () -> site.admin.createTopics(wanted).all().get());
    }

    private static void configs(Site site) throws Exception {
        site.topic("t", 1, Map.of("retention.ms", "1000", "segment.ms", "500"));
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, site.name("t"));
        Collection<AlterConfigOp> operations =
                List.of(
                        operation("retention.ms", "2000", AlterConfigOp.OpType.SET),
                        operation("segment.ms", "", AlterConfigOp.OpType.DELETE),
                        operation("cleanup.policy", "compact", AlterConfigOp.OpType.APPEND));
        site.admin.incrementalAlterConfigs(Map.of(topic, operations)).all().get();
        Map<String, String> expected =
                Map.of("retention.ms", "2000", "cleanup.policy", "delete,compact");
        Site.becomes(expected, () -> set(site, topic));
        Collection<AlterConfigOp> bad =
                List.of(operation("retention.ms", "soon", AlterConfigOp.OpType.SET));
        Site.fails(
                InvalidConfigurationException.class,
                () -> site.admin.incrementalAlterConfigs(Map.of(topic, bad)).all().get());
        Site.same(expected, set(site, topic));
        ConfigResource none = new ConfigResource(ConfigResource.Type.TOPIC, site.name("none"));
        Site.fails(
                UnknownTopicOrPartitionException.class,
                () -> site.admin.describeConfigs(Set.of(none)).all().get());
    }

    private static AlterConfigOp operation(String name, String value, AlterConfigOp.OpType kind) {
        return new AlterConfigOp(new ConfigEntry(name, value), kind);
    }

    /** What is set on the topic itself. */
    private static Map<String, String> set(Site site, ConfigResource topic) throws Exception {
        Config config = site.admin.describeConfigs(Set.of(topic)).all().get().get(topic);
        return config.entries().stream()
                .filter(it -> it.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                .collect(Collectors.toMap(ConfigEntry::name, ConfigEntry::value));
    }
}
