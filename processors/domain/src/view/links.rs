//! Which payment an event is about, by its own word or by what was told of its object before.

use crate::event::Facts;
use crate::ids::ObjectId;
use crate::join::find;
use crate::ledger::Ledger;

/// `None` where nobody told: another payment of the order is never guessed.
#[must_use]
pub fn payment_of<'a>(ledger: &'a Ledger, facts: &'a Facts) -> Option<&'a ObjectId> {
    let of_charge = |id: &ObjectId| find(&ledger.charges, id)?.payment.as_ref();
    facts.payment_id().or_else(|| match facts {
        Facts::Payment(payment) => Some(&payment.id),
        Facts::Session(session) => find(&ledger.sessions, &session.id)?.payment.as_ref(),
        Facts::Charge(charge) => of_charge(&charge.id),
        Facts::Refund(refund) => {
            let known = find(&ledger.refunds, &refund.id)?;
            let charge = || known.charge.as_ref().and_then(of_charge);
            known.payment.as_ref().or_else(charge)
        }
        Facts::Unlinked(_) | Facts::Linked(_) => None,
        Facts::ClaimedTwice(claim) => Some(&claim.payment),
        Facts::Dispute(dispute) => {
            let known = find(&ledger.disputes, &dispute.id)?;
            let charge = || known.charge.as_ref().and_then(of_charge);
            known.payment.as_ref().or_else(charge)
        }
    })
}
