//! The gateway that takes Stripe's webhooks in and loses none it said yes to.
