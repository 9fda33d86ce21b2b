//! `services`: the services of the tests for as long as another command runs, or until told.
//! Exit code: the command's own; 1 when a service fails; 2 for wrong usage.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use trueup_testkit::{
    CQL_VARIABLE, Cassandra, CassandraOptions, KAFKA_VARIABLE, Kafka, KafkaOptions, Scratch,
    ServiceFault, given,
};

const USAGE: &str = "usage: services run -- COMMAND [ARGUMENT…]   (the services while it runs)
       services hold                           (until stdin ends, SIGINT or SIGTERM)
The command finds them in TRUEUP_TEST_KAFKA and TRUEUP_TEST_CQL; one that is set already is used
and not started.";
/// Between passing on a signal and SIGKILL.
const GOODBYE: Duration = Duration::from_secs(10);
/// What a shell says of a command that a signal ended.
const BY_SIGNAL: u8 = 128;

/// The process group of the command, once it runs.
static GROUP: OnceLock<Pid> = OnceLock::new();

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["run", "--", program, rest @ ..] => listen().and_then(|()| run(program, rest)),
        ["hold"] => listen().and_then(|()| hold()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|fault| {
        eprintln!("services: {fault}");
        ExitCode::FAILURE
    })
}

/// Passes signals on to the command. Before there is one, a signal ends this process, and the
/// watchdogs of its services see to the rest.
fn listen() -> Result<(), ServiceFault> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|cause| {
        let way_out = "signals cannot be received here";
        program("services", cause, way_out)
    })?;
    std::thread::spawn(move || {
        for (count, signal) in signals.forever().enumerate() {
            let passed_on = match (count, signal) {
                (0, SIGINT) => Signal::INT,
                (0, SIGHUP) => Signal::HUP,
                (0, _) => Signal::TERM,
                _ => Signal::KILL,
            };
            let Some(group) = GROUP.get() else {
                let code = i32::from(BY_SIGNAL).saturating_add(signal);
                std::process::exit(code);
            };
            let _ = kill_process_group(*group, passed_on);
            if count == 0 {
                std::thread::spawn(|| {
                    std::thread::sleep(GOODBYE);
                    let _ = kill_process_group(*group, Signal::KILL);
                });
            }
        }
    });
    Ok(())
}

/// What was started here; what the environment named already is nobody's to stop.
struct Services {
    kafka: String,
    cql: String,
    _kafka: Option<Kafka>,
    _cassandra: Option<Cassandra>,
}

fn start() -> Result<Services, ServiceFault> {
    let began = Instant::now();
    let (kafka, cassandra) = std::thread::scope(|scope| {
        let kafka = scope.spawn(|| match given(KAFKA_VARIABLE) {
            Some(address) => Ok((address, None)),
            None => Kafka::start(&KafkaOptions::default())
                .map(|kafka| (kafka.bootstrap().to_owned(), Some(kafka))),
        });
        let cassandra = match given(CQL_VARIABLE) {
            Some(address) => Ok((address, None)),
            None => Cassandra::start(&CassandraOptions::default())
                .map(|cassandra| (cassandra.address().to_owned(), Some(cassandra))),
        };
        let kafka = kafka
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (kafka, cassandra)
    });
    let ((kafka, own_kafka), (cql, own_cassandra)) = (kafka?, cassandra?);
    eprintln!(
        "services: kafka {kafka}, cql {cql}, up in {:.1} s",
        began.elapsed().as_secs_f32()
    );
    Ok(Services {
        kafka,
        cql,
        _kafka: own_kafka,
        _cassandra: own_cassandra,
    })
}

fn run(name: &str, arguments: &[&str]) -> Result<ExitCode, ServiceFault> {
    let services = start()?;
    let scratch = Scratch::new("services")?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env(KAFKA_VARIABLE, &services.kafka)
        .env(CQL_VARIABLE, &services.cql);
    // A group in the background may not read from a terminal, so its empty stdin costs nothing.
    let mut command = scratch
        .spawn_shown(&command)
        .map_err(|cause| program(name, cause, "tests need a POSIX shell"))?;
    let group = group_of(&command);
    if let Some(group) = group {
        let _ = GROUP.set(group);
    }
    let status = command
        .wait()
        .map_err(|cause| program(name, cause, "it was ended here"))?;
    // What the command left running needs the services, and they go now.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    scratch.forget(&command);
    Ok(code_of(status))
}

fn hold() -> Result<ExitCode, ServiceFault> {
    let services = start()?;
    let mut out = std::io::stdout();
    let lines = format!(
        "{KAFKA_VARIABLE}={}\n{CQL_VARIABLE}={}\n",
        services.kafka, services.cql
    );
    let said = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    if said.is_ok() {
        let mut byte = [0];
        // Whatever is written to us is nothing to us; only the end counts.
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
    }
    Ok(ExitCode::SUCCESS)
}

fn group_of(command: &Child) -> Option<Pid> {
    i32::try_from(command.id()).ok().and_then(Pid::from_raw)
}

fn code_of(status: ExitStatus) -> ExitCode {
    let signal = status.signal().and_then(|signal| u8::try_from(signal).ok());
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    match (code, signal) {
        (Some(code), _) => ExitCode::from(code),
        (None, Some(signal)) => ExitCode::from(BY_SIGNAL.saturating_add(signal)),
        (None, None) => ExitCode::FAILURE,
    }
}

fn program(name: &str, cause: std::io::Error, way_out: &'static str) -> ServiceFault {
    ServiceFault::Program {
        program: name.to_owned(),
        cause,
        way_out,
    }
}
