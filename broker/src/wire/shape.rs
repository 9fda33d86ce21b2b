//! Walks a request over its lengths before anything is allocated for it.
//!
//! The decoder that follows reserves room for as many elements as an array claims to hold, so a
//! frame of twenty bytes could ask for all memory. What passes here holds what it claims.

use thiserror::Error;

use super::served::Served;
use crate::limits::REQUEST_ELEMENTS_MAX;

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) oldest: i16,
    pub(crate) newest: i16,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// So many bytes, whatever they mean.
    Fixed(usize),
    /// A string, with a length of two bytes where it is not compact.
    Text,
    /// Bytes, with a length of four bytes where it is not compact.
    Data,
    Fixeds(usize),
    Texts,
    Structs(&'static [Field]),
}

#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Misshapen {
    #[error("the request ends before what it announces")]
    Short,
    #[error("a length is negative or beyond its type")]
    Length,
    #[error("the request holds more than {REQUEST_ELEMENTS_MAX} elements")]
    Elements,
    #[error("the request carries tagged field {0}, which brokers alone send")]
    Tag(u32),
}

/// Checks that `body` begins with one request of `served` at `version`. What may follow is nobody's:
/// librdkafka leaves bytes there that it reserved, and brokers have never minded.
pub(crate) fn check(served: &Served, version: i16, body: &[u8]) -> Result<(), Misshapen> {
    walk(served, version, body).fields(served.fields)
}

fn walk<'a>(served: &Served, version: i16, body: &'a [u8]) -> Walk<'a> {
    Walk {
        left: body,
        version,
        flexible: version >= served.flexible_since,
        elements: 0,
    }
}

/// Tags below this are known to the decoder, which reads them without regard to their size.
const TAGS_KNOWN: u32 = 8;

struct Walk<'a> {
    left: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Field]) -> Result<(), Misshapen> {
        for field in fields {
            if (field.oldest..=field.newest).contains(&self.version) {
                self.field(&field.kind)?;
            }
        }
        if self.flexible {
            self.tags()?;
        }
        Ok(())
    }

    fn field(&mut self, kind: &Kind) -> Result<(), Misshapen> {
        match kind {
            Kind::Fixed(size) => self.skip(*size),
            Kind::Text => self.text(),
            Kind::Data => {
                let size = self.length()?;
                self.skip(size)
            }
            Kind::Fixeds(size) => {
                let count = self.count()?;
                self.skip(count.checked_mul(*size).ok_or(Misshapen::Length)?)
            }
            Kind::Texts => {
                for _ in 0..self.count()? {
                    self.text()?;
                }
                Ok(())
            }
            Kind::Structs(fields) => {
                for _ in 0..self.count()? {
                    self.fields(fields)?;
                }
                Ok(())
            }
        }
    }

    fn text(&mut self) -> Result<(), Misshapen> {
        let size = if self.flexible {
            self.length()?
        } else {
            match i16::from_be_bytes(self.take()?) {
                -1 => 0,
                size => usize::try_from(size).map_err(|_| Misshapen::Length)?,
            }
        };
        self.skip(size)
    }

    fn tags(&mut self) -> Result<(), Misshapen> {
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            if tag < TAGS_KNOWN {
                return Err(Misshapen::Tag(tag));
            }
            let size = self.varint()?;
            self.skip(usize::try_from(size).map_err(|_| Misshapen::Length)?)?;
            self.element(1)?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<usize, Misshapen> {
        let count = self.length()?;
        self.element(count)?;
        Ok(count)
    }

    fn element(&mut self, count: usize) -> Result<(), Misshapen> {
        self.elements = self.elements.saturating_add(count);
        if self.elements > REQUEST_ELEMENTS_MAX {
            return Err(Misshapen::Elements);
        }
        Ok(())
    }

    /// The length of bytes or of an array: none counts as nothing.
    fn length(&mut self) -> Result<usize, Misshapen> {
        if self.flexible {
            let length = self.varint()?.saturating_sub(1);
            return usize::try_from(length).map_err(|_| Misshapen::Length);
        }
        match i32::from_be_bytes(self.take()?) {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| Misshapen::Length),
        }
    }

    fn varint(&mut self) -> Result<u32, Misshapen> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Misshapen::Length);
            }
        }
        Err(Misshapen::Length)
    }

    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Misshapen> {
        let (taken, left) = self.left.split_first_chunk().ok_or(Misshapen::Short)?;
        self.left = left;
        Ok(*taken)
    }

    fn skip(&mut self, size: usize) -> Result<(), Misshapen> {
        self.left = self.left.get(size..).ok_or(Misshapen::Short)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
