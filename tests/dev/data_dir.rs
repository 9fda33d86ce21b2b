//! The data directory: one owner, and secrets that nobody else may read.

use std::os::unix::fs::PermissionsExt;

use crate::bench::{Dev, said, success, trueup};

#[test]
fn a_second_process_on_the_same_data_is_refused_and_does_no_harm() {
    let dev = Dev::start(&[]);
    let data = dev.data();
    let second = trueup()
        .args(["dev", "--data-dir", data.to_str().unwrap()])
        .args(["--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"])
        .args(["--kafka-listen", "127.0.0.1:0"])
        .output();
    assert_eq!(second.status.code(), Some(1));
    let said = said(&second);
    assert!(said.contains("is in use by another `trueup dev`"), "{said}");
    assert!(said.contains(&dev.process.pid().to_string()), "{said}");
    assert!(dev.send(&[success("mug", 1)]).status.success());
}

#[test]
fn its_secrets_stay_the_same_and_are_its_owners_alone() {
    let mut dev = Dev::start(&[]);
    let read = |dev: &Dev| {
        ["webhook-secret", "signing-keys"].map(|name| {
            let path = dev.data().join(name);
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            std::fs::read_to_string(path).unwrap()
        })
    };
    let before = read(&dev);
    dev.kill_and_restart();
    assert_eq!(read(&dev), before);
}

#[test]
fn another_partition_count_than_the_data_has_is_refused() {
    let mut dev = Dev::start(&[]);
    dev.process.terminate(crate::bench::LIMIT);
    let data = dev.data();
    let other = trueup()
        .args([
            "dev",
            "--partitions",
            "5",
            "--data-dir",
            data.to_str().unwrap(),
        ])
        .args(["--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"])
        .args(["--kafka-listen", "127.0.0.1:0"])
        .output();
    assert_eq!(other.status.code(), Some(1));
    assert!(said(&other).contains("partition count"), "{}", said(&other));
}

#[test]
fn wrong_settings_are_told_before_anything_is_made() {
    let directory = std::env::temp_dir().join(format!("trueup-dev-{}-none", std::process::id()));
    let wrong = trueup()
        .args(["dev", "--data-dir", directory.to_str().unwrap()])
        .args(["--kafka-listen", "0.0.0.0:0", "--grace", "soon"])
        .output();
    assert_eq!(wrong.status.code(), Some(2));
    let said = said(&wrong);
    assert!(
        said.contains("--kafka-listen") && said.contains("--grace"),
        "{said}"
    );
    assert!(!directory.exists());
}
