"""What confluent-kafka relies on, by name, against the broker at an address.

Every behaviour has topics, groups and ids of its own. The exit code is 1 where one does not hold.
"""

import sys
import time
import traceback
import uuid

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_INVALID,
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

PATIENCE = 30.0
BROKER = sys.argv[1]


class Site:
    """A broker and clients of it, whose names have a prefix that nobody else has."""

    def __init__(self):
        self.prefix = f"python-{uuid.uuid4().hex}."
        self.admin = AdminClient({"bootstrap.servers": BROKER})

    def name(self, name):
        return self.prefix + name

    def topic(self, name, partitions=1, config=None):
        wanted = NewTopic(self.name(name), partitions, 1, config=config or {})
        self.admin.create_topics([wanted])[self.name(name)].result()

    def producer(self, **settings):
        config = {"bootstrap.servers": BROKER, "linger.ms": 0}
        return Producer(config | {key.replace("_", "."): it for key, it in settings.items()})

    def transactional(self, name):
        producer = self.producer(transactional_id=self.name(name))
        producer.init_transactions(PATIENCE)
        return producer

    def send(self, producer, topic, *values, partition=0, key=None):
        for value in values:
            producer.produce(self.name(topic), value, key=key, partition=partition)
        assert producer.flush(PATIENCE) == 0

    def consumer(self, group, **settings):
        config = {
            "bootstrap.servers": BROKER,
            "group.id": self.name(group),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
        }
        return Consumer(config | {key.replace("_", "."): it for key, it in settings.items()})

    def values(self, topic, partition=0, isolation="read_committed"):
        reader = self.consumer("reader", isolation_level=isolation)
        reader.assign([TopicPartition(self.name(topic), partition, OFFSET_BEGINNING)])
        values = []
        try:
            while True:
                message = reader.poll(PATIENCE)
                assert message is not None, "the end of the partition"
                if message.error() is None:
                    values.append((message.value() or b"").decode())
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    return values
        finally:
            reader.close()


def becomes(expected, ask):
    end = time.monotonic() + PATIENCE
    while (seen := ask()) != expected:
        assert time.monotonic() < end, f"expected {expected}, seen {seen}"
        time.sleep(0.05)


def fails(code, call):
    try:
        call()
    except KafkaException as fault:
        assert fault.args[0].code() == code, fault
        return
    raise AssertionError(f"it did not fail with {code}")


def settle(counts, *members):
    end = time.monotonic() + PATIENCE
    while True:
        for member in members:
            member.poll(0.02)
        held = sorted(len(member.assignment()) for member in members)
        if held == counts:
            return
        assert time.monotonic() < end, f"the group holds {held}"


def records_come_back_in_order_with_keys_and_headers(site):
    site.topic("t")
    producer = site.producer(enable_idempotence=True, compression_type="zstd")
    fates = []
    for number in range(1000):
        producer.produce(
            site.name("t"),
            f"{number}",
            key=b"k",
            headers=[("n", f"{number}".encode()), ("none", None)],
            on_delivery=lambda fault, message: fates.append((fault, message.offset())),
        )
    assert producer.flush(PATIENCE) == 0
    assert fates == [(None, number) for number in range(1000)]
    reader = site.consumer("g")
    reader.subscribe([site.name("t")])
    seen = []
    end = time.monotonic() + PATIENCE
    while len(seen) < 1000 and time.monotonic() < end:
        seen += [it for it in reader.consume(500, 0.2) if it.error() is None]
    assert [it.value() for it in seen] == [f"{number}".encode() for number in range(1000)]
    assert seen[7].headers() == [("n", b"7"), ("none", None)]
    assert seen[7].key() == b"k"
    reader.close()


def transactions_are_read_whole_or_not_at_all(site):
    site.topic("t", 2)
    producer = site.transactional("writer")
    for value in ["a", "b!", "c", "d!"]:
        producer.begin_transaction()
        for partition in range(2):
            site.send(producer, "t", value, partition=partition)
        if value.endswith("!"):
            producer.abort_transaction(PATIENCE)
        else:
            producer.commit_transaction(PATIENCE)
    for partition in range(2):
        becomes(["a", "c"], lambda: site.values("t", partition))
        seen = site.values("t", partition, "read_uncommitted")
        assert seen == ["a", "b!", "c", "d!"], seen


def a_successor_fences(site):
    site.topic("t")
    first = site.transactional("same")
    first.begin_transaction()
    site.send(first, "t", "first")
    second = site.transactional("same")
    try:
        first.commit_transaction(PATIENCE)
        raise AssertionError("a fenced producer committed")
    except KafkaException as fault:
        assert fault.args[0].fatal(), fault
    second.begin_transaction()
    site.send(second, "t", "second")
    second.commit_transaction(PATIENCE)
    becomes(["second"], lambda: site.values("t"))


