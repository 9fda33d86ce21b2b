use super::*;
use crate::sign::stripe_signature;

const NOW_S: UnixSeconds = 1_700_000_000;
const BODY: &[u8] = b"{ \"b\": 1,\n\t\"a\" : \"\\u0041\" , \"c\":1.0 }";

fn secret(name: &str) -> Secret {
    Secret::new(&format!("whsec_secret_of_{name}")).unwrap()
}

fn verify(header: &str, secrets: &[Secret], body: &[u8]) -> Result<(), SignatureFault> {
    let body = Bytes::copy_from_slice(body);
    Verified::by_signature(header.as_bytes(), secrets, body, NOW_S).map(|_| ())
}

fn verify_one(header: &str) -> Result<(), SignatureFault> {
    verify(header, &[secret("shop")], BODY)
}

fn v1(at_s: UnixSeconds) -> String {
    let header = stripe_signature(&secret("shop"), at_s, BODY);
    header.split_once(",v1=").unwrap().1.to_owned()
}

/// True where a body that no serialiser would write is taken with a signature over its bytes.
fn raw_bytes_are_what_is_signed() -> bool {
    verify_one(&stripe_signature(&secret("shop"), NOW_S, BODY)).is_ok()
}

#[test]
fn a_signature_covers_the_raw_bytes_not_what_they_mean() {
    assert!(raw_bytes_are_what_is_signed());
}

#[test]
fn checking_the_signature_over_the_body_written_anew_is_caught() {
    assert!(!trueup_plants::with(
        Plant::SignatureOverReserialised,
        raw_bytes_are_what_is_signed
    ));
}

#[test]
fn any_of_several_secrets_will_do_and_a_foreign_one_will_not() {
    let header = stripe_signature(&secret("old"), NOW_S, BODY);
    assert_eq!(
        verify(&header, &[secret("new"), secret("old")], BODY),
        Ok(())
    );
    assert_eq!(
        verify(&header, &[secret("new")], BODY),
        Err(SignatureFault::Mismatch)
    );
    assert_eq!(verify(&header, &[], BODY), Err(SignatureFault::Mismatch));
}

#[test]
fn any_of_several_v1_signatures_will_do_wherever_it_stands() {
    let (good, bad) = (v1(NOW_S), "0".repeat(64));
    for header in [
        format!("t={NOW_S},v1={bad},v1={good}"),
        format!("v1={good},v1={bad},t={NOW_S}"),
        format!("v0={bad},t={NOW_S},v1={good},v2={bad}"),
        format!("t={NOW_S},v1=nothex,v1={good}"),
        format!("t={NOW_S},v1={}", good.to_uppercase()),
    ] {
        assert_eq!(verify_one(&header), Ok(()), "{header}");
    }
}

#[test]
fn only_v1_counts() {
    let good = v1(NOW_S);
    for header in [
        format!("t={NOW_S},v0={good}"),
        format!("t={NOW_S},V1={good}"),
        format!("t={NOW_S}"),
        format!("t={NOW_S},v1="),
        format!("t={NOW_S},v1={}", &good[..62]),
    ] {
        assert_eq!(
            verify_one(&header),
            Err(SignatureFault::NoKnownScheme),
            "{header}"
        );
    }
}

#[test]
fn the_time_limits_hold_to_the_second() {
    let at = |at_s| verify_one(&stripe_signature(&secret("shop"), at_s, BODY));
    assert_eq!(at(NOW_S - 300), Ok(()));
    assert_eq!(at(NOW_S - 301), Err(SignatureFault::TooOld));
    assert_eq!(at(NOW_S + 60), Ok(()));
    assert_eq!(at(NOW_S + 61), Err(SignatureFault::FromTheFuture));
}

#[test]
fn the_stamp_is_signed_too() {
    let header = format!("t={},v1={}", NOW_S - 1, v1(NOW_S));
    assert_eq!(verify_one(&header), Err(SignatureFault::Mismatch));
}

#[test]
fn a_header_of_another_form_is_malformed() {
    let good = v1(NOW_S);
    for header in [
        String::new(),
        "t".to_owned(),
        format!("v1={good}"),
        format!("t=,v1={good}"),
        format!("t={NOW_S},t={NOW_S},v1={good}"),
        format!("t={NOW_S},v1={good},"),
        format!("t={NOW_S},v1={good}="),
        format!("t=+{NOW_S},v1={good}"),
        format!("t=-{NOW_S},v1={good}"),
        format!("t={NOW_S}.0,v1={good}"),
        format!("t=99999999999999999999,v1={good}"),
        format!("t=１７,v1={good}"),
        format!(
            "t={NOW_S}{}",
            format!(",v1={good}").repeat(MAX_SIGNATURES + 1)
        ),
    ] {
        let found = verify_one(&header);
        let blank = header.strip_prefix("t=,").is_some();
        assert!(
            found == Err(SignatureFault::Malformed) || blank,
            "{header}: {found:?}"
        );
        assert!(found.is_err());
    }
}

#[test]
fn a_stored_body_is_taken_by_its_digest_only() {
    let digest: [u8; 32] = Sha256::digest(BODY).into();
    assert!(Verified::by_digest(Bytes::from_static(BODY), &digest).is_ok());
    let other = Verified::by_digest(Bytes::from_static(b"{}"), &digest);
    assert_eq!(other.err(), Some(DigestMismatch));
}
