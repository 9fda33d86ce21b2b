//! What a simulated disk holds: every file as it reads now, and as it would read after a crash.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::{DiskCrashed, DiskFault, parent};
use super::Survival;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) names: BTreeMap<String, u64>,
    pub(super) directories: BTreeSet<String>,
    pub(super) locked: BTreeSet<String>,
    pub(super) capacity: Option<u64>,
    pub(super) failing_syncs: u32,
    pub(super) syncs: u64,
    pub(super) crashes: u64,
    durable_names: BTreeMap<String, u64>,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
}

impl State {
    pub(super) fn create(&mut self, path: &str) -> u64 {
        let inode = self.next_inode;
        self.next_inode = inode.saturating_add(1);
        self.inodes.insert(inode, Inode::default());
        self.names.insert(path.to_owned(), inode);
        inode
    }

    pub(super) fn inode(&mut self, path: &str) -> Option<&mut Inode> {
        let inode = self.names.get(path)?;
        self.inodes.get_mut(inode)
    }

    pub(super) fn opened(
        &mut self,
        inode: u64,
        crashes: u64,
        path: &str,
    ) -> Result<&mut Inode, DiskFault> {
        let live = crashes == self.crashes;
        self.inodes.get_mut(&inode).filter(|_| live).ok_or_else(|| {
            DiskCrashed {
                path: path.to_owned(),
            }
            .into()
        })
    }

    pub(super) fn has_directory(&self, path: &str) -> bool {
        path.is_empty() || self.directories.contains(path)
    }

    pub(super) fn list(&self, directory: &str) -> Vec<String> {
        let names = self.names.keys().chain(&self.directories);
        let mut listed: Vec<String> = names
            .filter(|name| parent(name) == directory)
            .map(|name| name.rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        listed.sort_unstable();
        listed
    }

    /// Takes all names away that begin with `prefix`, durably.
    pub(super) fn forget_names(&mut self, prefix: &str) {
        self.names.retain(|name, _| !name.starts_with(prefix));
        self.durable_names
            .retain(|name, _| !name.starts_with(prefix));
    }

    pub(super) fn sync_names(&mut self, directory: &str) {
        let within = |name: &String| parent(name) == directory;
        self.durable_names.retain(|name, _| !within(name));
        let names = self.names.iter().filter(|(name, _)| within(name));
        self.durable_names
            .extend(names.map(|(name, inode)| (name.clone(), *inode)));
    }

    pub(super) fn used(&self) -> u64 {
        let named = self.names.values();
        named
            .filter_map(|inode| self.inodes.get(inode))
            .map(Inode::length)
            .sum()
    }

    pub(super) fn room(&self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| {
            usize::try_from(capacity.saturating_sub(self.used())).unwrap_or(usize::MAX)
        })
    }

    pub(super) fn next_sync_fails(&mut self) -> bool {
        self.syncs = self.syncs.saturating_add(1);
        let fails = self.failing_syncs > 0;
        self.failing_syncs = self.failing_syncs.saturating_sub(1);
        fails
    }

    pub(super) fn crash(&mut self, survival: Survival) {
        self.crashes = self.crashes.saturating_add(1);
        self.locked.clear();
        let mut chance = match survival {
            Survival::Nothing => Chance::Never,
            Survival::Everything => Chance::Always,
            Survival::Torn { seed } => Chance::Seeded(seed),
        };
        let touched: BTreeSet<String> = self
            .names
            .keys()
            .chain(self.durable_names.keys())
            .cloned()
            .collect();
        for name in touched {
            let survives = chance.happens();
            let from = if survives {
                &self.names
            } else {
                &self.durable_names
            };
            // A file's directory may have been removed: what is in no directory cannot be found.
            match from.get(&name).copied() {
                Some(inode) if self.has_directory(parent(&name)) => {
                    self.durable_names.insert(name, inode);
                }
                Some(_) | None => {
                    self.durable_names.remove(&name);
                }
            }
        }
        self.names = self.durable_names.clone();
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        for inode in self.inodes.values_mut() {
            inode.crash(&mut chance);
        }
    }
}

/// A file's bytes as they read, and as far as they were synced.
#[derive(Debug, Default)]
pub(super) struct Inode {
    pub(super) current: Vec<u8>,
    durable: Vec<u8>,
    /// Bytes that were synced have been cut off since.
    truncated: bool,
    /// A sync failed: what was written since the one before it will never be durable, whatever
    /// later ones say.
    doomed: bool,
}

impl Inode {
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.current.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn read(&self, position: u64, length: usize) -> Bytes {
        let from = usize::try_from(position).unwrap_or(usize::MAX);
        let there = self.current.get(from..).unwrap_or_default();
        Bytes::copy_from_slice(there.get(..length).unwrap_or(there))
    }

    pub(super) fn truncate(&mut self, length: u64) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.current.truncate(length);
        self.truncated |= self.current.len() < self.durable.len();
    }

    pub(super) fn doom(&mut self) {
        self.doomed = true;
    }

    pub(super) fn sync(&mut self) {
        if self.doomed {
            return;
        }
        if self.truncated {
            self.durable.clear();
            self.truncated = false;
        }
        let fresh = self.current.get(self.durable.len()..).unwrap_or_default();
        self.durable.extend_from_slice(fresh);
    }

    pub(super) fn corrupt(&mut self, position: usize, change: impl FnOnce(&mut u8)) {
        let byte = self.current.get_mut(position);
        let Some(byte) = byte else {
            panic!("no byte at {position}");
        };
        change(byte);
        if let (Some(durable), Some(byte)) =
            (self.durable.get_mut(position), self.current.get(position))
        {
            *durable = *byte;
        }
    }

    fn crash(&mut self, chance: &mut Chance) {
        if !self.doomed && chance.happens() {
            self.durable.clone_from(&self.current);
        } else if !self.doomed && !self.truncated {
            let fresh = self.current.get(self.durable.len()..).unwrap_or_default();
            let kept = chance.below(fresh.len());
            let mut torn = fresh.get(..kept).unwrap_or_default().to_vec();
            if chance.happens() {
                // The file grew, and a part of what it grew by was not written out.
                let hole = chance.below(torn.len());
                let until = hole.saturating_add(chance.below(4_096));
                torn.iter_mut()
                    .take(until)
                    .skip(hole)
                    .for_each(|byte| *byte = 0);
            }
            self.durable.append(&mut torn);
        }
        self.current.clone_from(&self.durable);
        self.truncated = false;
        self.doomed = false;
    }
}

/// What decides how a crash goes.
enum Chance {
    Never,
    Always,
    Seeded(u64),
}

impl Chance {
    fn happens(&mut self) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Seeded(_) => self.below(2) == 1,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        match self {
            Self::Never => 0,
            Self::Always => limit,
            Self::Seeded(state) => {
                // SplitMix64, which needs no crate.
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^= mixed >> 31;
                let limit = u64::try_from(limit).unwrap_or(u64::MAX);
                usize::try_from(mixed.checked_rem(limit).unwrap_or(0)).unwrap_or(0)
            }
        }
    }
}
