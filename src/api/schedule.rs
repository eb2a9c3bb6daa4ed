//! When a disruption budget begins to be active: cron expressions as Karpenter reads them.
//!
//! Karpenter uses `ParseStandard` of robfig/cron v3: five fields (minute, hour, day of month, month, day of week) or a macro such as
//! `@daily`, always in UTC. General cron crates accept more (seconds, `L`, `W`, `#`, Sunday as 7), which Karpenter would refuse.

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

/// A minute of a calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 1 to 31.
    pub day: u8,
    /// 1 to 12.
    pub month: u8,
    /// 0 for Sunday to 6 for Saturday.
    pub weekday: u8,
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
    fn has(self, value: u8) -> bool {
        value < 64 && self.values & (1 << value) != 0
    }
}

struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

impl Schedule {
    /// Whether it hits this minute. Where both days are restricted, either may match.
    pub fn hits(&self, at: Minute) -> bool {
        let [minute, hour, day, month, weekday] = self.0;
        let (by_day, by_weekday) = (day.has(at.day), weekday.has(at.weekday));
        let on_day = if day.is_star || weekday.is_star { by_day && by_weekday } else { by_day || by_weekday };
        on_day && minute.has(at.minute) && hour.has(at.hour) && month.has(at.month)
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
    use super::{Minute, Schedule};

    fn hits(schedule: &str, (hour, minute): (u8, u8), (month, day, weekday): (u8, u8, u8)) -> bool {
        schedule.parse::<Schedule>().unwrap().hits(Minute { minute, hour, day, month, weekday })
    }

    #[test]
    fn hits_what_the_fields_say() {
        let (monday, sunday) = ((6, 1, 1), (6, 7, 0));
        for (schedule, time, day, expected) in [
            ("* * * * *", (13, 7), monday, true),
            ("0 9 * * mon-fri", (9, 0), monday, true),
            ("0 9 * * mon-fri", (9, 0), sunday, false),
            ("0 9 * * MON-FRI", (9, 1), monday, false),
            ("*/15 * * * *", (0, 45), monday, true),
            ("*/15 * * * *", (0, 50), monday, false),
            ("50/5 * * * *", (0, 55), monday, true),
            ("50/5 * * * *", (0, 5), monday, false),
            ("1-9/4,30 ? * JUN ?", (3, 5), monday, true),
            ("1-9/4,30 * * jun *", (3, 30), monday, true),
            ("1-9/4,30 * * jul *", (3, 30), monday, false),
            ("@hourly", (3, 0), monday, true),
            ("@daily", (3, 0), monday, false),
            ("@weekly", (0, 0), sunday, true),
            ("@monthly", (0, 0), monday, true),
            ("@yearly", (0, 0), monday, false),
        ] {
            assert_eq!(hits(schedule, time, day), expected, "{schedule} at {time:?} on {day:?}");
        }
    }

    #[test]
    fn restricted_days_add_up_and_a_star_leaves_the_other_to_decide() {
        let (first_monday, second_tuesday, eighth_monday) = ((6, 1, 1), (6, 2, 2), (6, 8, 1));
        for (schedule, expected) in [
            ("0 0 1 * mon", [true, false, true]),
            ("0 0 1 * *", [true, false, false]),
            ("0 0 * * mon", [true, false, true]),
            // A step restricts: `*/2` is the odd days of a month.
            ("0 0 */2 * tue", [true, true, false]),
        ] {
            let found = [first_monday, second_tuesday, eighth_monday].map(|day| hits(schedule, (0, 0), day));
            assert_eq!(found, expected, "{schedule}");
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
