//! Cuts rows into groups that travel as one batch: few enough, small enough, and with one home.

use crate::limits::{BATCH_BYTES, BATCH_ROWS};

/// A row's place in what was submitted, its weight in bytes, the node that should take it, and
/// which rows it should travel with: those of one partition are one mutation to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weighed<H> {
    pub(crate) place: usize,
    pub(crate) bytes: usize,
    pub(crate) home: H,
    pub(crate) near: (i32, i32),
}

/// Places of the rows of each group, the near ones together. A row heavier than the limit goes alone.
pub(crate) fn groups<H: Ord + Copy>(mut rows: Vec<Weighed<H>>) -> Vec<Vec<usize>> {
    rows.sort_by_key(|row| (row.home, row.near, row.place));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut last: Option<(H, usize)> = None;
    for row in rows {
        let fits = last.filter(|(home, bytes)| {
            *home == row.home && bytes.saturating_add(row.bytes) <= BATCH_BYTES
        });
        match (
            fits,
            groups.last_mut().filter(|group| group.len() < BATCH_ROWS),
        ) {
            (Some((home, bytes)), Some(group)) => {
                group.push(row.place);
                last = Some((home, bytes.saturating_add(row.bytes)));
            }
            _ => {
                groups.push(vec![row.place]);
                last = Some((row.home, row.bytes));
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(u8, usize)]) -> Vec<Weighed<u8>> {
        let numbered = rows.iter().enumerate();
        numbered
            .map(|(place, &(home, bytes))| Weighed {
                place,
                bytes,
                home,
                near: (0, 0),
            })
            .collect()
    }

    #[test]
    fn a_group_has_one_home_and_keeps_the_order_of_its_rows() {
        let cut = groups(rows(&[(2, 1), (1, 1), (2, 1), (1, 1)]));
        assert_eq!(cut, [vec![1, 3], vec![0, 2]]);
        assert!(groups(rows(&[])).is_empty());
    }

    #[test]
    fn near_rows_travel_together() {
        let near = |place, near| Weighed {
            place,
            bytes: 1,
            home: 0,
            near: (near, 0),
        };
        assert_eq!(
            groups(vec![near(0, 2), near(1, 1), near(2, 2), near(3, 1)]),
            [vec![1, 3, 0, 2]]
        );
    }

    #[test]
    fn a_group_ends_at_the_limit_of_rows() {
        let cut = groups(rows(&[(0, 1); BATCH_ROWS * 2 + 1]));
        let sizes: Vec<usize> = cut.iter().map(Vec::len).collect();
        assert_eq!(sizes, [BATCH_ROWS, BATCH_ROWS, 1]);
    }

    #[test]
    fn a_group_ends_at_the_limit_of_bytes_and_a_heavy_row_goes_alone() {
        let half = BATCH_BYTES / 2;
        let cut = groups(rows(&[
            (0, half),
            (0, half),
            (0, 1),
            (0, BATCH_BYTES * 2),
            (0, 1),
        ]));
        assert_eq!(cut, [vec![0, 1], vec![2], vec![3], vec![4]]);
    }
}
