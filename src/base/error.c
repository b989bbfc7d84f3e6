/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stddef.h>

static const char *const texts[ERROR_COUNT] = {
#define X(name, text) [ERR_##name] = text,
	ERROR_TABLE(X)
#undef X
};

static const char *const names[ERROR_COUNT] = {
#define X(name, text) [ERR_##name] = #name,
	ERROR_TABLE(X)
#undef X
};

const char *error_text(enum error e)
{
	return (unsigned)e < ERROR_COUNT ? texts[e] : "unknown error";
}

const char *error_name(enum error e)
{
	return (unsigned)e < ERROR_COUNT ? names[e] : "UNKNOWN";
}

/* clang-format off */
static const struct {
	int number;
	enum error error;
} numbers[] = {
	{0, ERR_OK},
	{ETIMEDOUT, ERR_TIMEOUT},
	{ECANCELED, ERR_CANCELLED},
	{EPIPE, ERR_CLOSED},
	{ENOTCONN, ERR_CLOSED},
	{ECONNREFUSED, ERR_REFUSED},
	{EHOSTUNREACH, ERR_UNREACHABLE},
	{ENETUNREACH, ERR_UNREACHABLE},
	{EHOSTDOWN, ERR_UNREACHABLE},
	{ENETDOWN, ERR_UNREACHABLE},
	{ENONET, ERR_UNREACHABLE},
	{ECONNRESET, ERR_RESET},
	{ECONNABORTED, ERR_RESET},
	{EPROTO, ERR_PROTOCOL},
	{E2BIG, ERR_LIMIT},
	{EMSGSIZE, ERR_LIMIT},
	{ENOMEM, ERR_NO_MEMORY},
	{ENOBUFS, ERR_NO_MEMORY},
	{ENOSPC, ERR_NO_SPACE},
	{EDQUOT, ERR_NO_SPACE},
	{EFBIG, ERR_NO_SPACE},
	{EROFS, ERR_READ_ONLY},
	{EMFILE, ERR_NO_FILES},
	{ENFILE, ERR_NO_FILES},
	{EIO, ERR_IO},
	{EACCES, ERR_PERMISSION},
	{EPERM, ERR_PERMISSION},
	{ENOENT, ERR_NOT_FOUND},
	{ENOTDIR, ERR_NOT_FOUND},
	{ENODEV, ERR_NOT_FOUND},
	{ESRCH, ERR_NOT_FOUND},
	{EEXIST, ERR_EXISTS},
	{ENOTEMPTY, ERR_EXISTS},
	{EBUSY, ERR_BUSY},
	{EADDRINUSE, ERR_BUSY},
	{EAGAIN, ERR_BUSY},
	{EINVAL, ERR_INVALID},
	{ENAMETOOLONG, ERR_INVALID},
	{EBADF, ERR_INVALID},
	{EAFNOSUPPORT, ERR_INVALID},
	{EISDIR, ERR_INVALID},
};
/* clang-format on */

enum error error_from_errno(int e)
{
	if (e < 0) e = -e; /* libuv's sign */
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (numbers[i].number == e) return numbers[i].error;
	return ERR_SYSTEM;
}
