/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob - a message body of unknown size in bounded memory
 *
 * Bytes are appended once and may then be read any number of times. Up to memory_limit they are kept in memory; beyond it
 * all of them move to an unlinked temporary file (O_TMPFILE in dir), which vanishes with the process, or becomes a real
 * file by blob_link(). Writes to the file are plain write(2) into the page cache.
 *
 * A blob belongs to one thread at a time. Failures (ERR_NO_SPACE, ERR_NO_MEMORY, ERR_NO_FILES, ERR_IO) are sticky: later
 * appends return the same error, so a reader of a network stream may drain its input and answer once.
 */
#ifndef BACKSTOP_BASE_BLOB_H
#define BACKSTOP_BASE_BLOB_H

#include "base/error.h"
#include "base/slice.h"

struct blob {
	char *memory;
	size_t capacity;
	size_t memory_limit;
	uint64_t size; /* bytes appended */
	int fd;        /* -1 while in memory */
	const char *dir;
	enum error error;
};

/* dir must outlive the blob. No allocation yet. */
void blob_init(struct blob *b, size_t memory_limit, const char *dir);
enum error blob_append(struct blob *b, struct slice data);
/* Reads up to n bytes at offset into buf; *got is 0 at the end. Page-cache reads; does not wait as a fiber. */
enum error blob_read(const struct blob *b, uint64_t offset, char *buf, size_t n, size_t *got);
/* Hands the content from an offset on to take(), piece by piece, until that fails: its error. In one piece when it is in memory; of a
 * file many octets at a time: slow for large ones, to be called with fiber_offload then. */
enum error blob_each(const struct blob *b, uint64_t offset, enum error (*take)(struct slice piece, void *arg),
                     void *arg);
/* The whole content when it is in memory, else {NULL, 0}. Valid until the next append or free. */
struct slice blob_in_memory(const struct blob *b);
/* Makes the content a file at path, synced (fdatasync, and the directory), written from memory if it was there. The blob
 * can still be read. ERR_EXISTS when path exists. Slow: call it with fiber_offload. */
enum error blob_link(struct blob *b, const char *path);
/* Opens a file made by blob_link() for reading as a blob. */
enum error blob_open_file(struct blob *b, const char *path);
void blob_free(struct blob *b); /* may be called twice */

#endif
