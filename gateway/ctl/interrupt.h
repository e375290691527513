/* Ctrl-C as a flag, for commands that have something to say when they are stopped. */
#ifndef LIFTGW_CTL_INTERRUPT_H
#define LIFTGW_CTL_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP set the flag; the second one ends the program. */
void interrupt_catch(void);
bool interrupted(void);
/* Sleeps so long, or until the flag is set. */
void interrupt_sleep_ms(int ms);

#endif
