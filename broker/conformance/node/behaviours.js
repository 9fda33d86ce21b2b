// What kafkajs relies on, by name, against the broker at an address. Every behaviour has topics,
// groups and ids of its own. The exit code is 1 where one does not hold.
"use strict";

const assert = require("node:assert/strict");
const { randomUUID } = require("node:crypto");
const { setTimeout: pause } = require("node:timers/promises");
const {
  CompressionTypes,
  ConfigResourceTypes,
  Kafka,
  PartitionAssigners,
  logLevel,
} = require("kafkajs");

const BROKER = process.argv[2];
const PATIENCE_MS = 30_000;

// A broker and clients of it, whose names have a prefix that nobody else has.
class Site {
  constructor() {
    this.prefix = `node-${randomUUID()}.`;
    this.kafka = new Kafka({
      clientId: "conformance",
      brokers: [BROKER],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, retries: 8 },
    });
    this.open = [];
  }

  name(name) {
    return this.prefix + name;
  }

  async connected(client) {
    await client.connect();
    this.open.push(client);
    return client;
  }

  async close() {
    await Promise.allSettled(this.open.reverse().map((client) => client.disconnect()));
  }

  async admin() {
    this.administrator ??= await this.connected(this.kafka.admin());
    return this.administrator;
  }

  async topic(name, numPartitions = 1, configs = {}) {
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    const topic = { topic: this.name(name), numPartitions, replicationFactor: 1, configEntries };
    return (await this.admin()).createTopics({ topics: [topic], waitForLeaders: true });
  }

  producer(settings = {}) {
    return this.connected(this.kafka.producer(settings));
  }

  transactional(name) {
    const transactionalId = this.name(name);
    return this.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  }

  send(producer, topic, values, partition = 0) {
    const messages = values.map((value) => ({ value, partition }));
    return producer.send({ topic: this.name(topic), messages });
  }

  // A member of a group, with what it was given and what it has read.
  async member(group, topic, settings = {}) {
    const consumer = this.kafka.consumer({
      groupId: this.name(group),
      sessionTimeout: 6_000,
      heartbeatInterval: 200,
      maxWaitTimeInMs: 100,
      rebalanceTimeout: 10_000,
      ...settings,
    });
    const member = { consumer, seen: [], assigned: [] };
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      member.assigned = payload.memberAssignment[this.name(topic)] ?? [];
    });
    await this.connected(consumer);
    await consumer.subscribe({ topics: [this.name(topic)], fromBeginning: true });
    await consumer.run({
      autoCommit: settings.autoCommit ?? true,
      eachMessage: async ({ partition, message }) => {
        member.seen.push({ partition, ...message });
      },
    });
    return member;
  }

  // The values of a topic, as many as are there for readers of this isolation, and one more
  // written last, so that nobody waits for what does not come.
  async values(topic, readUncommitted = false) {
    const mark = randomUUID();
    await this.send(await this.producer(), topic, [mark]);
    const member = await this.member(`reader-${randomUUID()}`, topic, { readUncommitted });
    const values = () => member.seen.map((it) => it.value.toString());
    await becomes(true, () => values().includes(mark));
    await member.consumer.disconnect();
    return values().filter((it) => it !== mark);
  }
}

async function becomes(expected, ask) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await ask();
    try {
      assert.deepEqual(seen, expected);
      return;
    } catch (fault) {
      if (Date.now() > end) throw fault;
    }
    await pause(50);
  }
}

const settled = (counts, ...members) =>
  becomes(counts, () => members.map((it) => it.assigned.length).sort());

const fails = (type, promise) =>
  assert.rejects(promise, (fault) => {
    const causes = [fault, fault.cause, fault.originalError, ...(fault.errors ?? fault.groups ?? [])];
    const types = causes.map((it) => it?.type ?? it?.error?.type);
    assert.ok(types.includes(type), `expected ${type}, seen ${types}: ${fault}`);
    return true;
  });

