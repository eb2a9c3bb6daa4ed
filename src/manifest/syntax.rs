//! The syntax of names, labels and label values (k8s.io/apimachinery, util/validation).

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Begins and ends with a letter or digit, and holds only those and `others` between.
fn is_word(text: &str, others: &[u8], lowercase: bool) -> bool {
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(|byte| is_alphanumeric(*byte));
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.iter().all(|byte| is_alphanumeric(*byte) || others.contains(byte))
        && !(lowercase && bytes.iter().any(u8::is_ascii_uppercase))
}

/// DNS-1123 label: what namespaces and containers are called.
pub(super) fn label_name(text: &str) -> Result<(), &'static str> {
    if text.len() <= 63 && is_word(text, b"-", true) {
        Ok(())
    } else {
        Err("must be at most 63 lowercase letters, digits and '-', and begin and end with a letter or digit")
    }
}

/// DNS-1123 subdomain: what most objects are called.
pub(super) fn subdomain(text: &str) -> Result<(), &'static str> {
    if text.len() <= 253 && text.split('.').all(|part| is_word(part, b"-", true)) {
        Ok(())
    } else {
        Err("must be at most 253 lowercase letters, digits, '-' and '.', and each part must begin and end with a letter or digit")
    }
}

/// The key of a label, taint or resource: a name with an optional DNS prefix.
pub(super) fn qualified_name(text: &str) -> Result<(), &'static str> {
    const WRONG: &str = "must be a name of at most 63 letters, digits, '-', '_' and '.', perhaps after a DNS name and a '/'";
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            subdomain(prefix).map_err(|_| WRONG)?;
            name
        }
        None => text,
    };
    if name.len() <= 63 && is_word(name, b"-_.", false) { Ok(()) } else { Err(WRONG) }
}

/// The value of a label.
pub(super) fn label_value(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || (text.len() <= 63 && is_word(text, b"-_.", false)) {
        Ok(())
    } else {
        Err("must be empty, or at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit")
    }
}

#[cfg(test)]
mod tests {
    use super::{label_name, label_value, qualified_name, subdomain};

    #[test]
    fn names_and_labels_follow_the_api() {
        let (long, too_long) = ("a".repeat(63), "a".repeat(64));
        for (check, good, bad) in [
            (
                label_name as fn(&str) -> Result<(), &'static str>,
                vec!["a", "0-a", long.as_str()],
                vec!["", "-a", "a-", "A", "a.b", "a_b", "é", "a\0", too_long.as_str()],
            ),
            (subdomain, vec!["a", "a.b-c.d", too_long.as_str()], vec!["", ".", "a..b", "a.", "A.b", "a/b"]),
            (
                qualified_name,
                vec!["a", "A_b.c", "example.com/A", "nvidia.com/gpu"],
                vec!["", "/a", "a/", "a/b/c", "Ex.com/a", "a b", too_long.as_str(), "a.b/-"],
            ),
            (
                label_value,
                vec!["", "a", "A_b.c-d", long.as_str()],
                vec!["-", "a-", "a b", "a/b", too_long.as_str(), "\u{202e}a", "a\u{200b}"],
            ),
        ] {
            for text in good {
                assert_eq!(check(text), Ok(()), "{text}");
            }
            for text in bad {
                assert!(check(text).is_err(), "{text:?}");
            }
        }
    }
}
