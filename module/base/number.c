// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Numbers that people write: as for memparse(), but numbers that do not fit are refused. */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "base/number.h"

#define NUMBER_DIGITS	24u	/* longest 64-bit number: octal with its prefix */

/**
 * number_parse - read a number with a unit
 * @text: digits (0x: hexadecimal, 0: octal), then one of K, M, G, T, P, E or none;
 *	a newline may follow
 * @number: set to the number
 *
 * Context: any.
 * Return: 0, -EINVAL if @text is no number, or -ERANGE if 64 bits do not hold it.
 */
int number_parse(const char *text, u64 *number)
{
	static const char units[] = "kmgtpe";
	char digits[NUMBER_DIGITS + 1];
	unsigned int shift = 0;
	const char *unit;
	size_t n;
	int err;

	if (text[0] != '0' || tolower(text[1]) != 'x')
		n = strspn(text, "0123456789");
	else
		n = 2 + strspn(text + 2, "0123456789abcdefABCDEF");
	if (n > NUMBER_DIGITS)
		return -ERANGE;
	strscpy(digits, text, n + 1);
	text += n;
	err = kstrtou64(digits, 0, number);
	if (err)
		return err;
	unit = *text ? strchr(units, tolower(*text)) : NULL;
	if (unit) {
		shift = 10 * (unit - units + 1);
		text++;
	}
	if (*text == '\n')
		text++;
	if (*text)
		return -EINVAL;
	if (*number > U64_MAX >> shift)
		return -ERANGE;
	*number <<= shift;
	return 0;
}
