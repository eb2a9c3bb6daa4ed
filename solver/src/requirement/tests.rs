use super::{Operator, Requirement, Requirements};

fn need(operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new("k", operator, values).unwrap()
}

/// Every operator against present, other, numeric and absent labels.
#[test]
fn operators_allow_what_kubernetes_allows() {
    for (operator, values, allowed, refused) in [
        (Operator::In, &["a", "b"][..], &[Some("a"), Some("b")][..], &[Some("c"), None][..]),
        (Operator::NotIn, &["a"], &[Some("b"), None], &[Some("a")]),
        (Operator::Exists, &[], &[Some(""), Some("x")], &[None]),
        (Operator::DoesNotExist, &[], &[None], &[Some(""), Some("x")]),
        (Operator::Gt, &["3"], &[Some("4"), Some("99")], &[Some("3"), Some("x"), None]),
        (Operator::Lt, &["3"], &[Some("2"), Some("-9")], &[Some("3"), Some("2.5"), None]),
        (Operator::Gte, &["3"], &[Some("3")], &[Some("2"), None]),
        (Operator::Lte, &["3"], &[Some("3")], &[Some("4"), None]),
    ] {
        let requirement = need(operator, values);
        for value in allowed {
            assert!(requirement.allows(*value), "{requirement} should allow {value:?}");
        }
        for value in refused {
            assert!(!requirement.allows(*value), "{requirement} should refuse {value:?}");
        }
    }
}

/// The intersection allows exactly what both allow, for every pair of a representative set and every value.
#[test]
fn intersection_allows_exactly_what_both_allow() {
    let all = [
        need(Operator::In, &["1", "5", "a"]),
        need(Operator::In, &["a"]),
        need(Operator::NotIn, &["1"]),
        need(Operator::NotIn, &["a", "7"]),
        need(Operator::Exists, &[]),
        need(Operator::DoesNotExist, &[]),
        need(Operator::Gt, &["4"]),
        need(Operator::Lt, &["6"]),
        need(Operator::Gte, &["5"]),
        need(Operator::Lte, &["5"]),
    ];
    let values = [None, Some("1"), Some("4"), Some("5"), Some("6"), Some("7"), Some("a"), Some("")];
    for a in &all {
        for b in &all {
            let both = a.intersect(b);
            for value in values {
                assert_eq!(both.allows(value), a.allows(value) && b.allows(value), "{a} and {b} at {value:?} is {both}");
            }
            if values.iter().any(|v| both.allows(*v)) {
                assert!(!both.is_empty(), "{both}");
            }
        }
    }
}

#[test]
fn contradictions_are_empty() {
    let empty = [
        need(Operator::In, &["a"]).intersect(&need(Operator::In, &["b"])),
        need(Operator::Exists, &[]).intersect(&need(Operator::DoesNotExist, &[])),
        need(Operator::Gt, &["4"]).intersect(&need(Operator::Lt, &["5"])),
        need(Operator::Gte, &["5"]).intersect(&need(Operator::Lte, &["5"])).intersect(&need(Operator::NotIn, &["5"])),
        need(Operator::Gt, &[&i64::MAX.to_string()]),
        need(Operator::Lt, &[&i64::MIN.to_string()]),
    ];
    for requirement in empty {
        assert!(requirement.is_empty(), "{requirement}");
        let set: Requirements = [requirement].into_iter().collect();
        assert!(set.contradiction().is_some());
    }
}

#[test]
fn malformed_requirements_name_the_key_and_the_operator() {
    for (operator, values, message) in [
        (Operator::In, &[][..], "requirement on \"k\": operator In needs at least one value"),
        (Operator::NotIn, &[], "requirement on \"k\": operator NotIn needs at least one value"),
        (Operator::Exists, &["a"], "requirement on \"k\": operator Exists takes no values"),
        (Operator::Gt, &["a"], "requirement on \"k\": operator Gt needs exactly one integer, got [\"a\"]"),
        (Operator::Lt, &["1", "2"], "requirement on \"k\": operator Lt needs exactly one integer, got [\"1\", \"2\"]"),
        (
            Operator::Gte,
            &["9223372036854775808"],
            "requirement on \"k\": operator Gte needs exactly one integer, got [\"9223372036854775808\"]",
        ),
    ] {
        assert_eq!(Requirement::new("k", operator, values).unwrap_err().to_string(), message);
    }
}
