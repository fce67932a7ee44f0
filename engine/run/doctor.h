/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - is everything there that the engine needs, does it answer, and may we do with it what we must.
 *
 * Every check is a line or a few. Nothing is changed but: the private cluster is started, a ledger and a catalog are
 * prepared as at any start, and a probe object comes and goes under SL_DOCTOR_PREFIX in each bucket.
 */
#ifndef SLUICE_RUN_DOCTOR_H
#define SLUICE_RUN_DOCTOR_H

#include "run/orphan.h"
#include "run/run.h"

#define SL_DOCTOR_PREFIX SL_RESERVED_PREFIX "doctor/"

enum sl_doctor_status { SL_DOCTOR_OK, SL_DOCTOR_WARN, SL_DOCTOR_FAIL, SL_DOCTOR_SKIPPED };

struct sl_doctor_line {
    const char *part; /* "store", "bucket", "ledger", … */
    enum sl_doctor_status status;
    const char *detail, *hint; /* hint NULL: none */
    enum sl_code code;         /* of a failure; SL_OK */
};

/* Calls tell for each line; its strings live until then. Returns 0 when nothing failed, else the negative code that
 * matters most: one that waiting does not cure before one of a service that does not answer. */
int sl_doctor(const struct sl_config *config, void (*tell)(void *data, const struct sl_doctor_line *line), void *data);

/* -- between the files of doctor -- */
struct sl_doctor {
    const struct sl_config *config; /* asks once: run.retries is 1 */
    struct sl_arena *arena;
    void (*tell)(void *data, const struct sl_doctor_line *line);
    void *data;
    enum sl_code worst;
};
void sl_doctor_ok(struct sl_doctor *d, const char *part, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void sl_doctor_warn(struct sl_doctor *d, const char *part, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void sl_doctor_fail(struct sl_doctor *d, const char *part, const struct sl_error *error);
/* "same clock", "its clock 3.1 s ahead". */
const char *sl_doctor_skew(struct sl_doctor *d, int64_t clock_ns, int64_t asked_ns);
void sl_doctor_store(struct sl_doctor *d);
void sl_doctor_ledger(struct sl_doctor *d);
void sl_doctor_postgres(struct sl_doctor *d);
void sl_doctor_catalog(struct sl_doctor *d);
void sl_doctor_clickhouse(struct sl_doctor *d); /* no line where none is configured; so the next two */
void sl_doctor_iceberg(struct sl_doctor *d);
void sl_doctor_trino(struct sl_doctor *d);

#endif
