//! When a disruption budget begins to be active: cron expressions as Karpenter reads them.
//!
//! Karpenter uses `ParseStandard` of robfig/cron v3: five fields (minute, hour, day of month, month, day of week) or a macro such as
//! `@daily`, always in UTC. General cron crates accept more (seconds, `L`, `W`, `#`, Sunday as 7), which Karpenter would refuse.

use jiff::civil::{Date, DateTime};
use std::str::FromStr;
use thiserror::Error;

/// Names that some fields take instead of numbers, the first for the least value of the field.
const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The fields in their order.
const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: MONTHS },
    Field { name: "day of week", least: 0, most: 6, names: DAYS },
];

/// What the macros stand for.
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// 29 February comes after eight years at the latest, around a year such as 2100; what does not come by then never does.
const LONGEST_GAP_DAYS: u32 = 8 * 366;

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// It has another number of fields.
    #[error("five fields are needed (minute, hour, day of month, month, day of week), not {0}")]
    FieldCount(usize),
    /// It begins with `@` and is none of the macros.
    #[error("{0:?} is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly")]
    Macro(String),
    /// A value is no number, and no name of a month or day.
    #[error("{text:?} is no value of the {field}; expected {least} to {most}")]
    Value {
        /// The field.
        field: &'static str,
        /// The value.
        text: String,
        /// The least that the field takes.
        least: u8,
        /// The most that the field takes.
        most: u8,
    },
    /// A range, list or step is not written as one.
    #[error("{text:?} in the {field}: {why}")]
    Shape {
        /// The field.
        field: &'static str,
        /// The part of the field.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A schedule: the values that each field allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule([Allowed; 5]);

/// One bit per value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Allowed {
    values: u64,
    /// Written as `*` or `?`, without a step.
    is_star: bool,
}

impl Allowed {
    fn has(self, value: i8) -> bool {
        self.at_most(value) == Some(value)
    }

    /// The greatest value up to this one.
    fn at_most(self, most: i8) -> Option<i8> {
        (0..=most).rev().find(|value| self.values & (1 << value) != 0)
    }
}

struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

impl Schedule {
    /// The latest hit at or before this moment, both in UTC; `None` for a date that never comes, such as 31 February.
    pub fn latest(&self, moment: DateTime) -> Option<DateTime> {
        let [minutes, hours, ..] = self.0;
        let mut day = moment.date();
        let (mut hour, mut minute) = (moment.hour(), moment.minute());
        for _ in 0..=LONGEST_GAP_DAYS {
            if self.is_on(day) {
                let in_hour = minutes.at_most(minute).filter(|_| hours.has(hour)).map(|minute| (hour, minute));
                let before = || Some((hours.at_most(hour.checked_sub(1)?)?, minutes.at_most(59)?));
                if let Some((hour, minute)) = in_hour.or_else(before) {
                    return Some(day.at(hour, minute, 0, 0));
                }
            }
            (hour, minute) = (23, 59);
            day = day.yesterday().ok()?;
        }
        None
    }

    /// Whether it hits on this day. Where both days are restricted, either may match.
    fn is_on(&self, date: Date) -> bool {
        let [_, _, day, month, weekday] = self.0;
        let (by_day, by_weekday) = (day.has(date.day()), weekday.has(date.weekday().to_sunday_zero_offset()));
        let fits = if day.is_star || weekday.is_star { by_day && by_weekday } else { by_day || by_weekday };
        fits && month.has(date.month())
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let text = match MACROS.iter().find(|(name, _)| *name == text) {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => return Err(ScheduleError::Macro(text.to_owned())),
            None => text,
        };
        let written: Vec<&str> = text.split_whitespace().collect();
        if written.len() != FIELDS.len() {
            return Err(ScheduleError::FieldCount(written.len()));
        }
        let mut read = [Allowed::default(); 5];
        for ((field, text), allowed) in FIELDS.iter().zip(written).zip(&mut read) {
            *allowed = field.list(text)?;
        }
        Ok(Self(read))
    }
}

impl Field {
    fn shape(&self, text: &str, why: &'static str) -> ScheduleError {
        ScheduleError::Shape { field: self.name, text: text.to_owned(), why }
    }