const behaviours = {
  async records_come_back_in_order_with_keys_and_headers(site) {
    await site.topic("t");
    const producer = await site.producer({ idempotent: true, maxInFlightRequests: 1 });
    for (let first = 0; first < 1000; first += 100) {
      const messages = Array.from({ length: 100 }, (_, index) => ({
        key: "k",
        value: `${first + index}`,
        headers: { n: `${first + index}`, many: ["a", "b"] },
        partition: 0,
      }));
      const [told] = await producer.send({
        topic: site.name("t"),
        compression: CompressionTypes.GZIP,
        messages,
      });
      assert.equal(told.baseOffset, `${first}`);
    }
    const member = await site.member("g", "t");
    await becomes(1000, () => member.seen.length);
    const numbers = Array.from({ length: 1000 }, (_, number) => `${number}`);
    assert.deepEqual(member.seen.map((it) => it.value.toString()), numbers);
    assert.equal(member.seen[7].key.toString(), "k");
    assert.equal(member.seen[7].headers.n.toString(), "7");
    assert.deepEqual(member.seen[7].headers.many.map(String), ["a", "b"]);
  },

  async transactions_are_read_whole_or_not_at_all(site) {
    await site.topic("t");
    await site.topic("u");
    const producer = await site.transactional("writer");
    for (const value of ["a", "b!", "c", "d!"]) {
      const transaction = await producer.transaction();
      await site.send(transaction, "t", [value]);
      await site.send(transaction, "u", [value]);
      await (value.endsWith("!") ? transaction.abort() : transaction.commit());
    }
    for (const topic of ["t", "u"]) {
      assert.deepEqual(await site.values(topic), ["a", "c"]);
      // The mark of the reading before is a record too.
      const all = await site.values(topic, true);
      assert.deepEqual(all.slice(0, 4), ["a", "b!", "c", "d!"]);
    }
  },

  async a_successor_fences(site) {
    await site.topic("t");
    const first = await site.transactional("same");
    const lost = await first.transaction();
    await site.send(lost, "t", ["first"]);
    const second = await site.transactional("same");
    const transaction = await second.transaction();
    await assert.rejects(lost.commit(), (fault) => {
      assert.match(fault.type ?? fault.cause?.type, /INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/);
      return true;
    });
    await site.send(transaction, "t", ["second"]);
    await transaction.commit();
    assert.deepEqual(await site.values("t"), ["second"]);
  },

  async offsets_share_the_fate_of_their_transaction(site) {
    await site.topic("in");
    await site.topic("out");
    const admin = await site.admin();
    const producer = await site.transactional("processor");
    for (const offset of [1, 2]) {
      const transaction = await producer.transaction();
      await site.send(transaction, "out", [`${offset}`]);
      const partitions = [{ partition: 0, offset: `${offset}` }];
      const topics = [{ topic: site.name("in"), partitions }];
      await transaction.sendOffsets({ consumerGroupId: site.name("g"), topics });
      await (offset === 1 ? transaction.commit() : transaction.abort());
      await becomes("1", async () => {
        const asked = { groupId: site.name("g"), topics: [site.name("in")] };
        const [held] = await admin.fetchOffsets(asked);
        return held.partitions[0].offset;
      });
    }
    assert.deepEqual(await site.values("out"), ["1"]);
  },

  async members_share_partitions(site) {
    await site.topic("t", 4);
    const partitionAssigners = [PartitionAssigners.roundRobin];
    const first = await site.member("g", "t", { partitionAssigners });
    await settled([4], first);
    const second = await site.member("g", "t", { partitionAssigners });
    await settled([2, 2], first, second);
    await first.consumer.disconnect();
    await settled([4], second);
  },

  async a_group_goes_on_where_it_stopped(site) {
    await site.topic("t");
    const producer = await site.producer();
    await site.send(producer, "t", ["a", "b"]);
    const first = await site.member("g", "t");
    await becomes(2, () => first.seen.length);
    await first.consumer.disconnect();
    await site.send(producer, "t", ["c"]);
    const second = await site.member("g", "t");
    await becomes(["c"], () => second.seen.map((it) => it.value.toString()));
  },

  async topics_are_administered(site) {
    const [admin, name] = [await site.admin(), site.name("t")];
    assert.equal(await site.topic("t", 2, { "retention.ms": "5000" }), true);
    // That it is there already is no fault to this client, which says `false`.
    assert.equal(await site.topic("t"), false);
    await fails("INVALID_REPLICATION_FACTOR", admin.createTopics({
      topics: [{ topic: site.name("u"), numPartitions: 1, replicationFactor: 7 }],
    }));
    await admin.createPartitions({ topicPartitions: [{ topic: name, count: 3 }] });
    await becomes(3, async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
      return topics[0].partitions.length;
    });
    const resource = { type: ConfigResourceTypes.TOPIC, name };
    const configEntries = [{ name: "segment.ms", value: "777" }];
    await admin.alterConfigs({ resources: [{ ...resource, configEntries }] });
    await becomes(["777"], async () => {
      const asked = { ...resource, configNames: ["segment.ms"] };
      const told = await admin.describeConfigs({ resources: [asked], includeSynonyms: true });
      return told.resources[0].configEntries.map((it) => it.configValue);
    });
    const cluster = await admin.describeCluster();
    assert.equal(cluster.brokers.length, 1);
    assert.ok(cluster.clusterId);
    await admin.deleteTopics({ topics: [name] });
    await becomes(false, async () => (await admin.listTopics()).includes(name));
  },

  async offsets_and_records_are_administered(site) {
    const [admin, topic] = [await site.admin(), site.name("t")];
    await site.topic("t", 1, { "retention.ms": "-1" });
    const producer = await site.producer();
    for (const timestamp of ["1000", "3000", "2000"]) {
      await producer.send({ topic, messages: [{ value: "x", timestamp, partition: 0 }] });
    }
    const [bounds] = await admin.fetchTopicOffsets(topic);
    assert.deepEqual([bounds.low, bounds.high], ["0", "3"]);
    const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, 1500);
    assert.equal(found.offset, "1");
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
    await becomes("2", async () => (await admin.fetchTopicOffsets(topic))[0].low);
  },

  async groups_are_administered(site) {
    const [admin, topic, groupId] = [await site.admin(), site.name("t"), site.name("g")];
    await site.topic("t");
    await fails("GROUP_ID_NOT_FOUND", admin.deleteGroups([groupId]));
    const member = await site.member("g", "t");
    await settled([1], member);
    const described = async () => (await admin.describeGroups([groupId])).groups[0];
    await becomes("Stable", async () => (await described()).state);
    assert.equal((await described()).members.length, 1);
    const { groups } = await admin.listGroups();
    assert.ok(groups.some((it) => it.groupId === groupId));
    await fails("NON_EMPTY_GROUP", admin.deleteGroups([groupId]));
    await member.consumer.disconnect();
    await becomes("Empty", async () => (await described()).state);
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: "5" }] });
    const held = async () => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return offsets.partitions[0].offset;
    };
    assert.equal(await held(), "5");
    await admin.deleteGroups([groupId]);
    await becomes("-1", held);
  },
};

async function main() {
  let held = 0;
  for (const [name, behaviour] of Object.entries(behaviours)) {
    const site = new Site();
    try {
      await behaviour(site);
      console.log(`ok ${name}`);
      held += 1;
    } catch (fault) {
      console.error(fault);
      console.log(`not so ${name}`);
    }
    await site.close();
  }
  const count = Object.keys(behaviours).length;
  console.log(`${held} of ${count} behaviours hold at ${BROKER}`);
  process.exit(held === count ? 0 : 1);
}

main();
