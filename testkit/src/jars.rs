//! The jars of a service and the machine that runs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::fault::ServiceFault;

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/services");
const WORKSPACE_TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
const INSTALL_JAVA: &str = "install a JDK 17, or set TRUEUP_TEST_KAFKA and TRUEUP_TEST_CQL to \
                            services of your own";

/// Maven's own cache does not bear two that fill it at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A file kept beside the poms.
pub(crate) fn kept(path: &str) -> PathBuf {
    Path::new(SERVICES).join(path)
}

/// The directory with the jars of `service`; fetches them when they are not there yet.
pub(crate) fn of(service: &'static str) -> Result<PathBuf, ServiceFault> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(WORKSPACE_TARGET), PathBuf::from);
    let fetch = kept("fetch");
    let output = Command::new(&fetch)
        .arg(service)
        .arg(target.join("testkit"))
        .output()
        .map_err(|cause| ServiceFault::Program {
            program: fetch.display().to_string(),
            cause,
            way_out: "is the source tree still where this was built?",
        })?;
    if !output.status.success() {
        return Err(ServiceFault::Jars {
            service,
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let jars = Path::new(printed.trim());
    jars.canonicalize().map_err(|cause| ServiceFault::File {
        path: jars.to_owned(),
        cause,
    })
}

/// `java` with the jars on its class path; of `JAVA_HOME` when that is set.
pub(crate) fn java(jars: &Path) -> Command {
    java_with(jars, None)
}

/// As [`java`], with a directory of further classes.
pub(crate) fn java_with(jars: &Path, classes: Option<&Path>) -> Command {
    on_class_path("java", jars, classes)
}

/// `javac`, as [`java`].
pub(crate) fn javac(jars: &Path) -> Command {
    on_class_path("javac", jars, None)
}

fn on_class_path(program: &str, jars: &Path, classes: Option<&Path>) -> Command {
    let path = std::env::var_os("JAVA_HOME").map_or_else(
        || PathBuf::from(program),
        |home| Path::new(&home).join("bin").join(program),
    );
    let mut command = Command::new(path);
    let mut class_path = jars.as_os_str().to_owned();
    class_path.push("/*");
    if let Some(classes) = classes {
        class_path.push(":");
        class_path.push(classes);
    }
    command.arg("-cp").arg(class_path);
    // What the caller's shell gives every JVM would change heaps and log lines here.
    command.env_remove("JAVA_TOOL_OPTIONS");
    command
}

/// Runs a short Java program to its end and hands back what it printed.
pub(crate) fn run(mut command: Command) -> Result<String, ServiceFault> {
    let output = command.output().map_err(|cause| ServiceFault::Program {
        program: command.get_program().to_string_lossy().into_owned(),
        cause,
        way_out: INSTALL_JAVA,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ServiceFault::Command {
        command: format!("{command:?}"),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
