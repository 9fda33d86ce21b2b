//! Open gaps as people and programs list them: beside a running `dev`, and from its Kafka.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus};
use trueup_domain::money::Currency;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::GapSetRecord;
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success, trueup};

/// Writes as any Java client would.
fn put(dev: &Dev, topic: &str, key: &str, value: &[u8]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", dev.ready.kafka.as_deref().unwrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let record = BaseRecord::to(topic).key(key).payload(value);
    producer.send(record).map_err(|(fault, _)| fault).unwrap();
    producer.flush(LIMIT).unwrap();
}

fn gap(kind: GapKind, since: i64, amount: i64, currency: &str) -> Gap {
    Gap {
        kind,
        status: GapStatus::Open,
        amount,
        currency: Currency::try_from(currency).unwrap(),
        payment: Some(format!("pi_{since}").as_str().try_into().unwrap()),
        since,
        deadline: since + 1_000,
        unpaid: true,
    }
}

fn put_gaps(dev: &Dev, order: &str, gaps: Vec<Gap>) {
    let set = GapSetRecord {
        order_id: order.try_into().unwrap(),
        version: 1,
        gaps: GapSet { gaps },
    };
    put(
        dev,
        "payments.gaps",
        order,
        &Codec::SingleObject.encode(&set),
    );
}

/// What `gaps --json` prints with these arguments.
fn listed(arguments: &[&str]) -> Value {
    let told = trueup()
        .args(["gaps", "--json"])
        .args(arguments.to_vec())
        .output();
    assert!(told.status.success(), "{}", said(&told));
    serde_json::from_slice(&told.stdout).unwrap()
}

fn orders(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|gap| gap["order_id"].as_str().unwrap()).collect()
}

/// Every page one after the other, each of `limit`.
fn paged(arguments: &[&str], limit: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--limit", limit]);
        arguments.extend(
            cursor
                .iter()
                .flat_map(|cursor| ["--cursor", cursor.as_str()]),
        );
        let page = listed(&arguments);
        assert!(orders(&page).len() <= limit.parse().unwrap());
        all.extend(orders(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return all,
        }
    }
}

fn snapshot(dev: &Dev, order: &str, status: &str, version: i64) {
    let told = json!({
        "order_id": order, "status": status, "amount_due": 1_000, "currency": "eur",
        "version": version, "updated_at": 1_700_000_000_000_i64 + version,
    });
    put(dev, "orders", order, told.to_string().as_bytes());
}

#[test]
fn open_gaps_are_listed_oldest_first_by_kind_and_page_from_the_process_and_from_kafka() {
    let dev = Dev::start(&[]);
    let (ops, kafka) = (dev.ops(), dev.ready.kafka.clone().unwrap());
    assert_eq!(listed(&["--ops", ops]), json!({"items": [], "next": null}));
    for place in 0..5 {
        let disputed = gap(GapKind::DisputeOpen, 1_000 + place, 7, "jpy");
        let unlinked = gap(GapKind::Unlinked, 2_000 - place, 1_050, "eur");
        put_gaps(&dev, &format!("o{place}"), vec![disputed, unlinked]);
    }
    let mut awaiting = gap(GapKind::DisputeOpen, 1, 7, "jpy");
    awaiting.status = GapStatus::Awaiting;
    put_gaps(&dev, "o5", vec![awaiting]);
    let oldest_first = ["o0", "o1", "o2", "o3", "o4", "o4", "o3", "o2", "o1", "o0"];
    let read = wait_until(LIMIT, || {
        (orders(&listed(&["--ops", ops])).len() == 10).then_some(())
    });
    assert!(read.is_some(), "{}", listed(&["--ops", ops]));
    for from in [["--ops", ops], ["--kafka", kafka.as_str()]] {
        assert_eq!(paged(&from, "3"), oldest_first, "{from:?}");
        assert_eq!(paged(&from, "1000"), oldest_first, "{from:?}");
        let [flag, address] = from;
        let disputed = [flag, address, "--kind", "dispute_open"];
        assert_eq!(paged(&disputed, "2"), oldest_first[..5], "{from:?}");
        let neither = [
            flag,
            address,
            "--kind",
            "dispute_lost",
            "--kind",
            "order_full",
        ];
        assert_eq!(paged(&neither, "2"), Vec::<String>::new(), "{from:?}");
        let mut first = listed(&[flag, address, "--limit", "1"])["items"][0].clone();
        let age = first
            .as_object_mut()
            .unwrap()
            .remove("age_seconds")
            .unwrap();
        assert!(age.as_i64().unwrap() > 1_700_000_000, "{age}");
        let expected = json!({
            "order_id": "o0", "kind": "dispute_open", "status": "open", "amount": 7,
            "currency": "jpy", "payment_intent": "pi_1000",
            "since": "1970-01-01T00:00:01.000Z", "deadline": "1970-01-01T00:00:02.000Z",
        });
        assert_eq!(first, expected, "{from:?}");
        let shown = trueup().args(["gaps"]).args(from).output();
        let text = said(&shown);
        assert!(
            text.contains("7 JPY") && text.contains("10.50 EUR"),
            "{text}"
        );
        assert!(
            text.ends_with("10 open gaps: 52.50 EUR, 35 JPY\n"),
            "{text}"
        );
    }
}

#[test]
fn the_api_says_what_is_wrong_with_a_query() {
    let dev = Dev::start(&[]);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    for (query, named) in [
        ("?limit=1001", "`limit`"),
        ("?kind=paid", "paid_not_marked"),
        ("?cursor=zzz", "`cursor`"),
        ("?status=open", "`status`"),
    ] {
        let url = format!("http://{}/api/v1/gaps{query}", dev.ops());
        let mut answer = agent.get(url).call().unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        let told: Value = answer.body_mut().read_json().unwrap();
        assert_eq!(told["error"]["code"], "bad_request", "{told}");
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn a_gap_that_is_watched_comes_and_goes_and_the_watch_ends_cleanly() {
    let dev = Dev::start(&["--grace", "1ms"]);
    let mut watch = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["gaps", "--watch", "--interval", "50ms", "--ops", dev.ops()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut seen = |wanted: &str| {
        let found = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(wanted));
        assert!(found.is_some(), "never said: {wanted}");
    };
    seen("no open gap");
    snapshot(&dev, "W1", "pending", 1);
    let known = wait_until(LIMIT, || dev.look_up("order", "W1"));
    assert!(known.is_some());
    let sent = dev.send(&[success("W1", 1)]);
    assert!(sent.status.success(), "{}", said(&sent));
    seen("1 open gap: 10.00 EUR");
    seen("paid_not_marked");
    snapshot(&dev, "W1", "paid", 2);
    seen("no open gap");
    let pid = watch.id().to_string();
    let signalled = Command::new("kill").args(["-INT", pid.as_str()]).status();
    assert!(signalled.unwrap().success());
    // What was written meanwhile has to be read for the process to end.
    assert!(lines.all(|line| line.is_ok()));
    let ended = wait_until(Duration::from_secs(10), || watch.try_wait().unwrap());
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}
