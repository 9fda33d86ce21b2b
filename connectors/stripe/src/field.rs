//! One JSON field as it came: whatever its type, it reads without an error and without a copy.
//! Asking it for text, an amount or a reference then names the field that is not as it should be.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;
use trueup_domain::ids::ObjectId;
use trueup_domain::money::{Currency, MAX_MINOR_UNITS, MinorUnits};

/// A field's value. `Nothing` is null or absent: Stripe means the same by both.
#[derive(Debug, Default)]
pub(crate) enum Field<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Integer(i64),
    Boolean(bool),
    /// An object; its `id`, where that is a string: an expanded reference.
    Expanded(Option<Cow<'a, str>>),
    /// An array, or a number that is no `i64`.
    Other,
}

/// Why a field cannot be used; `field` is its path in the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum FieldFault {
    #[error("`{field}` is missing")]
    Missing { field: &'static str },
    #[error("`{field}` is not {expected}")]
    Unfit {
        field: &'static str,
        expected: &'static str,
    },
    #[error("`{field}` is not a whole number of minor units from 0 to {MAX_MINOR_UNITS}")]
    BadAmount { field: &'static str },
}

impl<'a> Field<'a> {
    pub(crate) fn text(&self, field: &'static str) -> Result<Option<&str>, FieldFault> {
        match self {
            Self::Nothing => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Integer(_) | Self::Boolean(_) | Self::Expanded(_) | Self::Other => {
                Err(FieldFault::Unfit {
                    field,
                    expected: "a string",
                })
            }
        }
    }

    pub(crate) fn needed_text(&self, field: &'static str) -> Result<&str, FieldFault> {
        self.text(field)?.ok_or(FieldFault::Missing { field })
    }

    /// The text, where it is one: for fields that a person filled in.
    pub(crate) fn loose_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, field: &'static str) -> Result<Option<bool>, FieldFault> {
        match self {
            Self::Nothing => Ok(None),
            Self::Boolean(value) => Ok(Some(*value)),
            Self::Text(_) | Self::Integer(_) | Self::Expanded(_) | Self::Other => {
                Err(FieldFault::Unfit {
                    field,
                    expected: "true or false",
                })
            }
        }
    }

    pub(crate) fn needed_integer(
        &self,
        field: &'static str,
        expected: &'static str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, FieldFault> {
        match self {
            Self::Nothing => Err(FieldFault::Missing { field }),
            Self::Integer(value) if range.contains(value) => Ok(*value),
            _ => Err(FieldFault::Unfit { field, expected }),
        }
    }

    pub(crate) fn amount(&self, field: &'static str) -> Result<Option<MinorUnits>, FieldFault> {
        match self {
            Self::Nothing => Ok(None),
            Self::Integer(units) => {
                let amount = MinorUnits::try_from(*units);
                amount
                    .map(Some)
                    .map_err(|_| FieldFault::BadAmount { field })
            }
            Self::Text(_) | Self::Boolean(_) | Self::Expanded(_) | Self::Other => {
                Err(FieldFault::BadAmount { field })
            }
        }
    }

    pub(crate) fn needed_amount(&self, field: &'static str) -> Result<MinorUnits, FieldFault> {
        self.amount(field)?.ok_or(FieldFault::Missing { field })
    }

    pub(crate) fn currency(&self, field: &'static str) -> Result<Option<Currency>, FieldFault> {
        let code = self.text(field)?.map(Currency::try_from).transpose();
        code.map_err(|_| FieldFault::Unfit {
            field,
            expected: "a lower-case ISO 4217 code",
        })
    }

    pub(crate) fn needed_currency(&self, field: &'static str) -> Result<Currency, FieldFault> {
        self.currency(field)?.ok_or(FieldFault::Missing { field })
    }

    /// An id, or the id of the object that it was expanded to.
    pub(crate) fn reference(&self, field: &'static str) -> Result<Option<ObjectId>, FieldFault> {
        let unfit = FieldFault::Unfit {
            field,
            expected: "an id or an object with an `id`",
        };
        let id: &str = match self {
            Self::Nothing => return Ok(None),
            Self::Text(id) | Self::Expanded(Some(id)) => id,
            Self::Expanded(None) | Self::Integer(_) | Self::Boolean(_) | Self::Other => {
                return Err(unfit);
            }
        };
        ObjectId::try_from(id).map(Some).map_err(|_| unfit)
    }

    pub(crate) fn needed_id(&self, field: &'static str) -> Result<ObjectId, FieldFault> {
        let id = self.needed_text(field)?;
        ObjectId::try_from(id).map_err(|_| FieldFault::Unfit {
            field,
            expected: "an object's id",
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Field<'de>, E> {
        Ok(Field::Nothing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Field<'de>, E> {
        Ok(Field::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Field<'de>, E> {
        Ok(Field::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Field<'de>, E> {
        Ok(i64::try_from(value).map_or(Field::Other, Field::Integer))
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Field<'de>, A::Error> {
        #[derive(serde::Deserialize)]
        struct Expanded<'a> {
            #[serde(borrow, default)]
            id: Text<'a>,
        }
        let expanded = Expanded::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Field::Expanded(expanded.id.0))
    }
}

/// A string, or anything else as `None`. Its own type because [`Field`] within [`Field`] would
/// follow expanded objects down without an end.
#[derive(Default)]
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_unit<E: Error>(self) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
            fn visit_bool<E: Error>(self, _value: bool) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
            fn visit_i64<E: Error>(self, _value: i64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
            fn visit_u64<E: Error>(self, _value: u64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
            fn visit_f64<E: Error>(self, _value: f64) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Text<'de>, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A JSON object read as `T`. Derived readers take an array for an object; this one does not.
/// Null and absent are `None`.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_unit<E: Error>(self) -> Result<Object<T>, E> {
                Ok(Object(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(entries)).map(|value| Object(Some(value)))
            }
        }
        deserializer.deserialize_any(ObjectVisitor(std::marker::PhantomData))
    }
}
