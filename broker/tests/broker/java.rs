//! The broker as Java's client sees it: programs of this tree, and Kafka's own tools. As the
//! behaviours of [`crate::conformance`] they run against both brokers.

mod behaviours;
mod differences;
mod tools;

macro_rules! programs {
    ($($subject:ident { $($program:ident,)+ })+) => {
        mod embedded {
            $(mod $subject {
                $(#[test]
                fn $program() {
                    let running = crate::support::Running::start();
                    crate::java::$subject::$program(&running);
                })+
            })+
        }

        mod kafka {
            $(mod $subject {
                $(#[test]
                fn $program() {
                    let site = crate::site::Site::shared(trueup_testkit::kafka());
                    crate::java::$subject::$program(&site);
                })+
            })+
        }
    };
}

programs! {
    behaviours {
        java_s_producers_and_consumers_find_what_they_rely_on,
        java_s_admin_client_finds_what_it_relies_on,
    }
    tools {
        topics_are_kept_with_kafka_s_own_tools,
        records_and_groups_are_seen_with_kafka_s_own_tools,
        transactions_are_seen_with_kafka_s_own_tools,
    }
}
