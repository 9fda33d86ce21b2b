//! Reads one number from a process's `/metrics`.

use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);
/// More than any process here exports.
const MAX_PAGE_BYTES: u64 = 8 * 1024 * 1024;

/// The page of the ops listener at `address` (`host:port`); `None` if it does not answer.
#[must_use]
pub fn page(address: &str) -> Option<String> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .build()
        .new_agent();
    let mut answer = agent.get(format!("http://{address}/metrics")).call().ok()?;
    answer
        .body_mut()
        .with_config()
        .limit(MAX_PAGE_BYTES)
        .read_to_string()
        .ok()
}

/// The sum of all series of the metric `name`; `None` if the page has none.
#[must_use]
pub fn sum(page: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = page
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let rest = match rest.strip_prefix('{') {
                Some(labels) => labels.rsplit_once('}')?.1,
                None => rest,
            };
            rest.starts_with(' ')
                .then(|| rest.trim().parse().ok())
                .flatten()
        })
        .collect();
    (!values.is_empty()).then(|| values.into_iter().sum())
}

/// The metric `name` by the value of its only label.
#[must_use]
pub fn by_label(page: &str, name: &str, label: &str) -> Vec<(String, f64)> {
    let start = format!("{name}{{{label}=\"");
    page.lines()
        .filter_map(|line| {
            let (value, number) = line.strip_prefix(&start)?.split_once("\"} ")?;
            Some((value.to_owned(), number.trim().parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{by_label, sum};

    #[test]
    fn series_are_told_apart_by_their_label() {
        let page = "a{kind=\"x\"} 3\na{kind=\"y\"} 4\nab{kind=\"x\"} 9\na{other=\"x\"} 1\n";
        let expected = [("x".to_owned(), 3.0), ("y".to_owned(), 4.0)];
        assert_eq!(by_label(page, "a", "kind"), expected);
    }

    #[test]
    fn series_of_one_name_are_added_and_longer_names_are_others() {
        let page = "# TYPE a gauge\na 2\na{kind=\"x y\"} 3\na_total 9\nb 1\n";
        assert_eq!(sum(page, "a"), Some(5.0));
        assert_eq!(sum(page, "a_total"), Some(9.0));
        assert_eq!(sum(page, "c"), None);
    }
}
