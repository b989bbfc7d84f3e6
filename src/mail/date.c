/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/date.h"

#include <stdio.h>

#define DAY 86400

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Days since 1970-01-01 of the proleptic Gregorian calendar. The year is counted from March, so that the leap day is
 * its last, and in eras of 400 years. month 1..12. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

const char *date_rfc5322(char out[DATE_TEXT_SIZE], int64_t unix_time)
{
	int64_t first = days_from_civil(1, 1, 1) * DAY, last = days_from_civil(10000, 1, 1) * DAY - 1;
	if (unix_time < first) unix_time = first;
	if (unix_time > last) unix_time = last;
	int64_t seconds = (unix_time % DAY + DAY) % DAY, days = (unix_time - seconds) / DAY;
	int weekday = (int)((days % 7 + 11) % 7), year, month, day; /* day 0 was a Thursday */
	civil_from_days(days, &year, &month, &day);
	/* Unsigned and with remainders, so that the compiler sees that every number fits. */
	unsigned second = (unsigned)seconds;
	snprintf(out, DATE_TEXT_SIZE, "%s, %u %s %04u %02u:%02u:%02u +0000", day_names[weekday], (unsigned)day % 32,
	         month_names[month - 1], (unsigned)year % 10000, second / 3600 % 24, second / 60 % 60, second % 60);
	return out;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Skips blanks, line ends and (nested) comments: CFWS of RFC 5322 3.2.2. */
static void skip_cfws(struct slice *s)
{
	size_t i = 0, depth = 0;
	for (; i < s->n; i++) {
		char c = s->p[i];
		if (c == '(') {
			depth++;
		} else if (depth && c == ')') {
			depth--;
		} else if (depth && c == '\\') {
			i++;
		} else if (!depth && c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			break;
		}
	}
	*s = slice_sub(*s, i, s->n);
}

static bool take_char(struct slice *s, char c)
{
	skip_cfws(s);
	if (s->n == 0 || s->p[0] != c) return false;
	*s = slice_sub(*s, 1, s->n);
	return true;
}

static struct slice take_word(struct slice *s)
{
	skip_cfws(s);
	size_t n = 0;
	while (n < s->n && is_alpha(s->p[n])) n++;
	struct slice word = slice_sub(*s, 0, n);
	*s = slice_sub(*s, n, s->n);
	return word;
}

/* A number of min to max digits; *digits, when not NULL, is how many. */
static bool take_number(struct slice *s, size_t min, size_t max, int *out, size_t *digits)
{
	skip_cfws(s);
	size_t n = 0;
	*out = 0;
	for (; n < s->n && is_digit(s->p[n]); n++) {
		if (n == max) return false;
		*out = *out * 10 + (s->p[n] - '0');
	}
	if (n < min) return false;
	if (digits) *digits = n;
	*s = slice_sub(*s, n, s->n);
	return true;
}

static bool take_month(struct slice *s, int *month)
{
	struct slice word = take_word(s);
	for (int i = 0; i < 12 && word.n >= 3; i++) {
		if (!slice_equal_nocase(slice_sub(word, 0, 3), slice_of(month_names[i], 3))) continue;
		*month = i + 1;
		return true;
	}
	return false;
}

/* RFC 5322 4.3: two digits are 2000-2049 or 1950-1999, three count from 1900. */
static bool take_year(struct slice *s, int *year)
{
	size_t digits;
	if (!take_number(s, 2, 4, year, &digits)) return false;
	if (digits == 2) *year += *year < 50 ? 2000 : 1900;
	if (digits == 3) *year += 1900;
	return *year >= 1;
}

static bool take_time(struct slice *s, int64_t *seconds)
{
	int hour, minute, second = 0;
	if (!take_number(s, 1, 2, &hour, NULL) || !take_char(s, ':')) return false;
	if (!take_number(s, 2, 2, &minute, NULL)) return false;
	if (take_char(s, ':') && !take_number(s, 2, 2, &second, NULL)) return false;
	if (hour > 23 || minute > 59 || second > 60) return false;
	*seconds = hour * 3600 + minute * 60 + second;
	return true;
}

/* RFC 5322 4.3, obs-zone; hours east of Greenwich. Military letters were so often wrong that they mean nothing. */
static int named_zone(struct slice name)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
	             {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (slice_equal_nocase(name, slice_str(zones[i].name))) return zones[i].hours;
	return 0;
}

static bool take_zone(struct slice *s, int64_t *offset)
{
	int zone;
	*offset = 0;
	bool plus = take_char(s, '+');
	if (!plus && !take_char(s, '-')) {
		*offset = named_zone(take_word(s)) * 3600;
		return true;
	}
	if (!take_number(s, 4, 4, &zone, NULL) || zone % 100 > 59) return false;
	*offset = (zone / 100 * 3600 + zone % 100 * 60) * (plus ? 1 : -1);
	return true;
}

static int month_length(int year, int month)
{
	if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool date_parse(struct slice text, int64_t *unix_time)
{
	int day, month, year;
	int64_t seconds, offset;
	take_word(&text);
	take_char(&text, ',');
	if (!take_number(&text, 1, 2, &day, NULL) || !take_month(&text, &month) || !take_year(&text, &year))
		return false;
	if (day < 1 || day > month_length(year, month)) return false;
	if (!take_time(&text, &seconds) || !take_zone(&text, &offset)) return false;
	*unix_time = days_from_civil(year, month, day) * DAY + seconds - offset;
	return true;
}
