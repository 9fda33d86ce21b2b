//! The cells of a ledger that tell what the linker said, on the wire.

use serde::{Deserialize, Serialize};
use trueup_domain::event::Success;
use trueup_domain::ledger::{ClaimCell, UnlinkedCell};

use crate::fault::BadField;

#[derive(Serialize, Deserialize)]
pub(super) struct UnlinkedMirror<'a> {
    id: &'a str,
    since: Option<i64>,
    #[serde(borrow)]
    success: Option<SuccessMirror<'a>>,
    found: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SuccessMirror<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClaimMirror<'a> {
    id: &'a str,
    other: &'a str,
}

impl<'a> From<&'a UnlinkedCell> for UnlinkedMirror<'a> {
    fn from(cell: &'a UnlinkedCell) -> Self {
        Self {
            id: cell.id.as_str(),
            since: cell.since,
            success: cell.success.as_ref().map(|success| SuccessMirror {
                amount: success.amount.get(),
                currency: success.currency.as_str(),
            }),
            found: cell.found,
        }
    }
}

impl TryFrom<UnlinkedMirror<'_>> for UnlinkedCell {
    type Error = BadField;

    fn try_from(mirror: UnlinkedMirror<'_>) -> Result<Self, BadField> {
        let success = |told: SuccessMirror<'_>| {
            Ok::<_, BadField>(Success {
                amount: told
                    .amount
                    .try_into()
                    .map_err(BadField::named("unlinked.success.amount"))?,
                currency: told
                    .currency
                    .try_into()
                    .map_err(BadField::named("unlinked.success.currency"))?,
            })
        };
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("unlinked.id"))?,
            since: mirror.since,
            success: mirror.success.map(success).transpose()?,
            found: mirror.found,
        })
    }
}

impl<'a> From<&'a ClaimCell> for ClaimMirror<'a> {
    fn from(cell: &'a ClaimCell) -> Self {
        Self {
            id: cell.id.as_str(),
            other: cell.other.as_str(),
        }
    }
}

impl TryFrom<ClaimMirror<'_>> for ClaimCell {
    type Error = BadField;

    fn try_from(mirror: ClaimMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror.id.try_into().map_err(BadField::named("claims.id"))?,
            other: mirror
                .other
                .try_into()
                .map_err(BadField::named("claims.other"))?,
        })
    }
}
