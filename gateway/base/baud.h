/* The speeds that a serial line can be set to. */
#ifndef LIFTGW_BASE_BAUD_H
#define LIFTGW_BASE_BAUD_H

#include <stddef.h>
#include <termios.h>

/* termios(3)'s constant for baud, B0 if there is none. libmodbus 3.1.6 knows all of them; any other speed it would
 * silently replace by 9600. */
speed_t baud_speed(int baud);

/* The i-th of them in bit/s, ascending; 0 past the last. */
int baud_at(size_t i);

#endif
