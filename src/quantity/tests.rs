use super::{Quantity, QuantityError, amount, display};
use proptest::prelude::*;

fn nano(text: &str) -> i128 {
    Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).0
}

#[test]
fn reads_the_grammar() {
    const UNIT: i128 = 1_000_000_000;
    for (text, expected) in [
        ("0", 0),
        ("-0", 0),
        ("+0.000", 0),
        ("0e400", 0),
        ("0E-400", 0),
        ("1", UNIT),
        ("+1", UNIT),
        ("-1", -UNIT),
        ("007", 7 * UNIT),
        ("1.", UNIT),
        (".5", UNIT / 2),
        ("-.5", -UNIT / 2),
        ("1.5", UNIT * 3 / 2),
        ("1.Gi", UNIT << 30),
        (".5Ki", UNIT * 512),
        ("1n", 1),
        ("1u", 1000),
        ("1m", 1_000_000),
        ("1k", UNIT * 1000),
        ("1M", UNIT * 1_000_000),
        ("1G", UNIT * 1_000_000_000),
        ("1T", UNIT * 1_000_000_000_000),
        ("1P", UNIT * 1_000_000_000_000_000),
        ("1E", UNIT * 1_000_000_000_000_000_000),
        ("1E0", UNIT),
        ("1E3", UNIT * 1000),
        ("1e3", UNIT * 1000),
        ("1e+3", UNIT * 1000),
        ("1e-3", UNIT / 1000),
        ("12e-1", UNIT * 12 / 10),
        ("1Ki", UNIT << 10),
        ("1Mi", UNIT << 20),
        ("1Gi", UNIT << 30),
        ("1Ti", UNIT << 40),
        ("1Pi", UNIT << 50),
        ("1Ei", UNIT << 60),
        ("9223372036854775807", UNIT * i128::from(i64::MAX)),
        // Finer than nano is rounded away from zero: some of a resource never becomes none of it.
        ("0.1n", 1),
        ("1e-400", 1),
        ("-1e-400", -1),
        ("0.00000000010", 1),
        ("1.0000000001", UNIT + 1),
        ("0.0000000001Ki", 103),
        ("0.333333333333Ki", 341_333_333_333),
    ] {
        assert_eq!(nano(text), expected, "{text}");
    }
}

#[test]
fn refuses_everything_else() {
    for text in [
        "",
        " ",
        "-",
        "+",
        ".",
        "-.",
        "m",
        "Ki",
        "e3",
        " 1",
        "1 ",
        "1 m",
        "1\n",
        "\t1",
        "1e",
        "1e+",
        "1e-",
        "1E+",
        "1e1.5",
        "1e3m",
        "1m3",
        "1K",
        "1KI",
        "1ki",
        "1mi",
        "1i",
        "1B",
        "1GB",
        "1GiB",
        "1Zi",
        "1.1.1",
        "1,5",
        "--1",
        "+-1",
        "0x10",
        "1_000",
        "NaN",
        "nan",
        "Inf",
        "inf",
        "-Infinity",
        "١",
        "１",
        "1½",
        "𝟏",
        "1Gi\0",
        "\u{feff}1",
        "1\u{200b}",
        "null",
        "true",
        "1e99999999999999999999",
        "1e2147483648",
    ] {
        assert!(matches!(Quantity::parse(text), Err(QuantityError::Malformed(_))), "{text:?}");
    }
}

#[test]
fn overflow_is_an_error_and_never_a_wrap() {
    for text in
        ["1E400", "1e400", "9223372036854775808Ei", "1e2147483647", "999999999999E", "340282366920938463463374607431768211456"]
    {
        assert!(matches!(Quantity::parse(text), Err(QuantityError::TooLarge(_))), "{text}");
    }
    for (resource, text) in [
        ("cpu", "1e18"),
        ("cpu", "9223372036854776"),
        ("memory", "9223372036854775808"),
        ("memory", "8Ei"),
        ("nvidia.com/gpu", "10E"),
    ] {
        assert!(matches!(amount(resource, text), Err(QuantityError::TooLarge(_))), "{resource} {text}");
    }
    assert_eq!(amount("memory", "9223372036854775807"), Ok(i64::MAX));
    assert_eq!(amount("memory", "7.9Ei"), Ok(9_108_079_886_394_091_111));
}

