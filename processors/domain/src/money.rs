//! Money: whole minor units and a currency. No floats, no negative amounts, no default.

use thiserror::Error;

/// The largest amount taken, in minor units: 2^53 - 1, the largest integer every JSON reader
/// agrees on. 512 such amounts (the most one order may hold) still sum to less than `i64::MAX`,
/// so no sum over one order can overflow.
pub const MAX_MINOR_UNITS: i64 = (1 << 53) - 1;

/// An amount in a currency's minor unit, from 0 to [`MAX_MINOR_UNITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinorUnits(i64);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("amount {0} is outside 0..={MAX_MINOR_UNITS} minor units")]
pub struct AmountOutOfRange(pub i64);

impl MinorUnits {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for MinorUnits {
    type Error = AmountOutOfRange;

    fn try_from(units: i64) -> Result<Self, AmountOutOfRange> {
        if (0..=MAX_MINOR_UNITS).contains(&units) {
            Ok(Self(units))
        } else {
            Err(AmountOutOfRange(units))
        }
    }
}

/// A lower-case ISO 4217 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("currency is not three lower-case letters")]
pub struct NotACurrency;

impl Currency {
    /// ISO 4217's code for transactions where no currency is involved, or none was told.
    pub const NONE: Self = Self(*b"xxx");

    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructor admits only ASCII letters.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<&str> for Currency {
    type Error = NotACurrency;

    fn try_from(code: &str) -> Result<Self, NotACurrency> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_lowercase()) => {
                Ok(Self([*a, *b, *c]))
            }
            _ => Err(NotACurrency),
        }
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
