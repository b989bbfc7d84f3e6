/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack_rules OUT.c - the expressions of the built-in rules, compiled when Backstop is built
 *
 * A step of the build: compiling them takes half a second, which each `backstop classify` would pay again. What is written is octets
 * for the kind of processor that this is; where they do not fit, and for rules that are changed, Backstop compiles by itself. Rules
 * that are refused (a mistake, or a sample that is not classified as it says) end the build, with the line in all files of
 * bounce/rules/ one after another.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bounce/bundle.h"

static void put_octets(FILE *out, const char *octets, size_t n)
{
	fputs("/* by pack_rules */\n#include \"bounce/bundle.h\"\nconst unsigned char bundle_packed_octets[] = {", out);
	for (size_t i = 0; i < n; i++) fprintf(out, "%s%u,", i % 32 ? "" : "\n", (unsigned char)octets[i]);
	fputs("0};\nconst size_t bundle_packed_size = sizeof bundle_packed_octets - 1;\n", out);
}

/* Without SSSE3 here there is nothing to pack: *octets stays NULL. */
static bool pack(char **octets, size_t *n)
{
	struct bundle *b;
	char problem[BUNDLE_PROBLEM];
	enum error e = bundle_load(bundle_default_text(), &b, problem);
	if (e == ERR_SYSTEM) return true;
	if (!e) {
		e = bundle_pack(b, octets, n);
		bundle_unref(b);
	}
	if (e) fprintf(stderr, "pack_rules: the built-in rules: %s\n", problem[0] ? problem : error_text(e));
	return !e;
}

int main(int argc, char **argv)
{
	char *octets = NULL;
	size_t n = 0;
	if (argc != 2) {
		fputs("usage: pack_rules OUT.c\n", stderr);
		return 2;
	}
	if (!pack(&octets, &n)) return 1;
	FILE *out = fopen(argv[1], "w");
	if (out) put_octets(out, octets, n);
	free(octets);
	if (out && fclose(out) == 0) return 0;
	perror(argv[1]);
	return 1;
}
