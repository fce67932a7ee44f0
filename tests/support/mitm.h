/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mitm.h - a man in the middle of HTTP/1.1: it knows where requests and answers begin and end, and spoils those that a rule
 * picks. What toxiproxy cannot do: let the server carry a request out and lose the answer. Requests and answers are held in
 * memory whole.
 */
#ifndef SLUICE_TESTS_SUPPORT_MITM_H
#define SLUICE_TESTS_SUPPORT_MITM_H

#include <stdbool.h>
#include <stdint.h>

enum test_mitm_act {
    TEST_MITM_PASS,
    TEST_MITM_CLOSE,       /* the request is not handed on */
    TEST_MITM_CUT_REQUEST, /* the server gets `after` bytes of the body, then both get a reset */
    TEST_MITM_STALL,       /* carried out, never answered, but the connection stands */
    TEST_MITM_SAY,         /* `say` instead of asking the server */
    TEST_MITM_CUT_ANSWER,  /* `after` bytes of the answer's body, then the end */
    TEST_MITM_LOSE_ANSWER  /* carried out; the connection ends without a byte */
};

struct test_mitm_rule {
    enum test_mitm_act act;
    const char *method, *target; /* NULL: any; target: what it contains */
    int skip, times;             /* of those that fit, so many pass first; then so many are spoiled */
    int64_t after;
    bool reset;                  /* ends are resets */
    const char *say;
};

struct test_mitm;

/* upstream: "http://127.0.0.1:PORT" */
struct test_mitm *test_mitm_start(const char *upstream);
const char *test_mitm_url(const struct test_mitm *m);
/* Holds from the next request on, instead of the one before. Strings are borrowed. */
void test_mitm_set(struct test_mitm *m, const struct test_mitm_rule *rule);
int test_mitm_spoiled(struct test_mitm *m); /* since the rule was set */
void test_mitm_stop(struct test_mitm *m);

#endif
