//! The parameters behind a path's `?`: each by its name, and none that nobody knows.

use super::path;

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
                return Err(format!(
                    "a parameter is not known here; these are: {}",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_the_last_of_a_name_counts() {
        let query = Query::read(Some("id=a%2Fb&limit=1&id=c&limit=2"), &["id", "limit"]).unwrap();
        assert_eq!(query.all("id").collect::<Vec<_>>(), ["a/b", "c"]);
        assert_eq!(query.last("limit"), Some("2"));
        assert_eq!(Query::read(None, &[]).unwrap().last("limit"), None);
    }

    #[test]
    fn an_unknown_name_is_refused_and_not_repeated() {
        let fault = Query::read(Some("secret=1"), &["limit", "cursor"]).unwrap_err();
        assert!(fault.ends_with("limit, cursor") && !fault.contains("secret"));
        assert!(Query::read(Some("limit=%f"), &["limit"]).is_err());
    }
}
