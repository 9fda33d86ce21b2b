//! The table of a comparison, as Markdown: medians with their ranges, and what each is by ours,
//! worked out within each round and not from the medians.

use std::fmt;

use super::contest::Contestant;
use super::draining::Figures;
use super::streams::Drains;

/// For figures of a table: counts here stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "a figure to be printed")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// A median with the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let upper = values.get(values.len() / 2)?;
        let lower = values.get((values.len() - 1) / 2)?;
        Some(Self {
            median: f64::midpoint(*lower, *upper),
            least: *values.first()?,
            most: *values.last()?,
        })
    }

    fn shown(spread: Option<Self>, decimals: usize) -> String {
        spread.map_or_else(
            || "–".to_owned(),
            |Self {
                 median,
                 least,
                 most,
             }| format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})"),
        )
    }
}

fn per_s(figures: &Figures) -> f64 {
    float(figures.records) / figures.seconds
}

fn per_cpu_s(figures: &Figures) -> f64 {
    float(figures.records) / figures.cpu_s
}

/// With what broker and store used for it; `None` where they run elsewhere.
fn per_cpu_s_of_all(figures: &Figures) -> Option<f64> {
    let servers = figures.broker_cpu_s? + figures.store_cpu_s.unwrap_or(0.0);
    Some(float(figures.records) / (figures.cpu_s + servers))
}

impl Drains {
    fn spread(
        &self,
        contestant: Contestant,
        measure: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<Spread> {
        let figures = self.figures(contestant);
        let values = figures.iter().filter_map(|(_, figures)| measure(figures));
        Spread::of(values.collect())
    }

    /// Ours by another's, of the rounds in which both were right.
    fn ratio(
        &self,
        other: Contestant,
        measure: impl Fn(&Figures) -> Option<f64>,
    ) -> Option<Spread> {
        let others = self.figures(other);
        let ours = self.figures(Contestant::Ours);
        let pairs = ours.iter().filter_map(|(round, ours)| {
            let (_, theirs) = others.iter().find(|(theirs, _)| theirs == round)?;
            Some(measure(ours)? / measure(theirs)?)
        });
        Spread::of(pairs.collect())
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, contestant: Contestant) -> fmt::Result {
        let wrong = self.of(contestant).filter(|it| it.wrong.is_some()).count();
        let name = contestant.name();
        if wrong > 0 {
            writeln!(f, "| {name} | VOID: {wrong} wrong answers | | | |")?;
            return Ok(());
        }
        let rate = self.spread(contestant, |it| Some(per_s(it)));
        let cpu = self.spread(contestant, |it| Some(per_cpu_s(it)));
        let all = self.spread(contestant, per_cpu_s_of_all);
        let rss = self.spread(contestant, |it| Some(it.peak_rss_mib));
        writeln!(
            f,
            "| {name} | {} | {} | {} | {} |",
            Spread::shown(rate, 0),
            Spread::shown(cpu, 0),
            Spread::shown(all, 0),
            Spread::shown(rss, 0),
        )
    }

    fn ratio_row(&self, f: &mut fmt::Formatter<'_>, other: Contestant) -> fmt::Result {
        let rate = self.ratio(other, |it| Some(per_s(it)));
        let cpu = self.ratio(other, |it| Some(per_cpu_s(it)));
        let all = self.ratio(other, per_cpu_s_of_all);
        let rss = self.ratio(other, |it| Some(it.peak_rss_mib));
        writeln!(
            f,
            "| ours ÷ {} | {} | {} | {} | {} |",
            other.name(),
            Spread::shown(rate, 2),
            Spread::shown(cpu, 2),
            Spread::shown(all, 2),
            Spread::shown(rss, 2),
        )
    }
}

impl fmt::Display for Drains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.about {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "gateway: {:.1} µs of CPU for each delivery that it took",
            self.gateway_us
        )?;
        writeln!(
            f,
            "\n| median (range) of {} orders | events/s | events per CPU-second | the same, broker \
             and store counted | peak RSS, MiB |\n|---|---|---|---|---|",
            self.orders
        )?;
        for contestant in &self.contestants {
            self.row(f, *contestant)?;
        }
        let others = self.contestants.iter();
        for other in others.filter(|it| **it != Contestant::Ours) {
            self.ratio_row(f, *other)?;
        }
        for outcome in self.outcomes.iter().filter(|it| it.wrong.is_some()) {
            writeln!(f, "round {}: {outcome}", outcome.round)?;
        }
        match &self.broken {
            Some(broken) => write!(f, "ended early: {broken}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contest::Outcome;
    use super::*;

    fn outcome(contestant: Contestant, round: u32, seconds: f64, wrong: bool) -> Outcome {
        Outcome {
            contestant,
            round,
            figures: Some(Figures {
                records: 1_000,
                seconds,
                cpu_s: seconds,
                broker_cpu_s: Some(seconds),
                store_cpu_s: None,
                peak_rss_mib: 10.0,
            }),
            wrong: wrong.then(|| "`o`: lost".to_owned()),
        }
    }

    fn drains(outcomes: Vec<Outcome>) -> Drains {
        Drains {
            about: Vec::new(),
            orders: 5,
            gateway_us: 1.0,
            contestants: vec![Contestant::Ours, Contestant::Streams],
            outcomes,
            broken: None,
        }
    }

    #[test]
    fn ratios_are_of_rounds_and_medians_of_all() {
        let table = drains(vec![
            outcome(Contestant::Ours, 1, 1.0, false),
            outcome(Contestant::Streams, 1, 4.0, false),
            outcome(Contestant::Streams, 2, 2.0, false),
            outcome(Contestant::Ours, 2, 2.0, false),
            outcome(Contestant::Ours, 3, 4.0, false),
        ]);
        let text = table.to_string();
        let ours =
            "| `trueup process`, CQL ledger | 500 (250–1000) | 500 (250–1000) | 250 (125–500) |";
        assert!(text.contains(ours), "{text}");
        let ratio = "| ours ÷ Kafka Streams `exactly_once_v2` | 2.50 (1.00–4.00) |";
        assert!(text.contains(ratio), "{text}");
        assert!(table.is_right());
    }

    #[test]
    fn a_wrong_answer_makes_the_row_void_and_the_run_fail() {
        let table = drains(vec![
            outcome(Contestant::Ours, 1, 1.0, false),
            outcome(Contestant::Streams, 1, 4.0, true),
        ]);
        let text = table.to_string();
        assert!(text.contains("exactly_once_v2` | VOID: 1 wrong"), "{text}");
        assert!(text.contains("`o`: lost"), "{text}");
        assert!(!text.contains("250"), "{text}");
        assert!(!table.is_right());
    }
}
