//! A disk that is full under the whole process: a small file system of its own, in a name space
//! of its own, where somebody who is not root may make one.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use trueup_testkit::{Scratch, wait_until};

use crate::bench::{LIMIT, success, trueup};

/// Starts it again when it ends, so that the file system outlives a kill.
const SCRIPT: &str = r#"mount -t tmpfs -o size=40m none "$0" &&
    while :; do "$TRUEUP" dev --data-dir "$0/data" --partitions 3 --http 127.0.0.1:0 \
        --ops 127.0.0.1:0 --kafka-listen 127.0.0.1:0 --ready-file "$1"; done"#;

struct Cramped {
    scratch: Scratch,
    supervisor: Child,
}

impl Cramped {
    /// `None` where name spaces are not for everybody.
    fn start() -> Option<Self> {
        let allowed = Command::new("unshare")
            .args(["-rm", "true"])
            .stderr(Stdio::null())
            .status();
        if !allowed.is_ok_and(|status| status.success()) {
            return None;
        }
        let scratch = Scratch::new("cramped").unwrap();
        let disk = scratch.path().join("disk");
        fs::create_dir(&disk).unwrap();
        let log = fs::File::create(scratch.path().join("cramped.log")).unwrap();
        let supervisor = Command::new("unshare")
            .args(["-rm", "bash", "-c", SCRIPT])
            .arg(&disk)
            .arg(scratch.path().join("ready"))
            .env("TRUEUP", env!("CARGO_BIN_EXE_trueup"))
            .process_group(0)
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        Some(Self {
            scratch,
            supervisor,
        })
    }

    /// The ready file of a life other than this one.
    fn ready(&self, other_than: u64) -> Value {
        let read = || -> Option<Value> {
            let text = fs::read(self.scratch.path().join("ready")).ok()?;
            let ready: Value = serde_json::from_slice(&text).ok()?;
            (ready["pid"].as_u64()? != other_than).then_some(ready)
        };
        wait_until(LIMIT, read).unwrap_or_else(|| panic!("not ready: {}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("cramped.log")).unwrap_or_default()
    }

    /// The disk as the process sees it.
    fn disk(&self, pid: u64) -> PathBuf {
        let disk = self.scratch.path().join("disk");
        PathBuf::from(format!("/proc/{pid}/root{}", disk.display()))
    }

    /// The code of the answer to each event.
    fn send(&self, ready: &Value, events: &[Value]) -> Vec<String> {
        let file = self.scratch.path().join("events.jsonl");
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        fs::write(&file, lines.join("\n")).unwrap();
        let secret = self.disk(ready["pid"].as_u64().unwrap());
        let secret = secret.join("data/webhook-secret");
        let output = trueup()
            .args(["send", "--http", ready["http"].as_str().unwrap()])
            .args(["--stripe-webhook-secret-file", secret.to_str().unwrap()])
            .args([file.to_str().unwrap()])
            .output();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let codes = said.lines().filter_map(|line| line.split(' ').next());
        codes.map(str::to_owned).collect()
    }

    fn fill(&self, pid: u64) {
        let filler = fs::File::create(self.disk(pid).join("filler")).unwrap();
        let block = vec![0; 64 * 1024];
        let mut size = block.len();
        while size > 0 {
            match std::io::Write::write(&mut &filler, &block[..size]) {
                Ok(_) => {}
                Err(_) => size /= 2,
            }
        }
    }
}

impl Drop for Cramped {
    fn drop(&mut self) {
        // The whole group: the supervisor would start it again.
        let group = format!("-{}", self.supervisor.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).status();
        let _ = self.supervisor.wait();
    }
}

fn readiness(ready: &Value) -> u16 {
    asked(ready, "/actuator/health/readiness").0
}

/// The code and the body of the ops listener's answer.
fn asked(ready: &Value, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let ops = ready["ops"].as_str().unwrap();
    let mut answer = agent.get(format!("http://{ops}{path}")).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), body)
}

fn of(name: &str) -> Vec<Value> {
    let orders = (0..4).map(|number| format!("{name}{number}"));
    orders.map(|order| success(&order, 1)).collect()
}

fn becomes_paid(ready: &Value, order: &str) {
    let ops = ready["ops"].as_str().unwrap();
    let paid = wait_until(LIMIT, || {
        let found = trueup()
            .args(["order", order, "--json", "--ops", ops])
            .output();
        let order: Value = serde_json::from_slice(&found.stdout).ok()?;
        (order["status"] == "paid" && order["amount_received"] == 1_000).then_some(())
    });
    assert!(paid.is_some(), "{order} is not paid");
}

#[test]
fn a_full_disk_is_told_takes_nothing_in_and_loses_nothing() {
    let Some(cramped) = Cramped::start() else {
        println!("left out: no name space to make a small file system in");
        return;
    };
    let first = cramped.ready(0);
    let pid = first["pid"].as_u64().unwrap();
    assert!(
        cramped
            .send(&first, &of("before"))
            .iter()
            .all(|code| code == "200")
    );
    becomes_paid(&first, "before3");
    assert_eq!(readiness(&first), 200);

    cramped.fill(pid);
    let answers = cramped.send(&first, &of("while"));
    assert!(answers.contains(&"503".to_owned()), "{answers:?}");
    assert_eq!(readiness(&first), 503);

    // Killed while full: what was accepted is there when there is room, and so is what comes then.
    let accepted: Vec<usize> = (0..answers.len())
        .filter(|at| answers[*at] == "200")
        .collect();
    fs::remove_file(cramped.disk(pid).join("filler")).unwrap();
    let again = wait_until(LIMIT, || (readiness(&first) == 200).then_some(()));
    let health = asked(&first, "/actuator/health").1;
    assert!(again.is_some(), "{health}\n{}", cramped.log());
    assert!(
        cramped
            .send(&first, &of("after"))
            .iter()
            .all(|code| code == "200")
    );
    becomes_paid(&first, "after3");
    cramped.fill(pid);
    let _ = cramped.send(&first, &of("again")[..1]);
    let kill = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(kill.unwrap().success());
    // The filler is in the name space of the supervisor too.
    let supervisor = u64::from(cramped.supervisor.id());
    fs::remove_file(cramped.disk(supervisor).join("filler")).unwrap();
    let second = cramped.ready(pid);
    for number in accepted {
        becomes_paid(&second, &format!("while{number}"));
    }
    becomes_paid(&second, "before3");
    assert!(
        cramped
            .send(&second, &of("end"))
            .iter()
            .all(|code| code == "200")
    );
    becomes_paid(&second, "end3");
}
