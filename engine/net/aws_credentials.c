/* SPDX-License-Identifier: Apache-2.0 */
/* Where AWS's own tools keep keys: the environment and two files of sections, "name = value" a line. */
#include <string.h>

#include "base/arena.h"
#include "base/env.h"
#include "base/file.h"
#include "net/sigv4.h"

enum { MAX_FILE_BYTES = 256 * 1024 };

struct profile {
    const char *access_key, *secret_key, *session_token, *region;
    bool seen;
};

static char *trimmed(char *s)
{
    s += strspn(s, " \t\r");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r", s[n - 1]))
        s[--n] = '\0';
    return s;
}

/* "[name]" of the credentials' file, "[profile name]" or "[default]" of the other. */
static bool is_section(char *line, const char *name)
{
    char *end = strchr(line, ']');
    if (!end)
        return false;
    *end = '\0';
    char *s = trimmed(line + 1);
    if (!strncmp(s, "profile", 7) && (s[7] == ' ' || s[7] == '\t'))
        s = trimmed(s + 7);
    return !strcmp(s, name);
}

static void take(struct profile *p, struct sl_arena *arena, char *line)
{
    char *equals = strchr(line, '=');
    if (!equals)
        return;
    *equals = '\0';
    const char *name = trimmed(line), *value = trimmed(equals + 1);
    const struct {
        const char *name, **at;
    } wanted[] = {{"aws_access_key_id", &p->access_key},
                  {"aws_secret_access_key", &p->secret_key},
                  {"aws_session_token", &p->session_token},
                  {"region", &p->region}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strcmp(name, wanted[i].name) && *value && !*wanted[i].at)
            *wanted[i].at = sl_arena_strdup(arena, value);
}

static int read_profile(const char *path, const char *name, struct sl_arena *arena, struct profile *p,
                        struct sl_error *err)
{
    struct sl_buf text;
    sl_buf_init(&text, MAX_FILE_BYTES);
    int rc = sl_file_read(path, &text, err);
    if (rc == -SL_E_FILE_MISSING) {
        sl_error_clear(err);
        rc = 0;
    } else if (rc == 0) {
        bool ours = false;
        for (char *line = text.data, *next; line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            /* What is set back belongs to the setting above it ("s3 =" and its own): not for us. */
            if (*line == ' ' || *line == '\t' || *line == '#' || *line == ';')
                continue;
            if (*line == '[') {
                ours = is_section(line, name);
                p->seen = p->seen || ours;
            } else if (ours) {
                take(p, arena, line);
            }
        }
    }
    sl_buf_free(&text);
    return rc;
}

static const char *place(struct sl_arena *arena, const char *variable, const char *in_home)
{
    const char *path = sl_env(variable), *home = sl_env("HOME");
    if (path)
        return path;
    return home ? sl_path_join(arena, home, in_home) : NULL;
}

static int read_files(const char *name, struct sl_arena *arena, struct profile *p, struct sl_error *err)
{
    const char *const paths[] = {place(arena, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
                                 place(arena, "AWS_CONFIG_FILE", ".aws/config")};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++)
        if (paths[i])
            rc = read_profile(paths[i], name, arena, p, err);
    return rc;
}

int sl_aws_find_credentials(const char *profile, struct sl_arena *arena, bool *found, struct sl_aws_credentials *out,
                            const char **region, struct sl_error *err)
{
    const char *named = profile ? profile : sl_env("AWS_PROFILE");
    const char *key = profile ? NULL : sl_env("AWS_ACCESS_KEY_ID"), *secret = sl_env("AWS_SECRET_ACCESS_KEY");
    struct profile p = {0};
    int rc = read_files(named ? named : "default", arena, &p, err);
    if (rc)
        return rc;
    bool from_env = key && secret;
    bool from_file = p.access_key && p.secret_key;
    if (named && !from_env && !from_file) {
        rc = sl_fail(err, SL_E_CONFIG_VALUE, "the profile \"%s\" %s", named,
                     p.seen ? "has no access key" : "is not in the AWS credentials");
        sl_error_hint(err,
                      "aws_access_key_id and aws_secret_access_key in ~/.aws/credentials; roles and single sign-on "
                      "are not followed");
        return rc;
    }
    *found = from_env || from_file;
    if (from_env)
        *out = (struct sl_aws_credentials){sl_arena_strdup(arena, key), sl_arena_strdup(arena, secret),
                                           sl_arena_strdup(arena, sl_env("AWS_SESSION_TOKEN"))};
    else if (from_file)
        *out = (struct sl_aws_credentials){p.access_key, p.secret_key, p.session_token};
    const char *in_env = sl_env("AWS_REGION") ? sl_env("AWS_REGION") : sl_env("AWS_DEFAULT_REGION");
    *region = in_env ? sl_arena_strdup(arena, in_env) : p.region;
    return 0;
}
