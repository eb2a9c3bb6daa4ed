//! What a plain YAML scalar means, by the rules of kubectl (sigs.k8s.io/yaml, which keeps YAML 1.1): `on` and `n` are booleans, `0777`
//! is octal, `1_000` a number.

use serde_json::{Number, Value};

/// The value of a plain scalar. `Err` says why it has none in JSON.
pub(super) fn resolve(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Err("not-a-number and infinity have no meaning in Kubernetes; quote it if a string is meant");
        }
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Ok(Value::String(text.into()));
    }
    Ok(number(text).map_or_else(|| Value::String(text.into()), Value::Number))
}

fn number(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| if is_float(&plain) { float(&plain) } else { None })
}

/// `strconv.ParseInt(text, 0, 64)`: the prefix decides the base, a leading zero means octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = [("0x", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, base)| Some((base, lower.strip_prefix(prefix)?)))
        .unwrap_or_else(|| if lower.len() > 1 && lower.starts_with('0') { (8, &lower[1..]) } else { (10, lower.as_str()) });
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if negative { 0_i64.checked_sub_unsigned(magnitude).map(Number::from) } else { Some(Number::from(magnitude)) }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(unsigned);
    let rest = &unsigned[whole..];
    let rest = match rest.strip_prefix('.') {
        Some(fraction) if whole + digits(fraction) == 0 => return false,
        Some(fraction) => &fraction[digits(fraction)..],
        None if whole == 0 => return false,
        None => rest,
    };
    rest.is_empty()
        || rest.strip_prefix(['e', 'E']).is_some_and(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        })
}

/// JSON has one kind of number, so `1e3` and `1000` are the same.
fn float(text: &str) -> Option<Number> {
    /// Up to here Go prints a float without exponent, and every integer is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "a whole number within 53 bits")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// The text of a mapping key that is a plain scalar: kubectl writes booleans and numbers back as JSON strings.
pub(super) fn key(text: &str) -> Result<String, &'static str> {
    match resolve(text)? {
        Value::String(text) => Ok(text),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(value.to_string()),
        _ => Err("a null is no field name; quote it"),
    }
}

#[cfg(test)]
mod tests {
    use super::{key, resolve};
    use serde_json::json;

    #[test]
    fn resolves_as_kubectl_does() {
        for (text, expected) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("on", json!(true)),
            ("n", json!(false)),
            ("oN", json!("oN")),
            ("0", json!(0)),
            ("00", json!(0)),
            ("-1", json!(-1)),
            ("+1", json!(1)),
            ("0777", json!(511)),
            ("-010", json!(-8)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0b101", json!(5)),
            ("0789", json!(789)),
            ("1_000", json!(1000)),
            ("1e3", json!(1000)),
            ("1E3", json!(1000)),
            ("1.5", json!(1.5)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("1e-3", json!(0.001)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("500m", json!("500m")),
            ("1Gi", json!("1Gi")),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("2001-01-01", json!("2001-01-01")),
            ("12:30:45", json!("12:30:45")),
            ("0x", json!("0x")),
            ("1e999", json!("1e999")),
            ("é", json!("é")),
            ("1é", json!("1é")),
        ] {
            assert_eq!(resolve(text), Ok(expected), "{text}");
        }
        assert!(resolve(".nan").is_err() && resolve("-.inf").is_err());
        assert_eq!(key("on").as_deref(), Ok("true"));
        assert_eq!(key("010").as_deref(), Ok("8"));
        assert!(key("~").is_err());
    }
}