#[test]
fn counts_cpu_in_millicores_and_the_rest_in_units_rounding_up() {
    for (resource, text, expected) in [
        ("cpu", "1", 1000),
        ("cpu", "0.0000001", 1),
        ("cpu", "1n", 1),
        ("cpu", "1500u", 2),
        ("cpu", "250m", 250),
        ("cpu", "0.1", 100),
        ("memory", "1", 1),
        ("memory", "1m", 1),
        ("memory", "1500m", 2),
        ("memory", "1Ki", 1024),
        ("memory", "1k", 1000),
        ("memory", "1e3", 1000),
        ("ephemeral-storage", "1.5Gi", 1_610_612_736),
        ("nvidia.com/gpu", "2", 2),
        ("nvidia.com/gpu", "0.1", 1),
        ("memory", "0", 0),
        ("memory", "-0", 0),
    ] {
        assert_eq!(amount(resource, text), Ok(expected), "{resource} {text}");
    }
    assert!(matches!(amount("cpu", "-1"), Err(QuantityError::Negative(_))));
    assert!(matches!(amount("memory", "-1n"), Err(QuantityError::Negative(_))));
    assert_eq!(Quantity(-1_500_000_000).units_ceil(), Ok(-1));
    assert!(Quantity::whole(i64::MAX).milli_ceil().is_err());
}

#[test]
fn long_texts_are_read_exactly_and_quoted_briefly() {
    let zeros = "0".repeat(10_000);
    assert_eq!(nano(&format!("{zeros}1")), 1_000_000_000);
    assert_eq!(nano(&format!("1.{zeros}")), 1_000_000_000);
    assert_eq!(nano(&format!("0.{zeros}1")), 1);
    assert_eq!(nano(&format!("1{zeros}e-10000")), 1_000_000_000);
    assert_eq!(nano(&format!("0.{zeros}1e10001")), 1_000_000_000);
    assert_eq!(nano(&format!("1.{zeros}Ki")), 1_024_000_000_000);
    assert_eq!(nano(&format!("1.{zeros}1Ki")), 1_024_000_000_001);
    let huge = "9".repeat(10_000);
    let error = Quantity::parse(&huge).unwrap_err();
    assert!(matches!(error, QuantityError::TooLarge(_)));
    assert!(error.to_string().len() < 100, "{error}");
    assert!(Quantity::parse(&"x".repeat(10_000)).unwrap_err().to_string().len() < 200);
}

#[test]
fn messages_quote_and_say_what_is_expected() {
    assert_eq!(
        Quantity::parse("1 Gi").unwrap_err().to_string(),
        "\"1 Gi\" is not a quantity; expected a number with an optional unit, such as 500m, 1.5, 2Gi or 1e3"
    );
    assert_eq!(amount("cpu", "-1").unwrap_err().to_string(), "\"-1\" is negative; expected zero or more");
    assert_eq!(amount("cpu", "1e18").unwrap_err().to_string(), "\"1e18\" is too large to count");
}

#[test]
fn displays_for_people() {
    for (resource, amount, expected) in [
        ("cpu", 3920, "3920m"),
        ("cpu", 4000, "4"),
        ("cpu", 0, "0"),
        ("cpu", -500, "-500m"),
        ("memory", 6525 << 20, "6525Mi"),
        ("memory", 2 << 30, "2Gi"),
        ("memory", 1536 << 20, "1536Mi"),
        ("memory", 1 << 40, "1Ti"),
        ("memory", 1500 << 10, "1500Ki"),
        ("memory", (5 << 20) + 1, "5Mi"),
        ("memory", 1000, "1000"),
        ("memory", 0, "0"),
        ("ephemeral-storage", 20 << 30, "20Gi"),
        ("hugepages-2Mi", 4 << 20, "4Mi"),
        ("pods", 58, "58"),
        ("nvidia.com/gpu", 8, "8"),
    ] {
        assert_eq!(display(resource, amount), expected, "{resource} {amount}");
    }
}

