/* SPDX-License-Identifier: Apache-2.0 */
#include "mail/mime_type.h"

#include "mail/parameter.h"

static const struct {
	struct slice type, subtype;
} type_names[MIME_TYPE_COUNT] = {
#define X(name, type, subtype) {SLICE_LITERAL(type), SLICE_LITERAL(subtype)},
#define SLICE_LITERAL(s)                                                                                               \
	{                                                                                                              \
		s, sizeof(s) - 1                                                                                       \
	}
	MIME_TYPE_TABLE(X)
#undef SLICE_LITERAL
#undef X
};

/* The number of a type: its own, or that of its group, or MIME_OTHER. */
static enum mime_type number_of(struct slice type, struct slice subtype)
{
	enum mime_type found = MIME_OTHER;
	for (enum mime_type i = MIME_OTHER + 1; i < MIME_TYPE_COUNT; i++) {
		if (!slice_equal_nocase(type, type_names[i].type)) continue;
		if (type_names[i].subtype.n == 0) found = i;
		if (slice_equal_nocase(subtype, type_names[i].subtype)) return i;
	}
	return found;
}

/* RFC 2045 5.2 and RFC 2046 5.1.5: what a part is that does not say it. */
static void set_default(struct mime_part *part)
{
	bool digest = part->parent && part->parent->type == MIME_MULTIPART_DIGEST;
	part->type = digest ? MIME_MESSAGE_RFC822 : MIME_TEXT_PLAIN;
	part->type_name = type_names[part->type].type;
	part->subtype_name = type_names[part->type].subtype;
}

static void read_type(struct mime_part *part, struct slice value)
{
	struct slice word = parameter_main(value), subtype = word;
	struct slice type = slice_trim(slice_split(&subtype, '/'));
	part->content_type = value;
	subtype = subtype.p ? parameter_main(subtype) : SLICE_EMPTY; /* after blanks and comments */
	if (type.n == 0 || slice_find(type, '=') < type.n) return;   /* parameters only: the default stands */
	part->type_name = type;
	part->subtype_name = subtype;
	part->type = number_of(type, part->subtype_name);
	/* "text", "X-sun-attachment": as before MIME. RFC 2045 5.2 wants a field that is wrong to be read as if none were there. */
	if (subtype.n == 0 && part->type != MIME_MULTIPART) part->type = MIME_TEXT_PLAIN;
}

static enum mime_encoding encoding_of(struct slice value)
{
	static const struct {
		struct slice name;
		enum mime_encoding encoding;
	} names[] = {
		{SLICE("7bit"), MIME_7BIT},
		{SLICE("8bit"), MIME_7BIT},
		{SLICE("quoted-printable"), MIME_QUOTED_PRINTABLE},
		{SLICE("base64"), MIME_BASE64},
		{SLICE("binary"), MIME_7BIT},
		{SLICE("x-uuencode"), MIME_UUENCODE},
		{SLICE("x-uue"), MIME_UUENCODE},
		{SLICE("uuencode"), MIME_UUENCODE},
		{SLICE("7-bit"), MIME_7BIT},
		{SLICE("8-bit"), MIME_7BIT},
		{SLICE("quoted"), MIME_QUOTED_PRINTABLE},
		{SLICE(""), MIME_7BIT},
	};
	struct slice word = parameter_main(value);
	if (word.n >= 2 && word.p[0] == '"') word = slice_sub(word, 1, word.n - (word.p[word.n - 1] == '"'));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_equal_nocase(word, names[i].name)) return names[i].encoding;
	return MIME_ENCODING_UNKNOWN;
}

void mime_type_read(struct mime_part *part)
{
	bool typed = false, encoded = false, disposed = false;
	set_default(part);
	for (size_t i = 0; i < part->field_count; i++) {
		const struct header_field *f = &part->fields[i];
		if (f->name.n < 12 || (f->name.p[0] | 0x20) != 'c') continue;
		if (!typed && header_is(f, "Content-Type")) {
			struct slice value = slice_trim(f->value);
			typed = value.n > 0;
			if (typed) read_type(part, value);
		} else if (!encoded && header_is(f, "Content-Transfer-Encoding")) {
			part->encoding = encoding_of(f->value);
			encoded = true;
		} else if (!disposed && header_is(f, "Content-Disposition")) {
			part->attachment = slice_equal_nocase(parameter_main(f->value), SLICE("attachment"));
			disposed = true;
		}
	}
}

void mime_type_is_multipart(struct mime_part *part)
{
	if (mime_is_multipart(part)) return;
	part->type = MIME_MULTIPART;
	part->type_name = SLICE("multipart");
	part->subtype_name = SLICE("mixed");
}

bool mime_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return slice_equal_nocase(p->type_name, slice_str(type)) &&
	       slice_equal_nocase(p->subtype_name, slice_str(subtype));
}

bool mime_is_multipart(const struct mime_part *p)
{
	return p->type >= MIME_MULTIPART && p->type <= MIME_MULTIPART_SIGNED;
}

bool mime_is_message(const struct mime_part *p)
{
	return p->type == MIME_MESSAGE_RFC822 || p->type == MIME_MESSAGE_GLOBAL || p->type == MIME_MESSAGE_PARTIAL;
}
