//! The protocol as built breaks nothing in any history, and each rule left out is found.

use trueup_model::facts::Inputs;
use trueup_model::plants::Plant;
use trueup_model::protocol::{Model, Positions};
use trueup_model::search::{Until, search};

/// Every state is tried, some histories come to their end, and none breaks anything.
fn assert_sound(model: Model) {
    let report = search(&model, Until::Exhausted);
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.is_exhausted && report.finished > 0, "{report}");
}

#[test]
fn a_payment_a_refund_and_an_order_break_nothing() {
    assert_sound(Model::of(Inputs::FULL, Positions::Log));
}

#[test]
fn an_event_delivered_twice_breaks_nothing() {
    assert_sound(Model::of(Inputs::REPEATED, Positions::Log));
}

#[test]
fn brokers_that_forget_how_transactions_ended_break_nothing() {
    assert_sound(Model::of(Inputs::SMALL, Positions::Log).with_crashes(1));
}

#[test]
fn offsets_that_the_group_loses_break_nothing_when_the_state_record_wins() {
    assert_sound(Model::of(Inputs::SMALL, Positions::Log).with_resets(1));
}

#[test]
fn offsets_that_the_group_loses_are_found_when_the_group_is_believed() {
    let model = Model::of(Inputs::SMALL, Positions::Group).with_resets(1);
    let report = search(&model, Until::Broken);
    assert!(!report.broken.is_empty(), "{report}");
}

#[test]
fn every_rule_left_out_is_found() {
    let missed: Vec<&str> = Plant::ALL
        .iter()
        .filter(|(_, plant)| {
            let model = Model::of(Inputs::FULL, Positions::Log)
                .with_crashes(1)
                .with_plant(*plant);
            search(&model, Until::Broken).broken.is_empty()
        })
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(missed, [""; 0]);
}
