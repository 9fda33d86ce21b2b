//! A sweep's cursors: absent until saved, and never back.

use super::Subject;

pub(crate) fn a_cursor_that_was_never_saved_is_none(subject: &impl Subject) {
    assert_eq!(subject.load_cursor("live:full"), Ok(None));
}

pub(crate) fn a_cursor_never_moves_back_whoever_saves_it(subject: &impl Subject) {
    let steps = [
        1_700_000_000,
        1_700_003_600,
        1_700_003_600,
        1_700_000_060,
        0,
    ];
    let mut farthest = 0;
    for step in steps {
        subject.save_cursor("live:full", step).unwrap();
        farthest = farthest.max(step);
        assert_eq!(
            subject.load_cursor("live:full"),
            Ok(Some(farthest)),
            "{step}"
        );
    }
}

pub(crate) fn cursors_of_two_names_are_apart(subject: &impl Subject) {
    subject.save_cursor("live:full", 2).unwrap();
    subject.save_cursor("test:full", 1).unwrap();
    let held = ["live:full", "test:full", "live:undelivered"].map(|name| subject.load_cursor(name));
    assert_eq!(held, [Ok(Some(2)), Ok(Some(1)), Ok(None)]);
}

pub(crate) fn a_cursor_before_1970_is_refused(subject: &impl Subject) {
    assert!(subject.save_cursor("live:full", -1).is_err());
    assert_eq!(subject.load_cursor("live:full"), Ok(None));
}
