//! What Linux tells of a process: the CPU time it used, and the most memory it had.

use std::time::Duration;

use crate::Outcome;

/// Linux counts in hundredths of a second towards every program, whatever its own clock is.
const TICKS_PER_S: f64 = 100.0;

/// User and system time of all threads, those that ended included.
pub(crate) fn cpu(pid: u32) -> Outcome<Duration> {
    let text = read(pid, "stat")?;
    cpu_of(&text).ok_or_else(|| format!("`/proc/{pid}/stat` is not understood").into())
}

/// The largest resident set so far, in KiB.
pub(crate) fn peak_memory(pid: u32) -> Outcome<u32> {
    let text = read(pid, "status")?;
    peak_of(&text).ok_or_else(|| format!("`/proc/{pid}/status` is not understood").into())
}

fn read(pid: u32, name: &str) -> Outcome<String> {
    let path = format!("/proc/{pid}/{name}");
    std::fs::read_to_string(&path)
        .map_err(|fault| format!("`{path}`: {fault}; this measure needs Linux").into())
}

fn cpu_of(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses, with whatever is in it.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    let ticks = f64::from(user) + f64::from(system);
    Some(Duration::from_secs_f64(ticks / TICKS_PER_S))
}

fn peak_of(status: &str) -> Option<u32> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_read_from_what_linux_writes() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 9 0 0 0 250 150 0 0 20 0 3 0 1 2 3";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(4)));
        let status = "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t   2048 kB\n";
        assert_eq!(peak_of(status), Some(2_048));
        assert_eq!((cpu_of(""), peak_of("")), (None, None));
    }
}
