//! Parses and formats times for the terminal.

/// Parses a duration such as `30m`, `12h` or `7d` to milliseconds.
pub(super) fn read_time(text: &str) -> Result<i64, String> {
    let unit = text.chars().last().unwrap_or_default();
    let minutes: i64 = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        _ => return Err("write it like 30m, 12h or 7d".into()),
    };
    let count: i64 = text
        .strip_suffix(unit)
        .and_then(|count| count.parse().ok())
        .filter(|count| *count >= 0)
        .ok_or("write it like 30m, 12h or 7d")?;
    count.checked_mul(minutes * 60_000).ok_or_else(|| "that is too long ago".into())
}

/// Formats a timestamp with its time zone.
pub(super) fn moment(ms: i64) -> String {
    format!("{} UTC", listed_moment(ms))
}

/// Formats a timestamp for lists, without the zone (UTC).
pub(super) fn listed_moment(ms: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default();
    moment.format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_says_its_zone_but_in_a_list() {
        assert_eq!(moment(1_790_000_000_000), "2026-09-21 14:13:20 UTC");
        assert_eq!(listed_moment(0), "1970-01-01 00:00:00");
    }

    #[test]
    fn times_are_read_in_minutes_hours_and_days() {
        assert_eq!(read_time("30m"), Ok(30 * 60_000));
        assert_eq!(read_time("12h"), Ok(12 * 3_600_000));
        assert_eq!(read_time("7d"), Ok(7 * 86_400_000));
        for wrong in ["", "7", "d", "-1h", "1w", "99999999999999999d", "é"] {
            assert!(read_time(wrong).is_err(), "{wrong}");
        }
    }
}