    /// Ranges with commas between.
    fn list(&self, text: &str) -> Result<Allowed, ScheduleError> {
        let mut all = Allowed::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let one = self.range(part)?;
            all = Allowed { values: all.values | one.values, is_star: all.is_star || one.is_star };
        }
        if all.values == 0 { Err(self.shape(text, "it names no value")) } else { Ok(all) }
    }

    /// `*`, `?`, `5`, `1-5` or one of them with a step, as `*/2`.
    fn range(&self, text: &str) -> Result<Allowed, ScheduleError> {
        let (values, step) = text.split_once('/').map_or((text, None), |(values, step)| (values, Some(step)));
        let every = match step.map(str::parse::<u8>) {
            None => 1,
            Some(Ok(step)) if step > 0 => step,
            Some(_) => return Err(self.shape(text, "the step after / must be a whole number from 1")),
        };
        let is_any = matches!(values, "*" | "?");
        let (first, last) = match values.split_once('-') {
            _ if is_any => (self.least, self.most),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // A step makes a single value the start of a range.
            None if step.is_some() => (self.value(values)?, self.most),
            None => (self.value(values)?, self.value(values)?),
        };
        if first > last {
            return Err(self.shape(text, "the range ends before it begins"));
        }
        let values = (first..=last).step_by(usize::from(every)).fold(0, |values, value| values | 1_u64 << value);
        Ok(Allowed { values, is_star: is_any && every == 1 })
    }

    fn value(&self, text: &str) -> Result<u8, ScheduleError> {
        let named = || {
            let index = self.names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
            Some(self.least + u8::try_from(index).ok()?)
        };
        let value = text.parse::<u8>().ok().or_else(named);
        value.filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| ScheduleError::Value {
            field: self.name,
            text: text.to_owned(),
            least: self.least,
            most: self.most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use jiff::civil::DateTime;

    fn latest(schedule: &str, moment: &str) -> Option<String> {
        let moment: DateTime = moment.parse().unwrap();
        schedule.parse::<Schedule>().unwrap().latest(moment).map(|hit| hit.strftime("%F %H:%M").to_string())
    }

    /// 1 June 2026 is a Monday.
    #[test]
    fn finds_the_latest_hit() {
        for (schedule, moment, expected) in [
            ("* * * * *", "2026-06-01T13:07:59", "2026-06-01 13:07"),
            ("0 9 * * mon-fri", "2026-06-01T09:00:00", "2026-06-01 09:00"),
            ("0 9 * * MON-FRI", "2026-06-01T08:59:59", "2026-05-29 09:00"),
            ("30 9 * * *", "2026-06-01T10:15:00", "2026-06-01 09:30"),
            ("30 9 * * *", "2026-01-01T09:15:00", "2025-12-31 09:30"),
            ("*/15 * * * *", "2026-06-01T00:50:00", "2026-06-01 00:45"),
            ("50/5 * * * *", "2026-06-01T01:49:00", "2026-06-01 00:55"),
            ("1-9/4,30 ? * JUN ?", "2026-06-01T03:08:00", "2026-06-01 03:05"),
            ("1-9/4,30 * * jul *", "2026-06-01T03:08:00", "2025-07-31 23:30"),
            ("0 */6 * * *", "2026-06-01T11:59:00", "2026-06-01 06:00"),
            ("@hourly", "2026-06-01T03:59:00", "2026-06-01 03:00"),
            ("@daily", "2026-06-01T03:59:00", "2026-06-01 00:00"),
            ("@midnight", "2026-06-01T00:00:00", "2026-06-01 00:00"),
            ("@weekly", "2026-06-01T03:59:00", "2026-05-31 00:00"),
            ("@monthly", "2026-06-30T23:59:00", "2026-06-01 00:00"),
            ("@yearly", "2026-06-01T03:59:00", "2026-01-01 00:00"),
            ("@annually", "2026-01-01T00:00:00", "2026-01-01 00:00"),
            ("0 0 29 2 *", "2104-02-28T12:00:00", "2096-02-29 00:00"),
        ] {
            assert_eq!(latest(schedule, moment).as_deref(), Some(expected), "{schedule} at {moment}");
        }
        assert_eq!(latest("0 0 31 2 *", "2026-06-01T00:00:00"), None);
        let first_of = |schedule: &str| schedule.parse::<Schedule>().unwrap().latest(DateTime::MIN);
        assert_eq!((first_of("@yearly"), first_of("0 0 2 1 *")), (Some(DateTime::MIN), None));
    }

    #[test]
    fn restricted_days_add_up_and_a_star_leaves_the_other_to_decide() {
        for (schedule, expected) in [
            // 8 June is a Monday.
            ("0 0 1 * mon", "2026-06-08 00:00"),
            ("0 0 9 * mon", "2026-06-09 00:00"),
            ("0 0 1 * *", "2026-06-01 00:00"),
            ("0 0 * * mon", "2026-06-08 00:00"),
            // A step restricts: `*/3` is 1, 4, 7 and so on.
            ("0 0 */3 * tue", "2026-06-10 00:00"),
            ("0 0 ? * tue", "2026-06-09 00:00"),
        ] {
            assert_eq!(latest(schedule, "2026-06-10T12:00:00").as_deref(), Some(expected), "{schedule}");
        }
    }

    #[test]
    fn refuses_what_karpenter_refuses() {
        for (text, expected) in [
            ("", "five fields are needed (minute, hour, day of month, month, day of week), not 0"),
            ("0 0 * * * *", "five fields are needed (minute, hour, day of month, month, day of week), not 6"),
            ("@every 1h", "\"@every 1h\" is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"),
            ("60 * * * *", "\"60\" is no value of the minute; expected 0 to 59"),
            ("* 24 * * *", "\"24\" is no value of the hour; expected 0 to 23"),
            ("* * 0 * *", "\"0\" is no value of the day of month; expected 1 to 31"),
            ("* * * 13 *", "\"13\" is no value of the month; expected 1 to 12"),
            ("* * * * 7", "\"7\" is no value of the day of week; expected 0 to 6"),
            ("* * L * *", "\"L\" is no value of the day of month; expected 1 to 31"),
            ("* * * * mon#2", "\"mon#2\" is no value of the day of week; expected 0 to 6"),
            ("-1 * * * *", "\"\" is no value of the minute; expected 0 to 59"),
            ("999999999999 * * * *", "\"999999999999\" is no value of the minute; expected 0 to 59"),
            ("30-10 * * * *", "\"30-10\" in the minute: the range ends before it begins"),
            ("*/0 * * * *", "\"*/0\" in the minute: the step after / must be a whole number from 1"),
            ("*/2/3 * * * *", "\"*/2/3\" in the minute: the step after / must be a whole number from 1"),
            (", * * * *", "\",\" in the minute: it names no value"),
            ("1-2-3 * * * *", "\"2-3\" is no value of the minute; expected 0 to 59"),
        ] {
            assert_eq!(text.parse::<Schedule>().map_err(|error| error.to_string()), Err(expected.to_owned()), "{text:?}");
        }
    }
}
