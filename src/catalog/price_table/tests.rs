use super::*;

fn table(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn spot_is_on_demand_less_the_savings_rounded_up() {
    let advice = |savings_percent| Advice { savings_percent, interruption: "<5%".into() };
    // 0.096 x 0.38; 0.0255 x 0.67 = 0.017085; one micro dollar x 0.5.
    for (micros, savings, spot) in
        [(96_000, 62, Some(36_480)), (25_500, 33, Some(17_085)), (1, 50, Some(1)), (204_000, 0, Some(204_000)), (5, 100, None)]
    {
        assert_eq!(advice(savings).spot_price(MicroUsd(micros)), spot.map(MicroUsd), "{micros} less {savings} %");
    }
}

#[test]
fn reads_the_rows_of_one_region() {
    let file = table("region,instance_type,savings_percent,interruption_band\r\na,m5.large,62,<5%\r\n\r\nb,m5.large,1,>20%\r\n");
    let read = spot_advisor(file.path(), "a").unwrap();
    assert_eq!(read, [("m5.large".to_owned(), Advice { savings_percent: 62, interruption: "<5%".to_owned() })].into());
}

#[test]
fn a_bad_row_is_named_by_line() {
    let table_of_prices = [
        ("", ":1: the header is \"\", expected \"instance_type,usd_per_hour\""),
        ("type,usd\n", ":1: the header is \"type,usd\""),
        ("instance_type,usd_per_hour\nm5.large\n", ":2: 1 columns, expected the 2 of instance_type,usd_per_hour"),
        ("instance_type,usd_per_hour\nm5.large,1\nm5.xlarge,NaN\n", ":3: usd_per_hour is \"NaN\""),
        ("instance_type,usd_per_hour\n\nm5.large,0\n", ":3: usd_per_hour is \"0\""),
        ("instance_type,usd_per_hour\n,0.1\n", ":2: a column is empty"),
        ("instance_type,usd_per_hour\nm5.large,1\nm5.large,1\n", ":3: m5.large stands in the table twice"),
    ];
    for (text, expected) in table_of_prices {
        let refused = on_demand(table(text).path()).unwrap_err().to_string();
        assert!(refused.contains(expected), "{expected}\n  in {refused}");
    }
    let header = "region,instance_type,savings_percent,interruption_band\n";
    for savings in ["101", "-1", "x", "62%"] {
        let refused =
            spot_advisor(table(&format!("{header}other,m5.large,{savings},<5%\n")).path(), "a").unwrap_err().to_string();
        assert!(refused.contains(&format!(":2: savings_percent is {savings:?}")), "{refused}");
    }
    let refused = branch_interfaces(table("instance_type,branch_interfaces\nm5.large,-9\n").path()).unwrap_err().to_string();
    assert!(refused.contains(":2: branch_interfaces is \"-9\""), "{refused}");
}