fn written() -> impl Strategy<Value = (String, Option<i128>)> {
    let suffix = prop::sample::select(vec![
        ("n", -9, 1_i128),
        ("u", -6, 1),
        ("m", -3, 1),
        ("", 0, 1),
        ("k", 3, 1),
        ("M", 6, 1),
        ("G", 9, 1),
        ("T", 12, 1),
        ("P", 15, 1),
        ("E", 18, 1),
        ("e-2", -2, 1),
        ("E+4", 4, 1),
        ("Ki", 0, 1 << 10),
        ("Mi", 0, 1 << 20),
        ("Gi", 0, 1 << 30),
        ("Ti", 0, 1 << 40),
        ("Pi", 0, 1 << 50),
        ("Ei", 0, 1 << 60),
    ]);
    (any::<u64>(), 0_u32..=19, suffix).prop_map(|(digits, places, (suffix, ten, factor))| {
        let padded = format!("{digits:020}");
        let (whole, fraction) = padded.split_at(20 - places as usize);
        // The definition, by plain integer arithmetic: ceil(digits * factor * 10^(ten + 9 - places)).
        let scaled = i128::from(digits).checked_mul(factor);
        let power = ten + 9 - places.cast_signed();
        let expected = scaled.and_then(|value| {
            if power >= 0 {
                value.checked_mul(10_i128.pow(power.unsigned_abs()))
            } else {
                let divisor = 10_i128.pow(power.unsigned_abs());
                Some(value / divisor + i128::from(value % divisor != 0))
            }
        });
        (format!("{whole}.{fraction}{suffix}"), expected)
    })
}

proptest! {
    #[test]
    fn never_panics(text in any::<String>()) {
        let _ = Quantity::parse(&text);
        let _ = amount("cpu", &text);
    }

    #[test]
    fn equals_its_definition((text, expected) in written()) {
        match (Quantity::parse(&text), expected) {
            (Ok(found), Some(expected)) => prop_assert_eq!(found.0, expected, "{}", text),
            // The definition's intermediate product may overflow where the result still fits.
            (Err(QuantityError::TooLarge(_)) | Ok(_), None) => {}
            (found, expected) => prop_assert!(false, "{}: {:?}, expected {:?}", text, found, expected),
        }
    }

    #[test]
    fn what_is_shown_reads_back(cpu in 0_i64.., mebi in 0_i64..=(i64::MAX >> 20), count in 0_i64..) {
        prop_assert_eq!(amount("cpu", &display("cpu", cpu)), Ok(cpu));
        prop_assert_eq!(amount("memory", &display("memory", mebi << 20)), Ok(mebi << 20));
        prop_assert_eq!(amount("pods", &display("pods", count)), Ok(count));
    }

    #[test]
    fn is_monotone_in_digits_and_sign(
        low in any::<u32>(),
        step in 1_u32..,
        suffix in prop::sample::select(vec!["n", "m", "", "k", "Ki", "Gi", "e3"]),
    ) {
        let high = u64::from(low) + u64::from(step);
        let parse = |digits: String| Quantity::parse(&format!("{digits}{suffix}")).unwrap();
        prop_assert!(parse(low.to_string()) < parse(high.to_string()));
        let (low_debt, high_debt) = (format!("-{low}"), format!("-{high}"));
        prop_assert!(parse(low_debt) > parse(high_debt));
        let (low_part, high_part) = (format!("0.{low:010}"), format!("0.{high:010}"));
        prop_assert!(parse(low_part) <= parse(high_part));
        let (small, large) = (format!("{low}{suffix}"), format!("{high}{suffix}"));
        prop_assert!(amount("memory", &small).unwrap() <= amount("memory", &large).unwrap());
    }
}
