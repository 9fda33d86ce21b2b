//! In which order letters are replayed, and which of them at the same time. Pure.
//!
//! Each key keeps its order: letters of one source partition go by their offsets, and of two
//! letters of one key the second is written only once the first is done with. What was refused
//! again lies at a later offset than what was never tried, so the two are streams of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use trueup_plants::{Plant, planted};

use super::entry::Entry;
use super::limits::{MAX_CHUNK, MAX_CHUNK_BYTES};

/// The entries in the order of their replay: those of one stream by offset, and of the streams'
/// first ones the longest known before the others.
pub fn in_order(mut entries: Vec<Entry>) -> Vec<Entry> {
    if planted(Plant::ReplayOutOfOrder) {
        // As text: offset 10 comes before offset 9.
        entries.sort_by(|one, other| one.id.cmp(&other.id));
        return entries;
    }
    let mut streams: BTreeMap<_, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        let stream = (entry.topic.clone(), entry.partition, entry.attempts > 1);
        streams.entry(stream).or_default().push(entry);
    }
    let mut streams: Vec<_> = streams
        .into_values()
        .map(|mut stream| {
            stream.sort_by_key(|entry| std::cmp::Reverse(entry.offset));
            stream
        })
        .collect();
    let mut heads: BTreeSet<(i64, usize)> = BTreeSet::new();
    let head = |streams: &[Vec<Entry>], stream: usize| {
        let first = streams.get(stream).and_then(|stream| stream.last());
        first.map(|first| (first.first_seen, stream))
    };
    heads.extend((0..streams.len()).filter_map(|stream| head(&streams, stream)));
    let mut ordered = Vec::with_capacity(streams.iter().map(Vec::len).sum());
    while let Some((_, stream)) = heads.pop_first() {
        ordered.extend(streams.get_mut(stream).and_then(Vec::pop));
        heads.extend(head(&streams, stream));
    }
    ordered
}

/// Cuts ordered entries into pieces whose bytes may be held at once; one is done with before the
/// next is begun.
pub fn chunks(ordered: &[Entry]) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (index, entry) in ordered.iter().enumerate() {
        let more = bytes.saturating_add(entry.bytes);
        if index > start && (index - start >= MAX_CHUNK || more > MAX_CHUNK_BYTES) {
            chunks.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(entry.bytes);
    }
    if start < ordered.len() {
        chunks.push(start..ordered.len());
    }
    chunks
}

/// Which entries of a chunk go at the same time: the first of each lane, then the second, and
/// so on. A round is done with before the next is begun.
pub fn rounds(chunk: &[Entry]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, entry) in chunk.iter().enumerate() {
        let before = seen.entry(entry.lane()).or_insert(0_usize);
        match rounds.get_mut(*before) {
            Some(round) => round.push(index),
            None => rounds.push(vec![index]),
        }
        *before += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use trueup_plants::with;
    use trueup_schemas::records::LetterClass;

    use super::super::entry::Place;
    use super::*;

    /// `topic/partition/offset key@seen`, `!` in front of what was replayed before.
    fn entry(text: &str) -> Entry {
        let (again, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (id, rest) = text.split_once(' ').unwrap();
        let (key, seen) = rest.split_once('@').unwrap();
        let place: Vec<&str> = id.split('/').collect();
        Entry {
            id: id.to_owned(),
            class: LetterClass::Misplaced,
            topic: place[0].to_owned(),
            partition: place[1].parse().unwrap(),
            offset: place[2].parse().unwrap(),
            key: (key != "-").then(|| key.as_bytes().to_vec()),
            first_seen: seen.parse().unwrap(),
            attempts: if again { 2 } else { 1 },
            bytes: 100,
            place: Place {
                partition: 0,
                offset: 0,
            },
        }
    }

    fn ordered(texts: &[&str]) -> Vec<String> {
        let entries = texts.iter().map(|text| entry(text)).collect();
        in_order(entries).into_iter().map(|it| it.id).collect()
    }

    const ONE_PARTITION: [&str; 4] = ["e/0/10 a@5", "e/0/9 a@6", "e/0/100 b@1", "e/0/2 a@7"];

    fn letters_of_one_partition_keep_the_order_of_their_offsets() -> bool {
        ordered(&ONE_PARTITION) == ["e/0/2", "e/0/9", "e/0/10", "e/0/100"]
    }

    #[test]
    fn letters_of_one_partition_are_replayed_in_the_order_of_their_offsets() {
        // Whatever their clocks say: `first_seen` is the writers' time.
        assert!(letters_of_one_partition_keep_the_order_of_their_offsets());
    }

    #[test]
    fn a_replay_out_of_order_is_caught() {
        let kept = with(
            Plant::ReplayOutOfOrder,
            letters_of_one_partition_keep_the_order_of_their_offsets,
        );
        assert!(!kept, "the planted bug goes unseen");
    }

    #[test]
    fn of_several_partitions_the_letter_known_longest_goes_first() {
        let told = ordered(&["e/1/1 a@30", "e/0/1 a@10", "e/0/2 a@40", "e/1/2 a@20"]);
        assert_eq!(told, ["e/0/1", "e/1/1", "e/1/2", "e/0/2"]);
    }

    #[test]
    fn what_was_refused_again_keeps_its_first_place_in_time() {
        // Offset 9 was replayed from offset 1, before 5 was first seen.
        let told = ordered(&["e/0/5 a@50", "!e/0/9 a@10", "e/0/7 a@70"]);
        assert_eq!(told, ["e/0/9", "e/0/5", "e/0/7"]);
    }

    #[test]
    fn no_round_has_two_letters_of_one_key_and_each_key_goes_in_order() {
        let chunk: Vec<Entry> = [
            "e/0/1 a@1",
            "e/0/2 b@2",
            "e/0/3 a@3",
            "o/0/4 a@4",
            "e/0/5 a@5",
            "o/1/6 -@6",
            "o/1/7 -@7",
            "o/2/8 -@8",
        ]
        .map(entry)
        .to_vec();
        let told = rounds(&chunk);
        assert_eq!(told, [vec![0, 1, 3, 5, 7], vec![2, 6], vec![4]]);
    }

    #[test]
    fn chunks_hold_every_letter_once_in_order_and_end_at_their_limits() {
        let mut entries: Vec<Entry> = (0..1_200)
            .map(|offset| entry(&format!("e/0/{offset} a@1")))
            .collect();
        for large in &mut entries[1_000..1_003] {
            large.bytes = MAX_CHUNK_BYTES;
        }
        let told = chunks(&entries);
        let expected = [
            0..500,
            500..1_000,
            1_000..1_001,
            1_001..1_002,
            1_002..1_003,
            1_003..1_200,
        ];
        assert_eq!(told, expected);
        assert!(chunks(&[]).is_empty());
    }
}
