/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Krueger's series to the sixth order in the third flattening, summed as Clenshaw does: good for a few nanometres within 4,000
 * km of the central meridian. Krueger: Konforme Abbildung des Erdellipsoids in der Ebene, 1912; the coefficients as in Karney:
 * Transverse Mercator with an accuracy of a few nanometers, 2011, and those from conformal to geographic latitude as in EPSG's
 * Guidance Note 7-2 continued to that order.
 */
#include "geo/duckdb/transverse.h"

#include <math.h>
#include <string.h>

enum { PARAMETERS_MAX = 16 };
static const double REACH_M = 1000000; /* from the central meridian */

/* ---- which ---- */

static void series(struct sl_transverse *t, double n)
{
    const double n2 = n * n, n3 = n2 * n, n4 = n3 * n, n5 = n4 * n, n6 = n5 * n;
    const double beta[] = {n / 2 - 2 * n2 / 3 + 37 * n3 / 96 - n4 / 360 - 81 * n5 / 512 + 96199 * n6 / 604800,
                           n2 / 48 + n3 / 15 - 437 * n4 / 1440 + 46 * n5 / 105 - 1118711 * n6 / 3870720,
                           17 * n3 / 480 - 37 * n4 / 840 - 209 * n5 / 4480 + 5569 * n6 / 90720,
                           4397 * n4 / 161280 - 11 * n5 / 504 - 830251 * n6 / 7257600,
                           4583 * n5 / 161280 - 108847 * n6 / 3991680,
                           20648693 * n6 / 638668800};
    const double delta[] = {2 * n - 2 * n2 / 3 - 2 * n3 + 116 * n4 / 45 + 26 * n5 / 45 - 2854 * n6 / 675,
                            7 * n2 / 3 - 8 * n3 / 5 - 227 * n4 / 45 + 2704 * n5 / 315 + 2323 * n6 / 945,
                            56 * n3 / 15 - 136 * n4 / 35 - 1262 * n5 / 105 + 73814 * n6 / 2835,
                            4279 * n4 / 630 - 332 * n5 / 35 - 399572 * n6 / 14175,
                            4174 * n5 / 315 - 144838 * n6 / 6237,
                            601676 * n6 / 22275};
    memcpy(t->beta, beta, sizeof beta);
    memcpy(t->delta, delta, sizeof delta);
}

/* Of the parameter with EPSG's code, in radians or metres. */
static bool parameter(PJ_CONTEXT *ctx, const PJ *conversion, const char *code, double *out)
{
    int n = proj_coordoperation_get_param_count(ctx, conversion);
    for (int i = 0; i < n && i < PARAMETERS_MAX; i++) {
        const char *authority = NULL, *its_code = NULL;
        double value = 0, unit = 0;
        if (!proj_coordoperation_get_param(ctx, conversion, i, NULL, &authority, &its_code, &value, NULL, &unit, NULL, NULL, NULL,
                                           NULL))
            return false;
        if (authority && its_code && !strcmp(authority, "EPSG") && !strcmp(its_code, code)) {
            *out = value * unit;
            return isfinite(*out);
        }
    }
    return false;
}

static bool of_projection(PJ_CONTEXT *ctx, const PJ *conversion, const PJ *ellipsoid, struct sl_transverse *t)
{
    const char *method = NULL;
    double a = 0, inverse_flattening = 0, lat0 = 0, k0 = 0;
    if (!proj_coordoperation_get_method_info(ctx, conversion, NULL, NULL, &method) || !method || strcmp(method, "9807") != 0 ||
        !proj_ellipsoid_get_parameters(ctx, ellipsoid, &a, NULL, NULL, &inverse_flattening) || !(inverse_flattening > 100))
        return false;
    if (!parameter(ctx, conversion, "8801", &lat0) || !parameter(ctx, conversion, "8802", &t->lon0) ||
        !parameter(ctx, conversion, "8805", &k0) || !parameter(ctx, conversion, "8806", &t->false_easting) ||
        !parameter(ctx, conversion, "8807", &t->false_northing) || lat0 != 0)
        return false;
    const double n = 1 / (2 * inverse_flattening - 1), n2 = n * n;
    t->scale = k0 * a / (1 + n) * (1 + n2 / 4 + n2 * n2 / 64 + n2 * n2 * n2 / 256);
    series(t, n);
    return t->scale > 0;
}

/* Says PROJ the same, from the meridian to the end of the reach, from pole to pole? */
static bool agrees(PJ *operation, const struct sl_transverse *t)
{
    const double most = 1e-12;
    for (int i = -4; i <= 4; i++)
        for (int k = -6; k <= 6; k++) {
            double x = t->false_easting + i * 0.24 * REACH_M, y = t->false_northing + k * 1.45e6;
            PJ_COORD at = proj_trans(operation, PJ_FWD, proj_coord(x, y, 0, 0));
            if (!sl_transverse_inverse(t, &x, &y, 1) || !(fabs(x - at.xy.x) < most) || !(fabs(y - at.xy.y) < most))
                return false;
        }
    return true;
}

