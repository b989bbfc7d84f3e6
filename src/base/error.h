/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - one list of the ways things go wrong
 *
 * Functions that can fail return enum error; 0 (ERR_OK) is success. Details for a person go to the log or to a text
 * argument, never into this list. Pure; any thread.
 */
#ifndef BACKSTOP_BASE_ERROR_H
#define BACKSTOP_BASE_ERROR_H

/* X(name, text) */
#define ERROR_TABLE(X)                                                                                                 \
	X(OK, "success")                                                                                               \
	X(TIMEOUT, "timed out")                                                                                        \
	X(CANCELLED, "cancelled")                                                                                      \
	X(CLOSED, "connection closed by the other side")                                                               \
	X(REFUSED, "connection refused")                                                                               \
	X(UNREACHABLE, "host or network unreachable")                                                                  \
	X(RESET, "connection reset")                                                                                   \
	X(TLS, "TLS failure")                                                                                          \
	X(PROTOCOL, "protocol error by the other side")                                                                \
	X(SYNTAX, "syntax error")                                                                                      \
	X(LIMIT, "limit exceeded")                                                                                     \
	X(NO_MEMORY, "out of memory")                                                                                  \
	X(NO_SPACE, "no space left on the disk")                                                                       \
	X(READ_ONLY, "the file system is read-only")                                                                   \
	X(NO_FILES, "too many open files")                                                                             \
	X(IO, "input/output error")                                                                                    \
	X(PERMISSION, "permission denied")                                                                             \
	X(NOT_FOUND, "not found")                                                                                      \
	X(EXISTS, "already exists")                                                                                    \
	X(CORRUPT, "stored data is damaged")                                                                           \
	X(VERSION, "written by a newer version of Backstop")                                                           \
	X(BUSY, "busy")                                                                                                \
	X(DNS_NXDOMAIN, "no such domain")                                                                              \
	X(DNS_NODATA, "no record of that type")                                                                        \
	X(DNS_TEMPORARY, "DNS server failure")                                                                         \
	X(DNS_BOGUS, "DNSSEC validation failed")                                                                       \
	X(INVALID, "invalid argument")                                                                                 \
	X(SYSTEM, "system error")

enum error {
#define X(name, text) ERR_##name,
	ERROR_TABLE(X)
#undef X
		ERROR_COUNT
};

const char *error_text(enum error e); /* static text */
const char *error_name(enum error e); /* "NO_SPACE" */
enum error error_from_errno(int e);   /* unknown values become ERR_SYSTEM; 0 becomes ERR_OK */

#endif
