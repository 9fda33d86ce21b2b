//! Secrets: read from a variable or a file, at least 16 characters, never shown.

use std::path::Path;

use super::fault::Faults;
use super::file;
use super::merge::{Source, Value};

/// The fewest characters of a secret (published).
pub const MIN_SECRET_CHARACTERS: usize = 16;
/// What is shown in a secret's place.
pub const MASK: &str = "********";

/// The secret in the file that the setting `place` names. A last line end is not part of it.
pub fn from_file(place: &str, path: &Path, faults: &mut Faults) -> Option<Value> {
    match file::read_bounded(path) {
        Ok(text) => {
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            if text.is_empty() {
                let shown = Some(path.display().to_string());
                faults.add(place, shown, "the file is empty; write the secret into it");
                return None;
            }
            Some(Value {
                texts: vec![text],
                source: Source::SecretFile(path.to_owned()),
            })
        }
        Err(problem) => {
            faults.add(place, Some(path.display().to_string()), problem);
            None
        }
    }
}

/// The members of a list of secrets, each checked.
///
/// # Errors
/// What is wrong with it, without any of it.
pub fn members(texts: &[String]) -> Result<Vec<String>, String> {
    let members: Vec<String> = texts
        .iter()
        .flat_map(|text| text.split(','))
        .map(|member| member.trim().to_owned())
        .collect();
    if members.iter().any(String::is_empty) {
        return Err("the list has an empty member; remove the comma too many".to_owned());
    }
    members.iter().try_for_each(|member| long_enough(member))?;
    Ok(members)
}

/// # Errors
/// When the secret is shorter than [`MIN_SECRET_CHARACTERS`].
pub fn long_enough(secret: &str) -> Result<(), String> {
    let characters = secret.chars().count();
    if characters < MIN_SECRET_CHARACTERS {
        return Err(format!(
            "a secret of {characters} characters, the least is {MIN_SECRET_CHARACTERS}; make a longer one"
        ));
    }
    Ok(())
}

/// Whether the Kafka client's setting `key` holds something to hide.
pub fn is_secret_key(key: &str) -> bool {
    [
        "password",
        "secret",
        "pem",
        "token",
        "jaas",
        "sasl.oauthbearer.config",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// `url` without the credentials it may carry, also where it lacks a scheme.
pub fn without_credentials(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{MASK}@{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_an_empty_member_is_refused() {
        for list in [
            "whsec_0123456789abc,",
            ",whsec_0123456789abc",
            "a,,b",
            " , ",
        ] {
            assert!(
                members(&[list.to_owned()])
                    .unwrap_err()
                    .contains("empty member"),
                "{list}"
            );
        }
    }

    #[test]
    fn a_short_secret_is_refused_without_being_shown() {
        let fault = members(&["whsec_short".to_owned()]).unwrap_err();
        assert!(
            fault.contains("11 characters") && !fault.contains("whsec"),
            "{fault}"
        );
    }

    #[test]
    fn a_urls_credentials_are_masked() {
        assert_eq!(
            without_credentials("http://u:p@h:1/x@y"),
            "http://********@h:1/x@y"
        );
        assert_eq!(without_credentials("u:p@h:1"), "********@h:1");
        assert_eq!(without_credentials("http://h:1"), "http://h:1");
    }
}
