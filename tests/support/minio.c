/* SPDX-License-Identifier: Apache-2.0 */
#include "support/minio.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "net/http.h"
#include "net/sigv4.h"

enum { START_TRIES = 600, START_PAUSE_MS = 50 };

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static int wait_until_ready(struct test_minio *m, struct sl_error *err)
{
    char url[128];
    struct sl_http *http = NULL;
    const struct sl_http_options options = {.connect_ms = 2000, .silence_ms = 5000};
    int rc = sl_http_new(&options, &http, err);
    snprintf(url, sizeof url, "%s/minio/health/live", m->url);
    for (int i = 0; rc == 0 && i < START_TRIES; i++) {
        struct sl_http_transfer t = {.method = "GET", .url = url, .max_body = 1024};
        bool up = sl_http_perform(http, &t, NULL) == 0 && t.response.status == 200;
        sl_http_response_free(&t.response);
        if (up) {
            sl_http_free(http);
            return 0;
        }
        if (waitpid(m->pid, NULL, WNOHANG) == m->pid) {
            m->pid = 0;
            break;
        }
        sl_clock_sleep_ns(START_PAUSE_MS * SL_NS_PER_MS);
    }
    sl_http_free(http);
    return rc ? rc : sl_fail(err, SL_E_PROCESS, "minio did not start: see %s/log", m->folder);
}

static const char *program(void)
{
    const char *binary = getenv("SLUICE_MINIO_BINARY");
    return binary && *binary ? binary : SLUICE_SOURCE_DIR "/.cache/go/bin/minio";
}

int test_minio_revive(struct test_minio *m, struct sl_error *err)
{
    char data[256], log[256];
    const char *address = m->url + strlen("http://");
    snprintf(data, sizeof data, "%s/data", m->folder);
    snprintf(log, sizeof log, "%s/log", m->folder);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const char *argv[] = {program(), "server", data, "--address", address, NULL};
    const char *env[] = {"MINIO_ROOT_USER=" TEST_MINIO_USER, "MINIO_ROOT_PASSWORD=" TEST_MINIO_PASSWORD,
                         "MINIO_BROWSER=off", "MINIO_UPDATE=off", NULL};
    const struct sl_process_options options = {.argv = argv,
                                               .env_add = env,
                                               .stdin_fd = -1,
                                               .stdout_fd = fd,
                                               .stderr_fd = fd,
                                               .keep_fd = -1,
                                               .die_with_parent = true};
    int rc = sl_process_start(&options, &m->pid, err);
    close(fd);
    return rc ? rc : wait_until_ready(m, err);
}

int test_minio_start(struct test_minio *m, struct sl_error *err)
{
    const char *temporary = getenv("TMPDIR");
    *m = (struct test_minio){0};
    if (access(program(), X_OK) != 0)
        return sl_fail_errno(err, errno, "cannot run %s (scripts/setup.sh installs it)", program());
    snprintf(m->folder, sizeof m->folder, "%s/sluice-test-minio-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(m->folder))
        return sl_fail_errno(err, errno, "cannot make %s", m->folder);
    snprintf(m->url, sizeof m->url, "http://127.0.0.1:%d", free_port());
    int rc = test_minio_revive(m, err);
    if (rc)
        test_minio_stop(m);
    return rc;
}

void test_minio_kill(struct test_minio *m)
{
    if (m->pid > 0) {
        kill(m->pid, SIGKILL);
        waitpid(m->pid, NULL, 0);
    }
    m->pid = 0;
}

void test_minio_stop(struct test_minio *m)
{
    test_minio_kill(m);
    if (m->folder[0])
        sl_dir_remove(m->folder, NULL);
    *m = (struct test_minio){0};
}

struct sl_store_s3_options test_minio_options(const struct test_minio *m)
{
    return (struct sl_store_s3_options){.endpoint = m->url,
                                        .access_key = TEST_MINIO_USER,
                                        .secret_key = TEST_MINIO_PASSWORD,
                                        .region = "us-east-1",
                                        .parallel = 8,
                                        .part_bytes = 5 * 1024 * 1024,
                                        .retries = 5,
                                        .timeout_ms = 30000,
                                        .retry_deadline_ms = 60000};
}

/* MinIO's own header: a bucket goes with its objects and unfinished uploads. */
int test_minio_drop(const struct test_minio *m, const char *bucket, struct sl_error *err)
{
    const struct sl_aws_credentials credentials = {TEST_MINIO_USER, TEST_MINIO_PASSWORD, NULL};
    char path[SL_BUCKET_BYTES + 2], url[256], hash[SL_SHA256_HEX_BYTES];
    sl_sha256_of("", 0, hash);
    snprintf(path, sizeof path, "/%s", bucket);
    snprintf(url, sizeof url, "%s%s", m->url, path);
    struct sl_http_header headers[4] = {{"x-minio-force-delete", "true"}, {"x-amz-content-sha256", hash}};
    const struct sl_sigv4_request r = {.method = "DELETE",
                                       .host = m->url + strlen("http://"),
                                       .path = path,
                                       .headers = headers,
                                       .n_headers = 2,
                                       .payload_hash = hash,
                                       .region = "us-east-1",
                                       .service = "s3",
                                       .credentials = &credentials,
                                       .wall_ns = sl_clock_wall_ns()};
    struct sl_sigv4_signed made;
    struct sl_http *http = NULL;
    const struct sl_http_options options = {.connect_ms = 5000, .silence_ms = 30000};
    int rc = sl_sigv4_sign(&r, &made, err);
    if (rc)
        return rc;
    headers[2] = (struct sl_http_header){"x-amz-date", made.date};
    headers[3] = (struct sl_http_header){"authorization", made.authorization.data};
    struct sl_http_transfer t = {.method = "DELETE", .url = url, .headers = headers, .n_headers = 4, .max_body = 65536};
    rc = sl_http_new(&options, &http, err);
    if (rc == 0)
        rc = sl_http_perform(http, &t, err);
    if (rc == 0 && t.response.status != 204 && t.response.status != 404)
        rc = sl_fail(err, SL_E_INTERNAL, "minio does not drop %s: %d %s", bucket, t.response.status,
                     t.response.body.data);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    sl_sigv4_signed_free(&made);
    return rc;
}
