# SPDX-License-Identifier: Apache-2.0
# Rules for grib_filter: the temperature of the air at 2 m on a grid of one degree, for three times of a day. Made up, but of
# the shape that such fields have: warm by latitude, waves, and the sun that goes round.
BEGIN {
    pi = atan2(0, -1)
    for (step = 0; step <= 12; step += 6) {
        printf "set Ni=360;set Nj=181;set latitudeOfFirstGridPointInDegrees=90;set longitudeOfFirstGridPointInDegrees=0;"
        printf "set latitudeOfLastGridPointInDegrees=-90;set longitudeOfLastGridPointInDegrees=359;"
        printf "set iDirectionIncrementInDegrees=1;set jDirectionIncrementInDegrees=1;"
        printf "set dataDate=20250311;set dataTime=0;set step=%d;set shortName=\"2t\";set bitsPerValue=16;set values={", step
        for (j = 0; j < 181; j++)
            for (i = 0; i < 360; i++) {
                lat = (90 - j) * pi / 180; lon = i * pi / 180
                t = 255 + 45 * cos(lat) ^ 2 - 6 * sin(lat) + 4 * cos(lat) * sin(3 * lon + lat) \
                    + 5 * cos(lat) * cos(lon + step * pi / 12 - pi)
                printf "%s%.3f", (i + j ? "," : ""), t
            }
        print "};write;"
    }
}
