use proptest::prelude::*;

use super::*;

/// Both disks, for what they must have in common.
fn both(act: impl Fn(&dyn Disk)) {
    act(&SimulatedDisk::new());
    let directory = tempfile::tempdir().unwrap();
    act(&RealDisk::new(directory.path().join("below")).unwrap());
}

#[test]
fn a_file_gives_back_what_was_appended_and_less_where_it_ends() {
    both(|disk| {
        disk.create_directory("topics/a").unwrap();
        let file = disk.create("topics/a/file").unwrap();
        file.append(&[b"hel", b"", b"lo"]).unwrap();
        file.append(&[]).unwrap();
        file.append(&[b" world"]).unwrap();
        let many: Vec<&[u8]> = vec![b"x"; 3_000];
        file.append(&many).unwrap();
        file.sync().unwrap();
        assert_eq!(file.length().unwrap(), 3_011);
        file.truncate(11).unwrap();
        let again = disk.open("topics/a/file").unwrap();
        assert_eq!(again.read_at(0, 100).unwrap(), "hello world");
        assert_eq!(again.read_at(6, 3).unwrap(), "wor");
        assert_eq!(again.read_at(50, 3).unwrap(), "");
        again.append(&[b"!"]).unwrap();
        assert_eq!(file.read_at(10, 9).unwrap(), "d!");
    });
}

#[test]
fn names_are_made_listed_moved_and_removed() {
    both(|disk| {
        disk.create_directory("a/b").unwrap();
        disk.create_directory("a/b").unwrap();
        disk.create("a/2").unwrap();
        disk.create("a/1").unwrap().append(&[b"one"]).unwrap();
        assert_eq!(disk.list("a").unwrap(), ["1", "2", "b"]);
        disk.rename("a/1", "a/2").unwrap();
        assert_eq!(disk.list("a").unwrap(), ["2", "b"]);
        let kept = disk.open("a/2").unwrap();
        disk.create("a/2").unwrap();
        assert_eq!(kept.read_at(0, 9).unwrap(), "one");
        disk.remove("a/2").unwrap();
        disk.remove("a/2").unwrap();
        assert!(matches!(disk.open("a/2"), Err(DiskFault::NotFound(_))));
        disk.create("a/b/c").unwrap();
        disk.remove_directory("a").unwrap();
        disk.remove_directory("a").unwrap();
        assert!(disk.list("").unwrap().is_empty());
        assert!(matches!(disk.list("a"), Err(DiskFault::NotFound(_))));
        assert!(matches!(disk.create("a/x"), Err(DiskFault::NotFound(_))));
    });
}

#[test]
fn a_path_out_of_the_root_is_refused() {
    both(|disk| {
        for path in ["..", "a/../b", "/etc/passwd", "a//b", "./a", "a/", "a\0b"] {
            assert!(matches!(disk.create(path), Err(DiskFault::BadPath(_))));
            assert!(matches!(disk.open(path), Err(DiskFault::BadPath(_))));
            assert!(matches!(
                disk.create_directory(path),
                Err(DiskFault::BadPath(_))
            ));
        }
    });
}

#[test]
fn a_lock_is_held_by_one_until_it_is_dropped() {
    both(|disk| {
        let held = disk.lock("lock").unwrap();
        assert!(matches!(disk.lock("lock"), Err(DiskFault::Locked(_))));
        drop(held);
        let _held = disk.lock("lock").unwrap();
    });
}

#[test]
fn a_replaced_file_is_read_whole() {
    both(|disk| {
        assert_eq!(read_whole(disk, "snapshot", 99).unwrap(), None);
        replace(disk, "snapshot", &[b"one ", b"two"]).unwrap();
        replace(disk, "snapshot", &[b"three"]).unwrap();
        assert_eq!(read_whole(disk, "snapshot", 99).unwrap().unwrap(), "three");
        assert_eq!(disk.list("").unwrap(), ["snapshot"]);
    });
}

#[test]
fn a_crash_loses_names_and_bytes_that_were_not_synced_and_locks() {
    let disk = SimulatedDisk::new();
    let _lock = disk.lock("lock").unwrap();
    let named = disk.create("named").unwrap();
    disk.sync_directory("").unwrap();
    let nameless = disk.create("nameless").unwrap();
    named.append(&[b"kept"]).unwrap();
    named.sync().unwrap();
    nameless.sync().unwrap();
    named.append(&[b"lost"]).unwrap();
    disk.crash(Survival::Nothing);
    assert_eq!(disk.list("").unwrap(), ["named"]);
    assert_eq!(read_whole(&disk, "named", 99).unwrap().unwrap(), "kept");
    assert!(matches!(named.append(&[b"x"]), Err(DiskFault::Crashed(_))));
    disk.lock("lock").unwrap();
}

