#include "base/baud.h"

#include "base/text.h"

static const struct {
    int baud;
    speed_t speed;
} bauds[] = {
    {110, B110},       {300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},     {4800, B4800},
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200}, {230400, B230400},
    {460800, B460800}, {500000, B500000}, {576000, B576000}, {921600, B921600},
};

speed_t baud_speed(int baud) {
    for (size_t i = 0; i < COUNT_OF(bauds); i++)
        if (bauds[i].baud == baud)
            return bauds[i].speed;
    return B0;
}

int baud_at(size_t i) {
    return i < COUNT_OF(bauds) ? bauds[i].baud : 0;
}
