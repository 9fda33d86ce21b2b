//! Streams of signed events, a sender, an oracle and the chaos run.
