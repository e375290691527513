/* The least that a poll can cost: write the request, sleep until the reply can be complete, read it once.
 *
 *     loop DEVICE 9600|115200 POLLS UNIT REGISTERS SLEEP_US
 *
 * Prints the CPU seconds that it used for POLLS good replies of REGISTERS holding registers from address 0. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint16_t crc16(const uint8_t *bytes, int count) {
    uint16_t crc = 0xFFFF;
    for (int i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

int main(int argc, char *argv[]) {
    if (argc != 7)
        return 64;
    int fd = open(argv[1], O_RDWR | O_NOCTTY);
    long polls = atol(argv[3]);
    int registers = atoi(argv[5]);
    long sleep_us = atol(argv[6]);
    struct termios line;
    if (fd < 0 || tcgetattr(fd, &line) != 0)
        return 74;
    cfmakeraw(&line);
    cfsetspeed(&line, atoi(argv[2]) == 9600 ? B9600 : B115200);
    line.c_cc[VMIN] = 0;
    line.c_cc[VTIME] = 2;
    tcsetattr(fd, TCSANOW, &line);
    uint8_t request[8] = {(uint8_t)atoi(argv[4]), 3, 0, 0, 0, (uint8_t)registers};
    uint16_t crc = crc16(request, 6);
    request[6] = (uint8_t)crc;
    request[7] = (uint8_t)(crc >> 8);
    long good = 0;
    while (good < polls) {
        uint8_t reply[256];
        struct timespec pause = {.tv_sec = sleep_us / 1000000, .tv_nsec = sleep_us % 1000000 * 1000};
        if (write(fd, request, sizeof request) != (ssize_t)sizeof request)
            return 74;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        int size = (int)read(fd, reply, sizeof reply);
        good += size == 5 + 2 * registers && crc16(reply, size) == 0;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.6f\n", (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    return 0;
}
