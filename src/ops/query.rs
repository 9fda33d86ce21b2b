//! The parameters behind a path's `?`: each by its name, and none that nobody knows, so that a
//! misspelt filter is not taken for none.

use super::path;
use crate::settings::value;
use crate::summary::{GapQuery, Place, limits};

/// Parameters in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// # Errors
    /// What is wrong, in one sentence: a name that is not among `known`, or bad percent-coding.
    pub fn read(text: Option<&str>, known: &[&str]) -> Result<Self, String> {
        let mut parameters = Vec::new();
        for parameter in text.unwrap_or_default().split('&') {
            if parameter.is_empty() {
                continue;
            }
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !known.contains(&name) {
                let shown = if is_word(name) {
                    format!("`{name}`")
                } else {
                    "what was given".to_owned()
                };
                return Err(format!(
                    "{shown} is no parameter here; these are: {}",
                    known.join(", ")
                ));
            }
            let value = path::decode(value);
            let value = value.ok_or_else(|| format!("`{name}` is not percent-coded UTF-8"))?;
            parameters.push((name.to_owned(), value));
        }
        Ok(Self(parameters))
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(held, _)| held == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The last value of that name.
    pub fn last<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }
}

/// Whether an answer may repeat it: a misspelt name, and nothing that a reader could take for more.
fn is_word(name: &str) -> bool {
    name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Reads `limit`, `cursor` and any number of `kind`.
///
/// # Errors
/// A sentence that names the parameter and what it takes.
pub fn gaps(text: Option<&str>) -> Result<GapQuery, String> {
    let query = Query::read(text, &["limit", "cursor", "kind"])?;
    let named = |name: &'static str| move |problem: String| format!("`{name}`: {problem}");
    let mut asked = GapQuery {
        limit: limits::MAX_PAGE,
        ..GapQuery::default()
    };
    if let Some(limit) = query.last("limit") {
        asked.limit = value::number(limit, 1, limits::MAX_PAGE).map_err(named("limit"))?;
    }
    if let Some(cursor) = query.last("cursor") {
        let problem = "not a cursor; take it from `next` of the page before".to_owned();
        let place = Place::of_cursor(cursor);
        asked.after = Some(place.ok_or_else(|| named("cursor")(problem))?);
    }
    for kind in query.all("kind") {
        asked
            .kinds
            .push(value::gap_kind(kind).map_err(named("kind"))?);
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use trueup_domain::gap::GapKind;

    use super::*;

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
            ("kinds=unlinked", "`kinds` is no parameter"),
            ("kinds=unlinked", "limit, cursor, kind"),
            ("kind=%zz", "percent-coded"),
        ] {
            let told = gaps(Some(wrong)).unwrap_err();
            assert!(told.contains(named), "{wrong}: {told}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_the_last_of_a_name_counts() {
        let query = Query::read(Some("id=a%2Fb&limit=1&id=c&limit=2"), &["id", "limit"]).unwrap();
        assert_eq!(query.all("id").collect::<Vec<_>>(), ["a/b", "c"]);
        assert_eq!(query.last("limit"), Some("2"));
        assert_eq!(Query::read(None, &[]).unwrap().last("limit"), None);
    }

    #[test]
    fn an_unknown_name_is_refused_and_only_a_word_is_repeated() {
        let fault = Query::read(Some("limits=1"), &["limit", "cursor"]).unwrap_err();
        assert!(fault.starts_with("`limits` is no parameter") && fault.ends_with("limit, cursor"));
        for stranger in ["<b>=1", "sk_live_4eC39=1", "%1b[2J=1"] {
            let fault = Query::read(Some(stranger), &["limit", "cursor"]).unwrap_err();
            assert!(fault.starts_with("what was given is no"), "{fault}");
        }
        assert!(Query::read(Some("limit=%f"), &["limit"]).is_err());
    }
}
