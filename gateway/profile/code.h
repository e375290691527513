/* A vendor's notation of its fault codes: "E%02d". */
#ifndef LIFTGW_PROFILE_CODE_H
#define LIFTGW_PROFILE_CODE_H

#include "model/sample.h"

/* True if format is at most six characters of printable ASCII around exactly one %d, %u, %x or %X, which may have a 0
 * and a width of one digit. */
bool code_format_is_right(const char *format);
/* The text of a code in a format that is right, cut to size. */
void code_format_text(const char *format, int32_t code, char text[CODE_TEXT_SIZE]);

#endif