def offsets_share_the_fate_of_their_transaction(site):
    site.topic("in")
    site.topic("out")
    site.send(site.producer(), "in", "a", "b")
    consumer = site.consumer("g")
    consumer.subscribe([site.name("in")])
    settle([1], consumer)
    producer = site.transactional("processor")
    for offset in [1, 2]:
        producer.begin_transaction()
        site.send(producer, "out", f"{offset}")
        offsets = [TopicPartition(site.name("in"), 0, offset)]
        producer.send_offsets_to_transaction(
            offsets, consumer.consumer_group_metadata(), PATIENCE
        )
        if offset == 1:
            producer.commit_transaction(PATIENCE)
        else:
            producer.abort_transaction(PATIENCE)
        place = [TopicPartition(site.name("in"), 0)]
        assert consumer.committed(place, PATIENCE)[0].offset == 1
    consumer.close()
    becomes(["1"], lambda: site.values("out"))


def members_share_partitions(site):
    site.topic("t", 4)
    for strategy in ["range", "cooperative-sticky"]:
        first = site.consumer(strategy, partition_assignment_strategy=strategy)
        first.subscribe([site.name("t")])
        settle([4], first)
        second = site.consumer(strategy, partition_assignment_strategy=strategy)
        second.subscribe([site.name("t")])
        settle([2, 2], first, second)
        first.close()
        settle([4], second)
        second.close()


def topics_are_administered(site):
    admin, name = site.admin, site.name("t")
    site.topic("t", 2, {"retention.ms": "5000"})
    fails(KafkaError.TOPIC_ALREADY_EXISTS, lambda: site.topic("t"))
    admin.create_partitions([NewPartitions(name, 3)])[name].result()
    becomes(3, lambda: len(admin.list_topics(name, PATIENCE).topics[name].partitions))
    resource = ConfigResource(ResourceType.TOPIC, name)
    operation = AlterConfigOpType.SET
    resource.add_incremental_config(
        ConfigEntry("segment.ms", "777", incremental_operation=operation)
    )
    admin.incremental_alter_configs([resource])[resource].result()
    asked = ConfigResource(ResourceType.TOPIC, name)

    def configs():
        described = admin.describe_configs([asked])[asked].result()
        return [described[it].value for it in ["retention.ms", "segment.ms"]]

    becomes(["5000", "777"], configs)
    cluster = admin.describe_cluster().result()
    assert len(cluster.nodes) == 1 and cluster.cluster_id
    admin.delete_topics([name])[name].result()
    becomes(False, lambda: name in admin.list_topics(timeout=PATIENCE).topics)


def offsets_and_records_are_administered(site):
    admin, name = site.admin, site.name("t")
    site.topic("t", 1, {"retention.ms": "-1"})
    producer = site.producer()
    for moment in [1000, 3000, 2000]:
        producer.produce(name, "x", partition=0, timestamp=moment)
        producer.flush(PATIENCE)
    place = TopicPartition(name, 0)

    def offset(spec):
        asked = admin.list_offsets(
            {place: spec}, isolation_level=IsolationLevel.READ_COMMITTED
        )
        return asked[place].result().offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.max_timestamp()) == 1
    assert offset(OffsetSpec.for_timestamp(1500)) == 1
    deleted = admin.delete_records([TopicPartition(name, 0, 2)])
    (result,) = deleted.values()
    assert result.result().low_watermark == 2
    assert offset(OffsetSpec.earliest()) == 2


def groups_are_administered(site):
    admin, name, group = site.admin, site.name("t"), site.name("g")
    site.topic("t")
    fails(
        KafkaError.GROUP_ID_NOT_FOUND, lambda: admin.delete_consumer_groups([group])[group].result()
    )
    member = site.consumer("g")
    member.subscribe([name])
    settle([1], member)

    def described():
        return admin.describe_consumer_groups([group])[group].result()

    becomes(ConsumerGroupState.STABLE, lambda: described().state)
    assert len(described().members) == 1
    listed = admin.list_consumer_groups().result().valid
    assert group in [it.group_id for it in listed]
    fails(
        KafkaError.NON_EMPTY_GROUP, lambda: admin.delete_consumer_groups([group])[group].result()
    )
    member.close()
    becomes(ConsumerGroupState.EMPTY, lambda: described().state)
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0, 5)])
    admin.alter_consumer_group_offsets([wanted])[group].result()
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0)])

    def held():
        offsets = admin.list_consumer_group_offsets([asked])[group].result()
        return offsets.topic_partitions[0].offset

    assert held() == 5
    admin.delete_consumer_groups([group])[group].result()
    becomes(OFFSET_INVALID, held)


BEHAVIOURS = [
    records_come_back_in_order_with_keys_and_headers,
    transactions_are_read_whole_or_not_at_all,
    a_successor_fences,
    offsets_share_the_fate_of_their_transaction,
    members_share_partitions,
    topics_are_administered,
    offsets_and_records_are_administered,
    groups_are_administered,
]

held = 0
for behaviour in BEHAVIOURS:
    try:
        behaviour(Site())
    except Exception:
        traceback.print_exc()
        print(f"not so {behaviour.__name__}", flush=True)
        continue
    print(f"ok {behaviour.__name__}", flush=True)
    held += 1
print(f"{held} of {len(BEHAVIOURS)} behaviours hold at {BROKER}")
sys.exit(held != len(BEHAVIOURS))
