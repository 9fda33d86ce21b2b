//! Java programs on the jars of the tests' Kafka: its own tools, and sources compiled here.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::ServiceFault;
use crate::jars;
use crate::scratch::Scratch;

/// A class on Kafka's class path, as a command without arguments: `kafka-topics.sh` is
/// `org.apache.kafka.tools.TopicCommand`.
///
/// # Errors
/// No Java, no Maven and no jars.
pub fn kafka_tool(class: &str) -> Result<Command, ServiceFault> {
    let jars = jars::of("kafka")?;
    let mut command = jars::java(&jars);
    quick(&mut command);
    command.arg(class);
    Ok(command)
}

/// Programs compiled against Kafka's jars. Their classes go with this handle.
#[derive(Debug)]
pub struct JavaPrograms {
    jars: PathBuf,
    classes: Scratch,
}

impl JavaPrograms {
    /// Compiles the Java sources of a directory.
    ///
    /// # Errors
    /// No JDK, no Maven and no jars; sources that do not compile, with what `javac` says.
    pub fn compile(sources: &Path) -> Result<Self, ServiceFault> {
        let jars = jars::of("kafka")?;
        let classes = Scratch::new("java")?;
        let mut command = jars::javac(&jars);
        command.arg("-d").arg(classes.path());
        command.args(["-Xlint:all,-processing,-classfile", "-Werror"]);
        for file in java_files(sources)? {
            command.arg(file);
        }
        jars::run(command)?;
        Ok(Self { jars, classes })
    }

    /// A program of them, as a command without arguments.
    #[must_use]
    pub fn program(&self, class: &str) -> Command {
        let mut command = jars::java_with(&self.jars, Some(self.classes.path()));
        quick(&mut command);
        command.arg(class);
        command
    }
}

/// For programs that are over before a compiler would pay; they say what is an error.
fn quick(command: &mut Command) {
    command
        .args([
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
        ])
        .arg("-Xmx256m")
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
}

fn java_files(directory: &Path) -> Result<Vec<PathBuf>, ServiceFault> {
    let fault = |cause| ServiceFault::File {
        path: directory.to_owned(),
        cause,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|it| it == "java") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
