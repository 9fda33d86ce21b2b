//! `docs/tour.md`, command for command, as a reader would type it: in an empty directory, with the
//! built binary on the path. Ports are given by the environment, since others may have the usual
//! ones. What needs a tool that is not here is left out with a word.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use trueup_testkit::{Scratch, wait_until};

const TOUR: &str = include_str!("../docs/tour.md");
const LIMIT: Duration = Duration::from_secs(60);

/// One block of commands, and what the comment above it says to the test.
#[derive(Debug)]
struct Block {
    commands: String,
    runs: bool,
    /// Not for this test: it was built already, or installs what is not ours to install.
    left_out: bool,
    real: bool,
    needs: Vec<String>,
    prints: Option<String>,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut told = String::new();
    let mut lines = TOUR.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("<!-- tour: ") {
            told = words.trim_end_matches("-->").trim().to_owned();
        } else if line == "```sh" {
            let commands: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block(&std::mem::take(&mut told), &commands.join("\n")));
        }
    }
    blocks
}

fn block(told: &str, commands: &str) -> Block {
    let mut block = Block {
        commands: commands.to_owned(),
        runs: false,
        left_out: false,
        real: false,
        needs: Vec::new(),
        prints: None,
    };
    for word in told.split("; ").filter(|word| !word.is_empty()) {
        match word.split_once(' ').unwrap_or((word, "")) {
            ("runs", _) => block.runs = true,
            ("kills", _) => {}
            ("built" | "packages", _) => block.left_out = true,
            ("real", _) => block.real = true,
            ("needs", tools) => block.needs = tools.split(' ').map(str::to_owned).collect(),
            ("prints", text) => block.prints = Some(text.to_owned()),
            _ => panic!("`{word}` is not understood"),
        }
    }
    block
}

fn is_there(tool: &str) -> bool {
    let found = |command: &mut Command| {
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let shell = format!("command -v {tool}");
    found(Command::new("sh").args(["-c", &shell]))
        || found(Command::new("python3").args(["-c", &format!("import {tool}")]))
}

/// A terminal in the reader's directory.
struct Terminal {
    scratch: Scratch,
    environment: Vec<(String, String)>,
    /// `export` lines typed so far.
    exported: String,
    running: Vec<Child>,
    /// The broker's address in the text, and the one it has here.
    kafka: String,
}

impl Terminal {
    fn new() -> Self {
        let scratch = Scratch::new("tour").unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let link = scratch.path().join("schemas");
        std::os::unix::fs::symlink(repository.join("schemas"), link).unwrap();
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_trueup"));
        let here = binary.parent().unwrap().display().to_string();
        let path = format!("{here}:{}", std::env::var("PATH").unwrap());
        let [http, ops, kafka] = free_addresses();
        let environment = [
            ("PATH", path),
            ("TRUEUP_HTTP", http),
            ("TRUEUP_OPS", ops),
            ("TRUEUP_KAFKA_LISTEN", kafka.clone()),
            ("TRUEUP_PARTITIONS", "3".to_owned()),
        ];
        Self {
            scratch,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            exported: String::new(),
            running: Vec::new(),
            kafka,
        }
    }

    fn here(&self, commands: &str) -> String {
        let ops = &self.environment[2].1;
        commands
            .replace("127.0.0.1:9092", &self.kafka)
            .replace("http://127.0.0.1:8081", &format!("http://{ops}"))
    }

    fn command(&self, commands: &str) -> Command {
        let mut command = Command::new("bash");
        let script = format!("set -euo pipefail\n{}\n{commands}", self.exported);
        command
            .args(["-c", &script])
            .current_dir(self.scratch.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Types a block, and waits until it did what it should: a reader types less fast than this.
    fn types(&mut self, block: &Block) {
        let commands = self.here(&block.commands);
        if block.runs {
            let ready = self.scratch.path().join("ready");
            let _ = fs::remove_file(&ready);
            let log = fs::File::create(self.scratch.path().join("running.log")).unwrap();
            let mut command = self.command(&format!("exec {commands}"));
            command
                .env("TRUEUP_READY_FILE", &ready)
                .stderr(log.try_clone().unwrap())
                .stdout(log);
            self.running.push(command.spawn().unwrap());
            let up = wait_until(LIMIT, || ready.exists().then_some(()));
            assert!(up.is_some(), "`{commands}` does not serve: {}", self.log());
            return;
        }
        let mut last = String::new();
        let done = wait_until(LIMIT, || {
            let output = self.command(&commands).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            last = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
            let prints = block.prints.as_ref();
            let right = prints.is_none_or(|text| said.contains(text.as_str()));
            (output.status.success() && right).then_some(())
        });
        assert!(done.is_some(), "`{commands}` says: {last}\n{}", self.log());
        for line in commands.lines().filter(|line| line.starts_with("export ")) {
            self.exported.push_str(line);
            self.exported.push('\n');
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("running.log")).unwrap_or_default()
    }

    fn walks<'a>(&mut self, blocks: impl Iterator<Item = &'a Block>) {
        for block in blocks.filter(|block| !block.left_out) {
            match block.needs.iter().find(|tool| !is_there(tool)) {
                Some(tool) => println!("left out, without `{tool}`: {}", block.commands),
                None => self.types(block),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Ports that are free now.
fn free_addresses() -> [String; 3] {
    let held = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().to_string())
}

#[test]
fn the_tour_is_walked_as_it_is_written() {
    let blocks = blocks();
    assert!(blocks.len() > 12, "{} blocks", blocks.len());
    Terminal::new().walks(blocks.iter().filter(|block| !block.real));
}
