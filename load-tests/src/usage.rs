//! What a process has used, as Linux tells it; zeros where there is no `/proc`.

use std::fs;

/// `sysconf(_SC_CLK_TCK)` of every Linux there is.
const TICKS_PER_S: f64 = 100.0;

/// Seconds of CPU and most memory of a process, as the system tells them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    pub(crate) peak_rss_mib: f64,
}

impl Usage {
    /// Zeros where there is no `/proc`.
    pub(crate) fn of(pid: u32) -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
        let stat = read("stat").unwrap_or_default();
        // Its own, and of its children whose end it has seen.
        let cpu_s = (11..=14).map(|at| ticks(&stat, at)).sum();
        let status = read("status").unwrap_or_default();
        let peak_kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        Self {
            cpu_s,
            peak_rss_mib: peak_kib.unwrap_or(0.0) / 1024.0,
        }
    }
}

/// Seconds of CPU of the processes that were started here and whose end was seen, and of those
/// that they started: the only way to learn all that a process used, its end included.
pub(crate) fn ended_cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    ticks(&stat, 13) + ticks(&stat, 14)
}

/// A field of `/proc/PID/stat` in seconds, counted from behind the name: it is in parentheses and
/// may hold spaces.
fn ticks(stat: &str, at: usize) -> f64 {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let field = after.split_whitespace().nth(at);
    field.and_then(|it| it.parse().ok()).unwrap_or(0.0) / TICKS_PER_S
}

/// Bytes that were read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    /// By the process from files, whether the system had them in memory or not. What comes by
    /// sockets is not among them.
    pub(crate) files: u64,
    /// Of these from the disk itself.
    pub(crate) disk: u64,
    /// By everybody over the loopback device: of a machine that does nothing else, what brokers
    /// and stores told the process, and what it told them.
    pub(crate) loopback: u64,
}

impl Bytes {
    pub(crate) fn of(pid: u32) -> Self {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let number = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        Self {
            files: number("rchar:").unwrap_or(0),
            disk: number("read_bytes:").unwrap_or(0),
            loopback: loopback().unwrap_or(0),
        }
    }
}

/// Bytes that the loopback device has received since the system came up.
fn loopback() -> Option<u64> {
    let devices = fs::read_to_string("/proc/net/dev").ok()?;
    let device = devices
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    device.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_reads_is_seen() {
        let before = Bytes::of(std::process::id());
        let read = fs::read("/proc/self/exe").unwrap().len();
        let after = Bytes::of(std::process::id());
        let read = u64::try_from(read).unwrap();
        assert!(after.files - before.files >= read, "{before:?} {after:?}");
    }

    #[test]
    fn the_cpu_of_a_process_that_ended_is_seen() {
        let before = ended_cpu_s();
        let script = "n=0; while [ $n -lt 100000 ]; do n=$((n + 1)); done";
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", script])
            .status();
        assert!(status.unwrap().success());
        assert!(ended_cpu_s() > before);
        assert!(Usage::of(std::process::id()).cpu_s > 0.0);
    }
}
