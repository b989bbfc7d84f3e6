/* SPDX-License-Identifier: Apache-2.0 */
#include "bounce/banner.h"

#include <string.h>

#include "bounce/tagged.h"

#define BANNER_MOST 700 /* octets of a paragraph */
#define BANNERS     3   /* of several gateways, one above the other */

/* Parts of words, without their first letter: that may be a capital one. */
static const struct slice outside[] = {SLICE("xtern"),  SLICE("XTERN"),    SLICE("utside"),
                                       SLICE("UTSIDE"), SLICE("xtérieur"), SLICE("stern"),
                                       SLICE("внешн"),  SLICE("Внешн"),    SLICE("外部")};
static const struct slice of_links[] = {SLICE("ink"),  SLICE("INK"),    SLICE("lick"), SLICE("LICK"),
                                        SLICE("iens"), SLICE("nlaces"), SLICE("ссыл"), SLICE("链接")};
static const struct slice of_files[] = {SLICE("ttach"), SLICE("TTACH"), SLICE("nhäng"),  SLICE("nhang"),
                                        SLICE("ièces"), SLICE("djunt"), SLICE("llegat"), SLICE("ijlage"),
                                        SLICE("влож"),  SLICE("附件"),  SLICE("ecogni"), SLICE("trust")};
/* Then it is what a report says. */
static const struct slice of_delivery[] = {SLICE("eliver"), SLICE("eject"),       SLICE("eturned"), SLICE("ounce"),
                                           SLICE("locked"), SLICE("our message"), SLICE("estell"),  SLICE("emis"),
                                           SLICE("ntreg"),  SLICE("доставл")};
static const struct slice not_often[] = {SLICE("You don't often get email from"),
                                         SLICE("[You don't often get email from"),
                                         SLICE("You don’t often get email from"),
                                         SLICE("Some people who received this message don't often"),
                                         SLICE("[Some people who received this message don't often"),
                                         SLICE("Sie erhalten nicht häufig E-Mails von"),
                                         SLICE("Vous n’obtenez pas souvent d’e-mail"),
                                         SLICE("No suele recibir correo")};

static bool has_one(struct slice s, const struct slice *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_search(s, parts[i]) < s.n) return true;
	return false;
}
#define HAS_ONE(s, parts) has_one(s, parts, sizeof(parts) / sizeof *(parts))

static bool is_banner(struct slice paragraph)
{
	if (HAS_ONE(paragraph, outside))
		return (HAS_ONE(paragraph, of_links) && HAS_ONE(paragraph, of_files) &&
		        !HAS_ONE(paragraph, of_delivery)) ||
		       tagged_is_tag(paragraph);
	for (size_t i = 0; i < sizeof not_often / sizeof *not_often; i++)
		if (slice_starts(paragraph, not_often[i])) return true;
	return false;
}

/* A row of marks, or nothing. */
static bool is_row(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!line.p[i] || !strchr("*#=~_-+ \t\r", line.p[i])) return false;
	return true;
}

/* Without the rows of marks and empty lines that it begins with. */
static struct slice after_rows(struct slice text)
{
	for (struct slice left = text; left.n > 0; text = left)
		if (!is_row(slice_split(&left, '\n'))) break;
	return text;
}

struct slice banner_skip(struct slice text)
{
	for (int i = 0; i < BANNERS; i++) {
		struct slice begin = after_rows(slice_sub(text, 0, 2 * BANNER_MOST)), left = begin, line;
		size_t end = 0;
		while (left.n > 0 && end <= BANNER_MOST && !is_row(line = slice_split(&left, '\n')))
			end = (size_t)(line.p + line.n - begin.p);
		if (end == 0 || end > BANNER_MOST || !is_banner(slice_sub(begin, 0, end))) break;
		size_t at = (size_t)(begin.p - text.p) + end;
		struct slice rest = after_rows(slice_sub(text, at, text.n));
		if (rest.n == 0) break;
		text = rest;
	}
	return text;
}
