//! The compose file: every image has a version, every service that stays says whether it is well,
//! and whoever needs another waits until that one is.
//!
//! Whether Docker can read it: `monitoring/check`.

use std::collections::BTreeMap;

use crate::read;

/// Each service's lines, without comments, by name.
fn services() -> BTreeMap<String, String> {
    let text = read("docker-compose.yml");
    let mut services = BTreeMap::new();
    let mut name = String::new();
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let inside = lines
        .skip_while(|line| *line != "services:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '));
    for line in inside {
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        if let (true, Some(found)) = (is_name, line.trim().strip_suffix(':')) {
            name = found.to_owned();
        }
        let text: &mut String = services.entry(name.clone()).or_default();
        text.push_str(line);
        text.push('\n');
    }
    assert!(services.len() > 6, "{} services", services.len());
    services
}

fn is_ours(text: &str) -> bool {
    text.contains("<<: *trueup")
}

/// It does its work and ends.
fn ends(text: &str) -> bool {
    text.contains("restart: \"no\"")
}

#[test]
fn every_image_is_pinned_to_a_version() {
    for (name, text) in services() {
        if is_ours(&text) {
            continue;
        }
        let image = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("image: "));
        let tag = image.and_then(|image| image.rsplit_once(':'));
        let (_, tag) = tag.unwrap_or_else(|| panic!("{name}: {image:?} has no version"));
        assert!(
            tag.chars().filter(char::is_ascii_digit).count() >= 2 && tag.contains('.'),
            "{name}: `{tag}` is no version"
        );
    }
}

#[test]
fn every_service_that_stays_says_whether_it_is_well() {
    for (name, text) in services() {
        assert_ne!(text.contains("healthcheck:"), ends(&text), "{name}");
    }
}

#[test]
fn whoever_needs_another_waits_until_it_is_well_or_done() {
    let services = services();
    let mut waits = 0;
    for (name, text) in &services {
        for line in text.lines().filter(|line| line.contains("condition: ")) {
            let (needed, condition) = line.trim().split_once(": {condition: ").unwrap();
            let needed = services
                .get(needed)
                .unwrap_or_else(|| panic!("{name} waits for `{needed}`, which does not exist"));
            let expected = if ends(needed) {
                "service_completed_successfully}"
            } else {
                "service_healthy}"
            };
            assert_eq!(condition, expected, "{name}: {line}");
            waits += 1;
        }
        let waits_for = text.contains("depends_on:") || !is_ours(text);
        assert!(waits_for, "{name} starts before what it needs");
    }
    assert!(waits >= 5, "only {waits} conditions were read");
}

#[test]
fn no_port_leaves_the_machine_unless_it_is_the_proxys() {
    for (name, text) in services() {
        let ports = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("ports: ["));
        for port in ports.flat_map(|ports| ports.trim_end_matches(']').split(", ")) {
            assert!(
                port.starts_with("\"127.0.0.1:") || name == "caddy",
                "{name} publishes {port} to everybody"
            );
        }
    }
}
