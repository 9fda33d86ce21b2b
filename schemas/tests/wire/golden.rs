//! Bytes that were written once stay readable for ever.
//!
//! `golden/<Record>/<n>.bin` is a framed value as a release wrote it, `<n>.json` the same for
//! people. Files are only ever added: run the tests with `TRUEUP_ADD_GOLDEN=1` for that.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use apache_avro::{Schema, from_avro_datum};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::Record;

use crate::support::{Samples, for_each_record};

const ADD: &str = "TRUEUP_ADD_GOLDEN";
const HEADER_BYTES: usize = 10;

fn directory<R: Record>() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(R::KIND.name())
}

/// Every golden value kept, oldest first.
fn kept<R: Record>() -> Vec<(u32, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(directory::<R>()) else {
        return Vec::new();
    };
    let mut kept: Vec<(u32, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| {
            let number = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            (number, fs::read(&path).unwrap())
        })
        .collect();
    kept.sort_unstable();
    kept
}

fn readable<R: Record>(value: &[u8]) -> String {
    let schema = Schema::parse_str(R::KIND.schema_json()).unwrap();
    let datum = from_avro_datum(&schema, &mut &value[HEADER_BYTES..], None).unwrap();
    let json: serde_json::Value = datum.try_into().unwrap();
    let mut text = serde_json::to_string_pretty(&json).unwrap();
    text.push('\n');
    text
}

fn create(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

fn todays_writer_writes_known_bytes<R: Record + Samples>() {
    let mut kept = kept::<R>();
    for sample in R::samples() {
        let value = Codec::SingleObject.encode(&sample);
        if kept.iter().any(|(_, known)| *known == value) {
            continue;
        }
        assert!(
            std::env::var_os(ADD).is_some(),
            "{} is written in bytes that no golden file holds: its form changed. If it should, \
             keep the former schema readable, then set {ADD}=1 to add a file",
            R::KIND.name()
        );
        let number = kept.last().map_or(1, |(last, _)| last + 1);
        fs::create_dir_all(directory::<R>()).unwrap();
        let path = directory::<R>().join(number.to_string());
        create(&path.with_extension("bin"), &value);
        create(
            &path.with_extension("json"),
            readable::<R>(&value).as_bytes(),
        );
        kept.push((number, value));
    }
}

fn todays_reader_reads_everything_kept<R: Record + Samples>() {
    let name = R::KIND.name();
    let kept = kept::<R>();
    for (number, value) in &kept {
        let read: R = Codec::SingleObject
            .decode(value)
            .unwrap_or_else(|fault| panic!("golden/{name}/{number}.bin: {fault}"));
        let written = Codec::SingleObject.encode(&read);
        let newest_form = value.get(2..HEADER_BYTES) == Some(&R::KIND.fingerprint());
        if newest_form {
            assert_eq!(
                &written, value,
                "golden/{name}/{number}.bin is written anew otherwise"
            );
            let text = fs::read_to_string(directory::<R>().join(format!("{number}.json"))).unwrap();
            assert_eq!(readable::<R>(value), text, "golden/{name}/{number}.json");
        }
    }
    let (number, newest) = kept
        .last()
        .unwrap_or_else(|| panic!("golden/{name} is empty"));
    assert_eq!(
        newest[2..HEADER_BYTES],
        R::KIND.fingerprint(),
        "golden/{name}/{number}.bin is old"
    );
}

fn numbers_have_no_holes<R: Record + Samples>() {
    let numbers: Vec<u32> = kept::<R>().into_iter().map(|(number, _)| number).collect();
    let expected: Vec<u32> = (1..).take(numbers.len()).collect();
    assert_eq!(
        numbers,
        expected,
        "a golden file of {} was removed",
        R::KIND.name()
    );
    assert!(numbers.len() >= R::samples().len());
}

#[test]
fn golden_files_are_read_and_written_as_they_were() {
    for_each_record!(todays_writer_writes_known_bytes);
    for_each_record!(todays_reader_reads_everything_kept);
    for_each_record!(numbers_have_no_holes);
}
