//! Whatever ends a program that holds a scratch directory, its processes and files go with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use trueup_testkit::{CQL_VARIABLE, KAFKA_VARIABLE, Scratch, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

fn sleeper() -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP INT TERM; while :; do sleep 0.1; done"]);
    command
}

fn is_there(pid: &str) -> bool {
    // A zombie is not there any more: its parent has only not looked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

type Output = BufReader<ChildStdout>;

/// The program that is ended here: `services`, which starts none when it is given them. Its
/// command hears of signals, and stays.
fn start_program(temporary: &Path) -> (Child, Output) {
    let script = "trap 'echo heard' HUP INT TERM; echo $$; while :; do sleep 0.05; done";
    let mut program = Command::new(env!("CARGO_BIN_EXE_services"))
        .args(["run", "--", "sh", "-c", script])
        .env(KAFKA_VARIABLE, "127.0.0.1:1")
        .env(CQL_VARIABLE, "127.0.0.1:2")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .spawn()
        .expect("services");
    let output = BufReader::new(program.stdout.take().expect("piped"));
    (program, output)
}

fn line(output: &mut Output) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}

fn send(signal: &str, program: &Child) {
    let pid = program.id().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status();
    assert!(sent.is_ok_and(|sent| sent.success()));
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).expect("a directory").count()
}

#[test]
fn a_killed_program_leaves_neither_processes_nor_files() {
    let temporary = Scratch::new("temporary").unwrap();
    let (mut program, mut output) = start_program(temporary.path());
    let pid = line(&mut output);
    assert!(is_there(&pid));
    assert_eq!(files(temporary.path()), 1);
    send("-KILL", &program);
    assert!(!program.wait().unwrap().success());
    let gone = || (!is_there(&pid) && files(temporary.path()) == 0).then_some(());
    assert!(wait_until(LIMIT, gone).is_some(), "left: {pid}");
}

#[test]
fn a_second_ctrl_c_ends_a_command_that_stays_after_the_first() {
    let temporary = Scratch::new("temporary").unwrap();
    let (mut program, mut output) = start_program(temporary.path());
    let pid = line(&mut output);
    send("-INT", &program);
    assert_eq!(line(&mut output), "heard");
    send("-INT", &program);
    let status = wait_until(LIMIT, || program.try_wait().unwrap());
    assert_eq!(status.unwrap().code(), Some(128 + 9));
    assert!(!is_there(&pid));
    assert_eq!(files(temporary.path()), 0);
}

#[test]
fn a_dropped_directory_takes_its_processes_with_it() {
    let scratch = Scratch::new("dropped").unwrap();
    let mut child = scratch.spawn(&sleeper()).unwrap();
    let path = scratch.path().to_owned();
    drop(scratch);
    assert!(!path.exists());
    let ended = wait_until(LIMIT, || child.try_wait().unwrap());
    assert!(ended.is_some_and(|status| !status.success()));
}

#[test]
fn a_killed_process_takes_its_group_with_it_and_the_directory_stays() {
    let scratch = Scratch::new("group").unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "sleep 1000 & echo $!; wait"]);
    let mut child = scratch.spawn(&command).unwrap();
    let grandchild = wait_until(LIMIT, || {
        let log = std::fs::read_to_string(scratch.log()).unwrap();
        log.ends_with('\n').then(|| log.trim().to_owned())
    })
    .unwrap();
    scratch.kill(&mut child);
    assert!(wait_until(LIMIT, || (!is_there(&grandchild)).then_some(())).is_some());
    assert!(scratch.path().exists());
}
