//! Money and time as people read them. For text only: JSON stays in minor units.

/// Currencies whose minor unit is the unit itself, by the provider's list: amounts are what the
/// provider says, and where ISO 4217 differs (MGA, UGX, ISK) the provider's rule is the one that
/// was applied to them.
const WITHOUT_DECIMALS: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];
/// Likewise those that have thousandths.
const WITH_THREE_DECIMALS: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

/// How many decimals a currency is written with; `currency` is lower-case.
fn decimals(currency: &str) -> usize {
    if WITHOUT_DECIMALS.contains(&currency) {
        0
    } else if WITH_THREE_DECIMALS.contains(&currency) {
        3
    } else {
        2
    }
}

/// `1050`, `eur` is `10.50 EUR`.
pub fn amount(minor_units: i64, currency: &str) -> String {
    let decimals = decimals(currency);
    let sign = if minor_units < 0 { "-" } else { "" };
    let digits = minor_units.unsigned_abs().to_string();
    // A zero in front of the point, and all places behind it.
    let digits = format!("{digits:0>width$}", width = decimals.saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(decimals));
    let point = if decimals > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{part} {}", currency.to_uppercase())
}

/// The two largest units of an age: `3d 4h`, `2h 5m`, `4m 10s`, `12s`.
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if days > 0 {
        format!("{days}d {}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h {}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m {}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        for (minor_units, currency, written) in [
            (1_050, "eur", "10.50 EUR"),
            (5, "usd", "0.05 USD"),
            (0, "usd", "0.00 USD"),
            (1_050, "jpy", "1050 JPY"),
            (0, "jpy", "0 JPY"),
            (1_050, "kwd", "1.050 KWD"),
            (7, "kwd", "0.007 KWD"),
            (-1_050, "eur", "-10.50 EUR"),
            (i64::MIN, "eur", "-92233720368547758.08 EUR"),
        ] {
            assert_eq!(amount(minor_units, currency), written);
        }
    }

    #[test]
    fn an_age_is_told_by_its_two_largest_units() {
        for (seconds, told) in [
            (-3, "0s"),
            (59, "59s"),
            (250, "4m 10s"),
            (7_500, "2h 5m"),
            (273_600, "3d 4h"),
        ] {
            assert_eq!(age(seconds), told);
        }
    }
}
