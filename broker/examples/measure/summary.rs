//! Medians, ranges, and how they are written.

/// What some figures come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Summary {
    /// Nothing of no figures.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = *sorted.get(middle)?;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, upper)
        } else {
            upper
        };
        Some(Self {
            least: *sorted.first()?,
            median,
            most: *sorted.last()?,
        })
    }

    /// `median (least–most)`; one figure is its own.
    pub(crate) fn text(self, write: impl Fn(f64) -> String) -> String {
        let (median, least, most) = (write(self.median), write(self.least), write(self.most));
        if least == most {
            return median;
        }
        format!("{median} ({least}–{most})")
    }
}

/// Three digits that count, and thousands apart.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let plain = format!("{value:.digits$}");
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::new();
    for (place, digit) in whole.char_indices() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    if !part.is_empty() {
        text.push('.');
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_range_its_ends() {
        let summary = Summary::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!(summary.text(figure), "2.00 (1.00–3.00)");
        let even = Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert!((even.median - 2.5).abs() < f64::EPSILON);
        assert_eq!(Summary::of(&[7.0]).unwrap().text(figure), "7.00");
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn figures_are_written_to_be_read() {
        let written: Vec<String> = [0.123, 12.34, 1_234.5, 1_234_567.0].map(figure).into();
        assert_eq!(written, ["0.12", "12.3", "1 234", "1 234 567"]);
    }
}
