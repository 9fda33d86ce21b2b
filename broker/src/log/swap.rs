//! Putting one compacted segment in the place of several, so that a crash leaves one or the others.
//!
//! A compacted segment is written under a name without meaning. Renaming it to a name that says
//! what it replaces is the one step that decides; whatever has to follow can be done again.

use super::segment::Segment;
use crate::disk::{Disk, DiskFault};

/// Ends the name of a segment that is still being written.
pub(super) const UNFINISHED_SUFFIX: &str = ".clean";
const DECIDED: &str = ".swap-";
const SEGMENT_SUFFIX: &str = ".log";

pub(super) fn unfinished_path(directory: &str, base: i64) -> String {
    format!("{directory}/{base:020}{UNFINISHED_SUFFIX}")
}

/// Puts the finished segment `base` in the place of those from `base` to before `until`, whose
/// bases are `replaced`.
pub(super) fn swap(
    disk: &dyn Disk,
    directory: &str,
    base: i64,
    until: i64,
    replaced: &[i64],
) -> Result<(), DiskFault> {
    let decided = format!("{directory}/{base:020}{DECIDED}{until}");
    disk.rename(&unfinished_path(directory, base), &decided)?;
    follow(disk, directory, &decided, base, replaced)
}

/// Ends the swaps that a crash interrupted, and gives the names that are left of `names`.
pub(super) fn complete(
    disk: &dyn Disk,
    directory: &str,
    names: &[String],
) -> Result<Vec<String>, DiskFault> {
    let mut left = names.to_vec();
    for name in names {
        let Some((base, until)) = decided(name) else {
            continue;
        };
        let replaced: Vec<i64> = left
            .iter()
            .filter_map(|name| name.strip_suffix(SEGMENT_SUFFIX)?.parse().ok())
            .filter(|other| (base..until).contains(other))
            .collect();
        follow(
            disk,
            directory,
            &format!("{directory}/{name}"),
            base,
            &replaced,
        )?;
        left.retain(|name| {
            let replaced_name = |base: &i64| *name == format!("{base:020}{SEGMENT_SUFFIX}");
            !replaced.iter().any(replaced_name)
        });
        left.push(format!("{base:020}{SEGMENT_SUFFIX}"));
    }
    Ok(left)
}

fn decided(name: &str) -> Option<(i64, i64)> {
    let (base, until) = name.split_once(DECIDED)?;
    Some((base.parse().ok()?, until.parse().ok()?))
}

fn follow(
    disk: &dyn Disk,
    directory: &str,
    decided: &str,
    base: i64,
    replaced: &[i64],
) -> Result<(), DiskFault> {
    for base in replaced {
        disk.remove(&Segment::index_path(directory, *base))?;
        disk.remove(&Segment::path(directory, *base))?;
    }
    disk.remove(&Segment::index_path(directory, base))?;
    disk.rename(decided, &Segment::path(directory, base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{SimulatedDisk, Survival, read_whole};

    fn written(disk: &SimulatedDisk, path: &str, text: &str) {
        let file = disk.create(path).unwrap();
        file.append(&[text.as_bytes()]).unwrap();
        file.sync().unwrap();
        disk.sync_directory("d").unwrap();
    }

    fn two_segments_and_what_replaces_them() -> SimulatedDisk {
        let disk = SimulatedDisk::new();
        disk.create_directory("d").unwrap();
        for (base, text) in [(0, "old"), (7, "old"), (9, "other")] {
            written(&disk, &Segment::path("d", base), text);
            written(&disk, &Segment::index_path("d", base), "index");
        }
        written(&disk, &unfinished_path("d", 0), "new");
        disk
    }

    fn left(disk: &SimulatedDisk) -> Vec<String> {
        let names = disk.list("d").unwrap();
        let mut left = complete(disk, "d", &names).unwrap();
        left.retain(|name| name.ends_with(SEGMENT_SUFFIX));
        left.sort_unstable();
        left
    }

    #[test]
    fn a_swap_leaves_the_new_segment_alone_and_no_index_of_the_old_ones() {
        let disk = two_segments_and_what_replaces_them();
        swap(&disk, "d", 0, 9, &[0, 7]).unwrap();
        disk.crash(Survival::Nothing);
        let names = disk.list("d").unwrap();
        assert_eq!(
            names,
            [
                "00000000000000000000.log",
                "00000000000000000009.index",
                "00000000000000000009.log"
            ]
        );
        let text = read_whole(&disk, &Segment::path("d", 0), 99).unwrap();
        assert_eq!(text.unwrap(), "new");
    }

    #[test]
    fn before_the_deciding_rename_a_crash_keeps_the_old_segments() {
        let disk = two_segments_and_what_replaces_them();
        disk.crash(Survival::Everything);
        assert_eq!(left(&disk).len(), 3);
        let text = read_whole(&disk, &Segment::path("d", 0), 99).unwrap();
        assert_eq!(text.unwrap(), "old");
    }

    #[test]
    fn after_the_deciding_rename_a_crash_anywhere_ends_in_the_new_segment() {
        for removed in 0..4 {
            for survival in [Survival::Nothing, Survival::Everything] {
                let disk = two_segments_and_what_replaces_them();
                let decided = "d/00000000000000000000.swap-9";
                disk.rename(&unfinished_path("d", 0), decided).unwrap();
                let doomed = [
                    Segment::index_path("d", 0),
                    Segment::path("d", 0),
                    Segment::path("d", 7),
                ];
                for path in doomed.iter().take(removed) {
                    disk.remove(path).unwrap();
                }
                disk.crash(survival);
                let segments = ["00000000000000000000.log", "00000000000000000009.log"];
                assert_eq!(left(&disk), segments);
                disk.crash(Survival::Nothing);
                assert_eq!(left(&disk), segments);
                assert!(disk.open(&Segment::path("d", 7)).is_err());
                assert!(disk.open(&Segment::index_path("d", 0)).is_err());
                let text = read_whole(&disk, &Segment::path("d", 0), 99).unwrap();
                assert_eq!(text.unwrap(), "new");
            }
        }
    }
}