#[test]
fn a_removed_directory_does_not_come_back() {
    let disk = SimulatedDisk::new();
    disk.create_directory("a").unwrap();
    disk.create("a/b").unwrap();
    disk.sync_directory("a").unwrap();
    disk.remove_directory("a").unwrap();
    disk.create_directory("a").unwrap();
    disk.crash(Survival::Nothing);
    assert!(disk.list("a").unwrap().is_empty());
}

#[test]
fn a_limited_disk_is_full_and_has_room_again_on_demand() {
    let directory = tempfile::tempdir().unwrap();
    let real = RealDisk::new(directory.path()).unwrap();
    let disk = LimitedDisk::new(Arc::new(real));
    let file = disk.create("a").unwrap();
    file.append(&[b"12"]).unwrap();
    disk.limit_room(Some(5));
    file.append(&[b"34"]).unwrap();
    assert!(matches!(
        file.append(&[b"5", b"678"]),
        Err(DiskFault::Full(_))
    ));
    assert_eq!(
        file.read_at(0, 99).unwrap(),
        "1234567",
        "what fits is written"
    );
    file.truncate(4).unwrap();
    disk.open("a").unwrap().append(&[b"567"]).unwrap();
    assert!(matches!(disk.create("b"), Err(DiskFault::Full(_))));
    disk.limit_room(None);
    disk.create("b").unwrap().append(&[b"all"]).unwrap();
    disk.fail_syncs(1);
    assert!(matches!(file.sync(), Err(DiskFault::Failed(_))));
    file.sync().unwrap();
}

#[test]
fn a_death_of_the_process_alone_loses_nothing() {
    let disk = SimulatedDisk::new();
    disk.create("a").unwrap().append(&[b"all"]).unwrap();
    disk.crash(Survival::Everything);
    assert_eq!(read_whole(&disk, "a", 99).unwrap().unwrap(), "all");
}

#[test]
fn a_full_disk_takes_what_fits_and_gives_room_again() {
    let disk = SimulatedDisk::new();
    disk.limit_bytes(Some(6));
    let file = disk.create("a").unwrap();
    file.append(&[b"1234"]).unwrap();
    assert!(matches!(
        file.append(&[b"5", b"678"]),
        Err(DiskFault::Full(_))
    ));
    assert_eq!(file.length().unwrap(), 6);
    file.truncate(4).unwrap();
    file.append(&[b"56"]).unwrap();
    assert_eq!(disk.used_bytes(), 6);
}

#[test]
fn what_a_failed_sync_should_have_kept_is_lost_though_the_next_one_succeeds() {
    let disk = SimulatedDisk::new();
    let file = disk.create("a").unwrap();
    disk.sync_directory("").unwrap();
    file.append(&[b"kept"]).unwrap();
    file.sync().unwrap();
    file.append(&[b"lost"]).unwrap();
    disk.fail_syncs(1);
    assert!(matches!(file.sync(), Err(DiskFault::Failed(_))));
    file.sync().unwrap();
    disk.crash(Survival::Everything);
    assert_eq!(read_whole(&disk, "a", 99).unwrap().unwrap(), "kept");
}

proptest! {
    #[test]
    fn a_torn_crash_keeps_what_was_synced_and_invents_nothing(
        synced in prop::collection::vec(1_u8.., 0..50),
        loose in prop::collection::vec(1_u8.., 0..50),
        seed in any::<u64>(),
    ) {
        let disk = SimulatedDisk::new();
        let file = disk.create("a").unwrap();
        disk.sync_directory("").unwrap();
        file.append(&[&synced]).unwrap();
        file.sync().unwrap();
        file.append(&[&loose]).unwrap();
        disk.crash(Survival::Torn { seed });
        let left = read_whole(&disk, "a", 999).unwrap().unwrap();
        prop_assert_eq!(&left[..synced.len()], &synced[..]);
        let torn = &left[synced.len()..];
        prop_assert!(torn.len() <= loose.len());
        prop_assert!(torn.iter().zip(&loose).all(|(left, was)| left == was || *left == 0));
    }
}
