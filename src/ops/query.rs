//! What a request asks after the `?`. Refuses what it does not know, so that a misspelt filter is
//! not taken for none.

use super::path;
use crate::settings::value;
use crate::summary::{GapQuery, Place, limits};

/// Reads `limit`, `cursor` and any number of `kind`.
///
/// # Errors
/// A sentence that names the parameter and what it takes.
pub fn gaps(query: Option<&str>) -> Result<GapQuery, String> {
    let mut asked = GapQuery {
        limit: limits::MAX_PAGE,
        ..GapQuery::default()
    };
    for pair in query.unwrap_or_default().split('&') {
        if pair.is_empty() {
            continue;
        }
        let (name, coded) = pair.split_once('=').unwrap_or((pair, ""));
        let text = path::decode(coded).ok_or_else(|| format!("`{name}` is not percent-coded"))?;
        let named = |problem: String| format!("`{name}`: {problem}");
        match name {
            "limit" => {
                asked.limit = value::number(&text, 1, limits::MAX_PAGE).map_err(named)?;
            }
            "cursor" => {
                let place = Place::of_cursor(&text);
                let problem = "not a cursor; take it from `next` of the page before";
                asked.after = Some(place.ok_or_else(|| named(problem.to_owned()))?);
            }
            "kind" => asked.kinds.push(value::gap_kind(&text).map_err(named)?),
            _ => {
                return Err(format!(
                    "`{name}` is no parameter here; take limit, cursor or kind"
                ));
            }
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_domain::gap::GapKind;

    #[test]
    fn a_query_without_parameters_asks_for_all_kinds_and_the_largest_page() {
        let plain = gaps(None).unwrap();
        assert_eq!((plain.limit, plain.kinds.len()), (1_000, 0));
        assert_eq!(gaps(Some("")).unwrap(), plain);
        let asked = gaps(Some("kind=dispute_open&limit=7&kind=dispute%5Flost")).unwrap();
        assert_eq!(asked.limit, 7);
        assert_eq!(asked.kinds, [GapKind::DisputeOpen, GapKind::DisputeLost]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("limit=0", "`limit`"),
            ("limit=1001", "from 1 to 1000"),
            ("cursor=x", "not a cursor"),
            ("kind=paid", "paid_not_marked, late_success"),
            ("kinds=unlinked", "`kinds`"),
            ("kind=%zz", "percent-coded"),
        ] {
            let told = gaps(Some(wrong)).unwrap_err();
            assert!(told.contains(named), "{wrong}: {told}");
        }
    }
}
