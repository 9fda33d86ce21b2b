//! What the inputs say and what follows from it: three kinds of facts, sets of them, the status
//! they add up to, and positions in the two inputs.
//!
//! Enough business to tell a wrong history from a right one, and no more.

use std::fmt;

/// One input record, and what is learned from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    Refund,
    Snapshot,
    Success,
}

impl Fact {
    const fn bit(self) -> u8 {
        match self {
            Self::Refund => 1,
            Self::Snapshot => 2,
            Self::Success => 4,
        }
    }
}

/// A set of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Facts(u8);

impl Facts {
    #[must_use]
    pub const fn with(self, fact: Fact) -> Self {
        Self(self.0 | fact.bit())
    }

    #[must_use]
    pub const fn has(self, fact: Fact) -> bool {
        self.0 & fact.bit() != 0
    }

    /// Whether every fact of this set is in `other`.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    #[must_use]
    pub fn status(self) -> Status {
        let payment = match (self.has(Fact::Success), self.has(Fact::Snapshot)) {
            (false, _) => Payment::Pending,
            (true, false) => Payment::Paid,
            (true, true) => Payment::Partial,
        };
        Status {
            payment,
            refunded: self.has(Fact::Refund),
        }
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        facts.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = [Fact::Refund, Fact::Snapshot, Fact::Success]
            .into_iter()
            .filter(|x| self.has(*x));
        write!(f, "{:?}", held.collect::<Vec<_>>())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payment {
    Pending,
    Paid,
    Partial,
}

/// What is published of an order. Not every fact changes it: a snapshot alone leaves it `Pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status {
    pub payment: Payment,
    pub refunded: bool,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}{}",
            self.payment,
            if self.refunded { "+refund" } else { "" }
        )
    }
}

/// The next record to read of each input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    pub payments: u8,
    pub orders: u8,
}

impl Position {
    pub const START: Self = Self {
        payments: 0,
        orders: 0,
    };

    /// Records read so far, of both inputs.
    #[must_use]
    pub const fn records(self) -> u8 {
        self.payments + self.orders
    }

    /// Whether this position is not past `other` in either input.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.payments <= other.payments && self.orders <= other.orders
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.payments, self.orders)
    }
}

/// The records of the two inputs, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    payments: &'static [Fact],
    orders: &'static [Fact],
}

impl Inputs {
    /// One payment, one order.
    pub const SMALL: Self = Self {
        payments: &[Fact::Success],
        orders: &[Fact::Snapshot],
    };
    /// A payment and its refund, one order.
    pub const FULL: Self = Self {
        payments: &[Fact::Success, Fact::Refund],
        orders: &[Fact::Snapshot],
    };
    /// As `FULL`, and the payment's event is delivered a second time.
    pub const REPEATED: Self = Self {
        payments: &[Fact::Success, Fact::Refund, Fact::Success],
        orders: &[Fact::Snapshot],
    };

    #[must_use]
    pub fn end(&self) -> Position {
        let length = |input: &[Fact]| u8::try_from(input.len()).unwrap_or(u8::MAX);
        Position {
            payments: length(self.payments),
            orders: length(self.orders),
        }
    }

    /// The facts of all records below `position`.
    #[must_use]
    pub fn below(&self, position: Position) -> Facts {
        let payments = self.payments.iter().take(usize::from(position.payments));
        payments
            .chain(self.orders.iter().take(usize::from(position.orders)))
            .copied()
            .collect()
    }

    /// The records that may be read next at `position`, one of each input at most.
    pub fn next(&self, position: Position) -> impl Iterator<Item = (Fact, Position)> + use<> {
        let payment = self
            .payments
            .get(usize::from(position.payments))
            .map(|fact| {
                (
                    *fact,
                    Position {
                        payments: position.payments + 1,
                        ..position
                    },
                )
            });
        let order = self.orders.get(usize::from(position.orders)).map(|fact| {
            (
                *fact,
                Position {
                    orders: position.orders + 1,
                    ..position
                },
            )
        });
        payment.into_iter().chain(order)
    }
}
