//! Sorts what was read into files by a hash of its id, so that everything about one id is in
//! memory together and the rest is not. Holds ids, digests and facts; no body enters.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::limits;

struct Bucket {
    file: BufWriter<File>,
    bytes: u64,
}

/// Entries of one kind; gone from the disk when dropped.
pub struct Spill<T> {
    buckets: Vec<Bucket>,
    _directory: TempDir,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Spill<T> {
    /// # Errors
    /// When the system's directory for temporary files cannot be written.
    pub fn new() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("trueup-audit-").tempdir()?;
        let bucket = |number: usize| {
            let path = directory.path().join(number.to_string());
            let mut options = File::options();
            let file = options.read(true).write(true).create_new(true).open(path)?;
            Ok(Bucket {
                file: BufWriter::new(file),
                bytes: 0,
            })
        };
        let buckets = (0..limits::BUCKETS).map(bucket);
        Ok(Self {
            buckets: buckets.collect::<io::Result<_>>()?,
            _directory: directory,
            of: PhantomData,
        })
    }

    /// # Errors
    /// A disk that is full, or a bucket that is.
    pub fn put(&mut self, id: &str, entry: &T) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let buckets = u64::try_from(self.buckets.len()).unwrap_or(1).max(1);
        let place = usize::try_from(hasher.finish() % buckets).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(place) else {
            return Err(io::Error::other("there is no bucket"));
        };
        let bytes = postcard::to_allocvec(entry).map_err(io::Error::other)?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bucket.bytes = bucket.bytes.saturating_add(u64::from(length));
        if length > limits::MAX_ENTRY_BYTES || bucket.bytes > limits::MAX_BUCKET_BYTES {
            let limit = limits::MAX_BUCKET_BYTES;
            return Err(io::Error::other(format!(
                "there is more to audit than fits into memory by parts of {limit} bytes; audit less \
                 with --since"
            )));
        }
        bucket.file.write_all(&length.to_le_bytes())?;
        bucket.file.write_all(&bytes)
    }

    /// Every bucket's entries, one bucket after the other.
    ///
    /// # Errors
    /// What `see` says, or a disk that fails.
    pub fn each_bucket<E: From<io::Error>>(
        self,
        mut see: impl FnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<(), E> {
        for bucket in self.buckets {
            let mut file = bucket
                .file
                .into_inner()
                .map_err(|fault| fault.into_error())?;
            file.rewind()?;
            see(entries(file)?)?;
        }
        Ok(())
    }
}

fn entries<T: DeserializeOwned>(file: File) -> io::Result<Vec<T>> {
    let mut file = BufReader::new(file);
    let mut all = Vec::new();
    let mut bytes = Vec::new();
    loop {
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            Ok(()) => {}
            Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => return Ok(all),
            Err(fault) => return Err(fault),
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(0);
        bytes.resize(length, 0);
        file.read_exact(&mut bytes)?;
        all.push(postcard::from_bytes(&bytes).map_err(io::Error::other)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_about_one_id_comes_back_together_and_nothing_is_lost() {
        let mut spill = Spill::new().unwrap();
        for number in 0..1_000_u32 {
            let id = format!("id{}", number % 100);
            spill.put(&id, &(id.clone(), number)).unwrap();
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut count = 0;
        let buckets = spill.each_bucket::<io::Error>(|entries: Vec<(String, u32)>| {
            let ids: std::collections::BTreeSet<String> =
                entries.iter().map(|(id, _)| id.clone()).collect();
            count += entries.len();
            assert_eq!(entries.len(), ids.len() * 10);
            for id in ids {
                assert!(seen.insert(id), "an id in two buckets");
            }
            Ok(())
        });
        buckets.unwrap();
        assert_eq!((count, seen.len()), (1_000, 100));
    }
}
