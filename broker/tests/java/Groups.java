import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;

/** Members of consumer groups, of the classic protocol. */
final class Groups {
    private Groups() {}

    static void tell(Map<String, Behaviours.Behaviour> known) {
        known.put("members_share_partitions", Groups::share);
        known.put("a_static_member_keeps_its_partitions", Groups::keeps);
        known.put("a_doubled_static_member_is_fenced", Groups::doubled);
        known.put("offsets_are_committed_with_metadata", Groups::commits);
        known.put("a_member_that_was_dropped_commits_nothing", Groups::dropped);
    }

    @SafeVarargs
    private static void settle(List<Integer> counts, Consumer<String, String>... members) {
        long end = System.nanoTime() + Site.PATIENCE.toNanos();
        while (true) {
            List<Integer> held = new ArrayList<>();
            for (Consumer<String, String> member : members) {
                member.poll(Duration.ofMillis(20));
                held.add(member.assignment().size());
            }
            held.sort(null);
            if (held.equals(counts)) {
                return;
            }
            if (System.nanoTime() > end) {
                throw new AssertionError("the group holds " + held);
            }
        }
    }

    private static void share(Site site) throws Exception {
        for (Class<?> assignor :
                List.of(
                        RangeAssignor.class,
                        StickyAssignor.class,
                        CooperativeStickyAssignor.class)) {
            String topic = assignor.getSimpleName();
            site.topic(topic, 4, Map.of());
            Map<String, Object> settings =
                    Map.of("partition.assignment.strategy", assignor.getName());
            try (Consumer<String, String> first = site.consumer(topic, settings)) {
                first.subscribe(List.of(site.name(topic)));
                settle(List.of(4), first);
                try (Consumer<String, String> second = site.consumer(topic, settings)) {
                    second.subscribe(List.of(site.name(topic)));
                    settle(List.of(2, 2), first, second);
                }
                settle(List.of(4), first);
            }
        }
    }

    private static void keeps(Site site) throws Exception {
        site.topic("t", 2, Map.of());
        List<String> topics = List.of(site.name("t"));
        try (Consumer<String, String> one =
                site.consumer("g", Map.of("group.instance.id", "one"))) {
            Set<TopicPartition> held;
            int generation;
            one.subscribe(topics);
            try (Consumer<String, String> two =
                    site.consumer("g", Map.of("group.instance.id", "two"))) {
                two.subscribe(topics);
                settle(List.of(1, 1), one, two);
                held = two.assignment();
                generation = two.groupMetadata().generationId();
            }
            try (Consumer<String, String> two =
                    site.consumer("g", Map.of("group.instance.id", "two"))) {
                two.subscribe(topics);
                settle(List.of(1, 1), one, two);
                Site.same(held, two.assignment());
                Site.same(generation, two.groupMetadata().generationId());
            }
        }
    }

    private static void doubled(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        Map<String, Object> settings = Map.of("group.instance.id", "same");
        try (Consumer<String, String> first = site.consumer("g", settings);
                Consumer<String, String> second = site.consumer("g", settings)) {
            first.subscribe(List.of(site.name("t")));
            settle(List.of(1), first);
            second.subscribe(List.of(site.name("t")));
            settle(List.of(1), second);
            Site.fails(FencedInstanceIdException.class, () -> Site.poll(first, it -> false));
        }
    }

    private static void commits(Site site) throws Exception {
        site.topic("t", 2, Map.of());
        TopicPartition place = site.at("t", 0);
        try (Consumer<String, String> first = site.consumer("g", Map.of());
                Producer<String, String> producer = site.producer(Map.of())) {
            site.send(producer, "t", 0, "a", "b", "c");
            first.subscribe(List.of(site.name("t")));
            Site.poll(first, records -> records.size() == 3);
            first.commitSync(Map.of(place, new OffsetAndMetadata(2, "a note")));
        }
        try (Consumer<String, String> second = site.consumer("g", Map.of())) {
            Site.same(
                    new OffsetAndMetadata(2, "a note"), second.committed(Set.of(place)).get(place));
            second.subscribe(List.of(site.name("t")));
            Site.same("c", Site.poll(second, records -> !records.isEmpty()).get(0).value());
        }
    }

    private static void dropped(Site site) throws Exception {
        site.topic("t", 1, Map.of());
        TopicPartition place = site.at("t", 0);
        Map<String, Object> impatient = Map.of("max.poll.interval.ms", 1_000);
        try (Consumer<String, String> slow = site.consumer("g", impatient);
                Consumer<String, String> other = site.consumer("g", Map.of())) {
            slow.subscribe(List.of(site.name("t")));
            settle(List.of(1), slow);
            other.subscribe(List.of(site.name("t")));
            settle(List.of(1), other);
            Site.fails(CommitFailedException.class, () -> {
                slow.commitSync(Map.of(place, new OffsetAndMetadata(1)));
                return null;
            });
        }
    }
}
