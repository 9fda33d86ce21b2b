//! Writes an event as bytes. Two deliveries of one event differ in what is not a fact: the
//! order of keys, the layout, escapes and `pending_webhooks`. Numbers and strings never differ.

use serde_json::{Map, Value, json};

use crate::fixtures::Fixtures;
use crate::random::Random;
use crate::story::StripeEvent;

/// How one body is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As Stripe sends it: two spaces of indent.
    Pretty,
    Compact,
    /// Legal JSON that no sane writer makes: tabs, carriage returns, spaces around everything.
    Airy,
}

/// The body of delivery number `delivery` (0 is the first) of `event`.
#[must_use]
pub fn body(fixtures: &Fixtures, event: &StripeEvent, delivery: u64) -> Vec<u8> {
    let mut random = Random::fork(event.look, delivery);
    let layout = match random.below(20) {
        0 => Layout::Airy,
        1..=3 => Layout::Compact,
        _ => Layout::Pretty,
    };
    let mut writer = Writer {
        out: Vec::with_capacity(6_000),
        layout,
        shuffle_keys: random.percent(30),
        escape_unicode: random.percent(20),
        random: Random::new(random.draw()),
    };
    let envelope = envelope(fixtures, event, &mut random);
    writer.value(&envelope, 0);
    writer.out
}

fn envelope(fixtures: &Fixtures, event: &StripeEvent, random: &mut Random) -> Value {
    let mut object = fixtures.object(event.fixture).clone();
    for (name, value) in &event.fields {
        object.insert(name.clone(), value.clone());
    }
    let mut data = Map::new();
    data.insert("object".into(), Value::Object(object));
    if event.event_type.ends_with(".updated") {
        data.insert("previous_attributes".into(), json!({"description": null}));
    }
    json!({
        "id": event.id,
        "object": "event",
        "api_version": "2026-07-29.dahlia",
        "created": event.created,
        "data": data,
        "livemode": false,
        "pending_webhooks": random.between(0, 3),
        "request": {"id": format!("req_{}", random.token(14)), "idempotency_key": null},
        "type": event.event_type,
    })
}

struct Writer {
    out: Vec<u8>,
    layout: Layout,
    shuffle_keys: bool,
    escape_unicode: bool,
    random: Random,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(object) => self.object(object, depth),
            Value::Array(items) => {
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.line(depth + 1);
                    self.value(item, depth + 1);
                }
                if !items.is_empty() {
                    self.line(depth);
                }
                self.out.push(b']');
            }
            Value::String(text) => self.string(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.out.extend_from_slice(value.to_string().as_bytes());
            }
        }
    }

    fn object(&mut self, object: &Map<String, Value>, depth: usize) {
        // Sorted first, so that the bytes do not hang on how the map keeps its keys.
        let mut fields: Vec<(&String, &Value)> = object.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        if self.shuffle_keys {
            self.random.shuffle(&mut fields);
        }
        self.out.push(b'{');
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line(depth + 1);
            self.string(name);
            match self.layout {
                Layout::Compact => self.out.push(b':'),
                Layout::Pretty => self.out.extend_from_slice(b": "),
                Layout::Airy => self.out.extend_from_slice(b"\t :\r\n "),
            }
            self.value(value, depth + 1);
        }
        if !fields.is_empty() {
            self.line(depth);
        }
        self.out.push(b'}');
    }

    fn line(&mut self, depth: usize) {
        match self.layout {
            Layout::Compact => {}
            Layout::Pretty => {
                self.out.push(b'\n');
                self.out.extend(std::iter::repeat_n(b' ', depth * 2));
            }
            Layout::Airy => {
                self.out.extend_from_slice(b"\r\n");
                self.out.extend(std::iter::repeat_n(b'\t', depth));
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push(b'"');
        for character in text.chars() {
            match character {
                '"' => self.out.extend_from_slice(b"\\\""),
                '\\' => self.out.extend_from_slice(b"\\\\"),
                '\n' => self.out.extend_from_slice(b"\\n"),
                '/' if self.escape_unicode => self.out.extend_from_slice(b"\\/"),
                plain if plain >= ' ' && (plain.is_ascii() || !self.escape_unicode) => {
                    self.out
                        .extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
                }
                // Beyond the basic plane this makes the two surrogates that JSON asks for.
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        self.out
                            .extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                    }
                }
            }
        }
        self.out.push(b'"');
    }
}
