/* The section broker: how the city's broker is reached, and what would keep it from being reached safely. */
#include "base/text.h"
#include "settings/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_SIZE 200

enum scheme { SCHEME_UNKNOWN, SCHEME_PLAIN, SCHEME_TLS };

struct url {
    enum scheme scheme;
    char host[HOST_SIZE];
};

/* tcp and ssl are what older tools call the two. */
static enum scheme scheme_of(const char *url, const char **rest) {
    static const struct {
        const char *prefix;
        enum scheme scheme;
    } schemes[] = {
        {"mqtt://", SCHEME_PLAIN}, {"tcp://", SCHEME_PLAIN}, {"mqtts://", SCHEME_TLS}, {"ssl://", SCHEME_TLS}};
    for (size_t i = 0; i < COUNT_OF(schemes); i++)
        if (strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            *rest = url + strlen(schemes[i].prefix);
            return schemes[i].scheme;
        }
    return SCHEME_UNKNOWN;
}

static bool is_port(const char *text) {
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);
    return digits > 0 && digits < 6 && text[digits] == '\0' && port >= 1 && port <= 65535;
}

/* Takes an url apart; NULL, or what is wrong with it. */
static const char *url_parse(const char *text, struct url *url) {
    const char *rest = NULL;
    url->scheme = scheme_of(text, &rest);
    if (url->scheme == SCHEME_UNKNOWN)
        return "it begins with mqtts:// or mqtt://";
    if (strchr(rest, '@'))
        return "name and password do not stand in it: write username and password_file";
    bool bracketed = rest[0] == '[';
    const char *host = bracketed ? rest + 1 : rest;
    size_t size = strcspn(host, bracketed ? "]" : ":/");
    const char *after = host + size + (bracketed && host[size] ? 1 : 0);
    if (bracketed && host[size] != ']')
        return "the [ has no ]";
    if (bracketed && url->scheme == SCHEME_TLS) /* paho.mqtt.c 1.3 compares the brackets too */
        return "no certificate can be checked against an IPv6 address: write a host name";
    if (size == 0 || size >= sizeof url->host)
        return "a host is missing after //";
    if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:%") < size)
        return "a host has letters, digits, - and . only";
    memcpy(url->host, host, size);
    url->host[size] = '\0';
    if (strchr(after, '/'))
        return "nothing follows the port: no / there";
    if (*after && (*after != ':' || !is_port(after + 1)))
        return "the port is a number from 1 to 65535";
    return NULL;
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static void check_urls(struct loader *loader, const struct conf_node *node) {
    if (conf_length(node) > SETTINGS_URLS_MAX)
        conf_error(node, loader->problems, "there are %d urls: at most %d can be tried in turn", conf_length(node),
                   SETTINGS_URLS_MAX);
    for (int i = 0; conf_type(node) == CONF_LIST && i < conf_length(node); i++) {
        const struct conf_node *element = conf_at(node, i);
        const char *text = conf_string(element);
        struct url url;
        const char *wrong = text && text[0] ? url_parse(text, &url) : NULL;
        if (wrong)
            conf_error(element, loader->problems, "url \"%s\" cannot be used: %s", text, wrong);
        else if (text && text[0] && url.scheme == SCHEME_PLAIN && !is_loopback(url.host))
            conf_warning(element, loader->problems,
                         "\"%s\" is not encrypted, everybody on the way can read and forge it: write mqtts://", text);
    }
}

static void check_readable(struct loader *loader, const struct conf_node *group, const char *key, const char *path) {
    struct stat info;
    if (!path)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        conf_error(section_at(group, key), loader->problems, "%s: cannot read %s: %s%s", key, path, strerror(errno),
                   errno == EACCES ? "; let the user that liftgw runs as read it" : "");
    else if (fstat(fd, &info) == 0 && !S_ISREG(info.st_mode))
        conf_error(section_at(group, key), loader->problems, "%s: %s is not a regular file", key, path);
    if (fd >= 0)
        close(fd);
}

/* The file in question is the one that the password stands in, which an @include may have brought. */
static void check_password(struct loader *loader, const struct conf_node *group) {
    const struct broker_settings *broker = &loader->settings->broker;
    const struct conf_node *node = conf_get(group, "password");
    struct stat info;
    if (broker->password && broker->password_file)
        conf_error(node, loader->problems, "password and password_file exclude each other: keep password_file");
    else if (broker->password && (stat(conf_file(node), &info) != 0 || (info.st_mode & S_IROTH)))
        conf_error(node, loader->problems,
                   "others can read this password: chmod o-r %s, or write it to a file and name that in password_file",
                   conf_file(node));
    if ((broker->password || broker->password_file) && !broker->username)
        conf_error(section_at(group, broker->password ? "password" : "password_file"), loader->problems,
                   "a password needs a username");
}

/* The path of a credential that systemd gave the service (systemd.exec(5), LoadCredential=); NULL: it gave none. */
static const char *find_credential(struct settings *settings, const char *name) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!folder)
        return NULL;
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = settings_get(settings, size, 1);
    snprintf(path, size, "%s/%s", folder, name);
    return access(path, F_OK) == 0 ? path : NULL;
}

void broker_read(struct loader *loader, const struct conf_node *group) {
    struct settings *settings = loader->settings;
    struct broker_settings *broker = &settings->broker;
    section_read(loader, "broker", group, broker);
    check_urls(loader, section_at(group, "urls"));
    check_password(loader, group);
    if (broker->key_file && !broker->cert_file)
        conf_error(section_at(group, "key_file"), loader->problems,
                   "key_file is the key of a cert_file: name that, too");
    if (broker->cert_file && !broker->key_file)
        broker->key_file = find_credential(settings, "mqtt-key");
    check_readable(loader, group, "password_file", broker->password_file);
    check_readable(loader, group, "ca_file", broker->ca_file);
    check_readable(loader, group, "cert_file", broker->cert_file);
    check_readable(loader, group, "key_file", broker->key_file);
    if (!broker->client_id && settings->gateway.id) {
        static const char prefix[] = "liftgw-";
        size_t size = sizeof prefix + strlen(settings->gateway.id);
        char *id = settings_get(settings, size, 1);
        snprintf(id, size, "%s%s", prefix, settings->gateway.id);
        broker->client_id = id;
    }
}
