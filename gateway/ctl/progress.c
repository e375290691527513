#include "ctl/progress.h"

#include "base/clock.h"
#include "ctl/style.h"

#include <string.h>

#define EVERY_MS 200
#define BAR 20
#define NARROW 60 /* columns: half of it */

static int64_t shown_ms;
static bool standing;

void progress_show(int64_t done_ns, int64_t all_ns, const char *what) {
    int64_t now_ms = clock_mono_ms();
    if (!style_is_terminal(stderr) || now_ms - shown_ms < EVERY_MS)
        return;
    shown_ms = now_ms;
    standing = true;
    char bar[BAR + 1], line[256], cut[256], left[STYLE_DURATION_SIZE];
    int64_t length = style_columns(stderr) < NARROW ? BAR / 2 : BAR;
    int64_t part = all_ns > 0 && done_ns < all_ns ? done_ns * length / all_ns : length;
    memset(bar, '.', (size_t)length);
    memset(bar, '#', (size_t)part);
    bar[length] = '\0';
    style_duration((all_ns - done_ns) / 1000000, left);
    snprintf(line, sizeof line, "[%s] %s left, %s", bar, left, what);
    style_cut(cut, sizeof cut, line, style_columns(stderr) - 1);
    fprintf(stderr, "\r%s\033[K", cut);
    fflush(stderr);
}

void progress_clear(void) {
    if (standing)
        fprintf(stderr, "\r\033[K");
    standing = false;
}
