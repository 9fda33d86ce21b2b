//! The binary `services`, with services of the environment: nothing is started, so it is quick.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use trueup_testkit::{CQL_VARIABLE, KAFKA_VARIABLE, wait_until};

fn services() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_services"));
    command
        .env(KAFKA_VARIABLE, "127.0.0.1:1")
        .env(CQL_VARIABLE, "127.0.0.1:2");
    command
}

fn run(script: &str) -> Output {
    services()
        .args(["run", "--", "sh", "-c", script])
        .output()
        .expect("services")
}

#[test]
fn a_command_gets_the_addresses_and_its_exit_code_is_passed_on() {
    let output = run("echo $TRUEUP_TEST_KAFKA $TRUEUP_TEST_CQL; exit 7");
    assert_eq!(output.stdout, b"127.0.0.1:1 127.0.0.1:2\n");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(run("kill -TERM $$").status.code(), Some(128 + 15));
}

#[test]
fn wrong_usage_exits_2() {
    for wrong in [&[][..], &["run"], &["run", "--"], &["hold", "fast"]] {
        assert_eq!(
            services().args(wrong).output().unwrap().status.code(),
            Some(2)
        );
    }
}

#[test]
fn ctrl_c_reaches_the_command_which_may_still_tidy_up() {
    let mut child = services()
        .args(["run", "--", "sh", "-c"])
        .arg("trap 'echo tidy; exit 3' INT; echo up; while :; do sleep 0.05; done")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "up\n");
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let status = wait_until(Duration::from_secs(20), || child.try_wait().unwrap());
    assert_eq!(status.unwrap().code(), Some(3));
    line.clear();
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "tidy\n");
}

#[test]
fn hold_prints_the_addresses_and_ends_with_its_input() {
    let output = services()
        .arg("hold")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(
        output.stdout,
        b"TRUEUP_TEST_KAFKA=127.0.0.1:1\nTRUEUP_TEST_CQL=127.0.0.1:2\n"
    );
}
