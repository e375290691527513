/* The serial device that the master opens: a pseudo-terminal behind a symbolic link. */
#ifndef LIFTGW_SIM_PTY_H
#define LIFTGW_SIM_PTY_H

#include "profile/profile.h"

struct pty_settings {
    const char *link; /* where the link stands; must outlive the pty */
    int baud, stop_bits;
    enum parity parity;
};

struct pty;
/* True if a terminal can be set to that speed. */
bool pty_baud_known(int baud);
/* Makes it unplugged. */
struct pty *pty_create(const struct pty_settings *settings);
/* Unplugs it, too. */
void pty_free(struct pty *pty);

/* Makes the terminal and its link; an old link is replaced, anything else in its place is left alone. 0, or -1 with
 * errno (EEXIST: something else stands there). Plugged already: 0. */
int pty_plug(struct pty *pty);
/* Takes both away: whoever has it open is hung up. */
void pty_unplug(struct pty *pty);

/* To poll for input; -1 unplugged. The second tells who opens and closes; call pty_look when it is ready. */
int pty_descriptor(const struct pty *pty);
int pty_watch_descriptor(const struct pty *pty);
void pty_look(struct pty *pty);

/* What the master wrote; 0 nothing. */
size_t pty_read(struct pty *pty, uint8_t bytes[], size_t size);
/* Bytes for the master. While nobody has it open, and when nobody reads, they are lost, as on a real line. */
void pty_write(struct pty *pty, const uint8_t bytes[], size_t count);
/* True if the master's speed, stop bits and odd parity are ours. A pseudo-terminal does not tell even from none. */
bool pty_settings_agree(const struct pty *pty);

#endif