/* A definition is there at once where there is one operation only. */
static bool nothing_more(PJ *operation)
{
    static const char begins[] = "proj=pipeline step inv proj=", ends[] = " step proj=unitconvert xy_in=rad xy_out=deg";
    const char *definition = proj_pj_info(operation).definition;
    size_t length = definition ? strlen(definition) : 0;
    if (length < sizeof begins + sizeof ends || strncmp(definition, begins, sizeof begins - 1) != 0 ||
        strcmp(definition + length - (sizeof ends - 1), ends) != 0)
        return false;
    const char *projection = definition + sizeof begins - 1;
    if (strncmp(projection, "utm ", 4) != 0 && strncmp(projection, "tmerc ", 6) != 0)
        return false;
    const char *second = strstr(projection, " step ");
    return second == definition + length - (sizeof ends - 1) && !strstr(projection, " units=") && !strstr(projection, " axis=") &&
           !strstr(projection, " pm=");
}

bool sl_transverse_of(PJ_CONTEXT *ctx, const PJ *source, PJ *operation, struct sl_transverse *out)
{
    struct sl_transverse t = {0};
    if (!nothing_more(operation) || proj_get_type(source) != PJ_TYPE_PROJECTED_CRS)
        return false;
    PJ *conversion = proj_crs_get_coordoperation(ctx, source), *ellipsoid = proj_get_ellipsoid(ctx, source);
    bool is = conversion && ellipsoid && of_projection(ctx, conversion, ellipsoid, &t) && agrees(operation, &t);
    proj_destroy(conversion);
    proj_destroy(ellipsoid);
    if (is)
        *out = t;
    return is;
}

/* ---- the inverse ---- */

/* Without the cancellation that exp(v) - 1/exp(v) has near 0. */
static double sinh_of(double v, double exp_v)
{
    const double v2 = v * v;
    return fabs(v) < 0.02 ? v * (1 + v2 / 6 * (1 + v2 / 20 * (1 + v2 / 42))) : (exp_v - 1 / exp_v) / 2;
}

static void inverse(const struct sl_transverse *t, double *x, double *y)
{
    const double to_degrees = 57.295779513082320877;
    const double xi = (*y - t->false_northing) / t->scale, eta = (*x - t->false_easting) / t->scale;
    /* sum of beta sin(2 j (xi + i eta)), a complex one */
    const double s = sin(2 * xi), c = cos(2 * xi), e = exp(2 * eta), sh = sinh_of(2 * eta, e), ch = (e + 1 / e) / 2;
    const double re = 2 * c * ch, im = -2 * s * sh;
    double ur = 0, ui = 0, vr = 0, vi = 0;
    for (int j = SL_TRANSVERSE_ORDER - 1; j >= 0; j--) {
        double wr = re * ur - im * ui - vr + t->beta[j], wi = re * ui + im * ur - vi;
        vr = ur;
        vi = ui;
        ur = wr;
        ui = wi;
    }
    const double xi1 = xi - (s * ch * ur - c * sh * ui), eta1 = eta - (s * ch * ui + c * sh * ur);
    /* the conformal sphere */
    const double sx = sin(xi1), cx = cos(xi1), sh1 = sinh_of(eta1, exp(eta1)), across = sqrt(sh1 * sh1 + cx * cx);
    /* sum of delta sin(2 j chi), where chi is atan2(sx, across) */
    const double d = sx * sx + across * across, s2 = 2 * sx * across / d, c2 = (across * across - sx * sx) / d;
    double u = 0, v = 0;
    for (int j = SL_TRANSVERSE_ORDER - 1; j >= 0; j--) {
        double w = 2 * c2 * u - v + t->delta[j];
        v = u;
        u = w;
    }
    *x = (t->lon0 + atan2(sh1, cx)) * to_degrees;
    *y = (atan2(sx, across) + s2 * u) * to_degrees;
}

bool sl_transverse_inverse(const struct sl_transverse *t, double *x, double *y, size_t n)
{
    const double north = 1.55 * t->scale; /* not beyond the pole */
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i] - t->false_easting) < REACH_M) || !(fabs(y[i] - t->false_northing) < north))
            return false;
    for (size_t i = 0; i < n; i++)
        inverse(t, &x[i], &y[i]);
    /* PROJ gives longitudes within half a turn */
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] > 180 ? x[i] - 360 : x[i] < -180 ? x[i] + 360 : x[i];
    return true;
}
