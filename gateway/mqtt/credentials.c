#include "mqtt/credentials.h"

#include "base/text.h"
#include "mqtt/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the first line of path. 0, or -1 with errno. */
static int read_line(const char *path, char line[PASSWORD_SIZE]) {
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    setvbuf(file, NULL, _IONBF, 0); /* no copy of a password left in a buffer */
    errno = 0;
    const char *got = fgets(line, PASSWORD_SIZE, file);
    int kept = errno;
    fclose(file);
    errno = kept;
    if (!got && kept)
        return -1;
    line[got ? strcspn(line, "\r\n") : 0] = '\0';
    return 0;
}

bool credentials_password(const struct broker_setup *setup, char password[PASSWORD_SIZE], char *why, size_t size) {
    password[0] = '\0';
    if (setup->password) {
        if (text_copy(password, PASSWORD_SIZE, setup->password))
            return true;
        snprintf(why, size, "the password is longer than %d bytes", PASSWORD_SIZE - 1);
        return false;
    }
    char path[4096];
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (setup->password_file)
        snprintf(path, sizeof path, "%s", setup->password_file);
    else if (credentials)
        snprintf(path, sizeof path, "%s/mqtt-password", credentials);
    else
        return true;
    bool optional = !setup->password_file;
    if (read_line(path, password) == 0 || (optional && errno == ENOENT))
        return true;
    snprintf(why, size, "cannot read the password from %.160s: %s", path, strerror(errno));
    return false;
}

bool credentials_tls_files(const struct broker_setup *setup, char *why, size_t size) {
    const char *const files[] = {setup->ca_file, setup->cert_file, setup->key_file};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (files[i] && access(files[i], R_OK) != 0) {
            snprintf(why, size, "cannot read %.160s: %s", files[i], strerror(errno));
            return false;
        }
    const char *wrong =
        setup->cert_file && setup->key_file ? certificate_misfit(setup->cert_file, setup->key_file) : NULL;
    if (wrong)
        snprintf(why, size, "cert_file and key_file cannot be used: %s", wrong);
    return wrong == NULL;
}
