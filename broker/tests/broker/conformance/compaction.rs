//! Compaction: the last value of each key stays; nothing of an open transaction is touched.

use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::site::{PATIENCE, Site, text};

fn put(site: &Site, producer: &BaseProducer, key: &str, value: Option<&str>) {
    let topic = site.name("t");
    let mut record = BaseRecord::<str, str>::to(&topic).key(key).partition(0);
    record.payload = value;
    producer.send(record).map_err(|(fault, _)| fault).unwrap();
    producer.flush(PATIENCE).unwrap();
}

fn read(site: &Site, isolation: &str) -> Vec<String> {
    site.records("t", 0, isolation, |message| {
        let value = message
            .payload()
            .map_or("-".to_owned(), |value| text(Some(value)));
        format!("{}={value}", text(message.key()))
    })
}

pub(super) fn the_last_value_of_each_key_is_kept_and_nothing_open_is_lost(site: &Site) {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
    ];
    site.create_topic("t", 1, &settings);
    let plain = site.producer(&[]);
    let writer = site.transactional_for("writer", 4 * PATIENCE);
    for (key, value) in [
        ("a", Some("1")),
        ("b", Some("1")),
        ("a", Some("2")),
        ("b", None),
    ] {
        put(site, &plain, key, value);
    }
    for (value, commits) in [("3", true), ("4", false)] {
        writer.begin_transaction().unwrap();
        put(site, &writer, "a", Some(value));
        if commits {
            writer.commit_transaction(PATIENCE).unwrap();
        } else {
            writer.abort_transaction(PATIENCE).unwrap();
        }
    }
    // The segment in use is never compacted; what comes now goes into others.
    let expected = ["b=-", "a=3"].map(str::to_owned);
    let mut beats = 0;
    let seen = trueup_testkit::wait_until(2 * PATIENCE, || {
        beats += 1;
        put(site, &plain, "beat", Some(&beats.to_string()));
        let all = read(site, "read_committed");
        let kept: Vec<String> = all
            .into_iter()
            .filter(|it| !it.starts_with("beat"))
            .collect();
        (kept == expected).then_some(())
    });
    assert!(seen.is_some(), "{:?}", read(site, "read_committed"));

    // Below the open transaction a key goes, above it none does.
    writer.begin_transaction().unwrap();
    put(site, &writer, "a", Some("open"));
    for value in ["1", "2", "3"] {
        put(site, &plain, "c", Some(value));
    }
    let above = ["a=open", "c=1", "c=2", "c=3"].map(str::to_owned);
    let all = read(site, "read_uncommitted");
    assert!(all.ends_with(&above), "{all:?}");
    writer.commit_transaction(PATIENCE).unwrap();
    let seen = trueup_testkit::wait_until(2 * PATIENCE, || {
        beats += 1;
        put(site, &plain, "beat", Some(&beats.to_string()));
        let all = read(site, "read_committed");
        let kept: Vec<String> = all
            .into_iter()
            .filter(|it| !it.starts_with("beat"))
            .collect();
        (kept == ["b=-", "a=open", "c=3"].map(str::to_owned)).then_some(())
    });
    assert!(seen.is_some(), "{:?}", read(site, "read_committed"));
}
