/* Preloaded into a program that opens a pseudo-terminal: makes that behave like the UART of a real serial port.
 *
 * A pseudo-terminal has no parity and counts no framing errors. $LIFTGW_UART says what the device on the other side
 * has: "none", "even" or "odd": with another parity every question is followed by framing errors (TIOCGICOUNT), though
 * the answer comes through. "swapped": A and B are, framing errors come without end. */
#include <dlfcn.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static tcflag_t parity; /* PARENB and PARODD as the program wants them */
static int errors;

static const char *device(void) {
    const char *wanted = getenv("LIFTGW_UART");
    return wanted ? wanted : "none";
}

static int agrees(void) {
    const char *has = (parity & PARENB) == 0 ? "none" : (parity & PARODD) ? "odd" : "even";
    return strcmp(device(), has) == 0;
}

int tcsetattr(int descriptor, int when, const struct termios *wanted) {
    int (*real)(int, int, const struct termios *) =
        (int (*)(int, int, const struct termios *))dlsym(RTLD_NEXT, "tcsetattr");
    parity = wanted->c_cflag & (PARENB | PARODD);
    return real(descriptor, when, wanted);
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (isatty(descriptor) && !agrees())
        errors += 3;
    return real(descriptor, bytes, size);
}

int ioctl(int descriptor, unsigned long request, ...) {
    int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    if (request != TIOCGICOUNT)
        return real(descriptor, request, argument);
    if (strcmp(device(), "swapped") == 0)
        errors += 100;
    struct serial_icounter_struct *counts = argument;
    *counts = (struct serial_icounter_struct){.frame = errors};
    return 0;
}
