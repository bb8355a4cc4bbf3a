/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From few samples the estimate is far from normally distributed: of a site that holds
 * R bytes in small blocks one sees 0, 1, 2 … of them, each worth about R, a Poisson
 * number; ± 1.96 sigma around it misses the truth one time in three. For a Poisson number
 * there is an exact interval, of quantiles of gamma distributions (Garwood 1936), and for
 * a weighted sum of Poisson numbers one made of it (Fay and Feuer, Statistics in Medicine
 * 16, 1997): the lower end is a quantile of the gamma distribution that has the mean and
 * variance of the estimate, the upper end of the one to which one more sample was added,
 * of the largest weight.
 *
 * Here only a part of the sum is like that. Of a block sampled with probability p, p of
 * its bytes count as certain and only the rest, s (1/p - p), as random; so what is large
 * shifts the interval and does not widen it. And what was seen is there: the interval
 * does not begin below. One more sample is worth R: small blocks that were not seen may
 * be anywhere, large ones hardly. tests/unit/test_estimate.c tries it out.
 */
#include "analysis/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define TAIL 0.025 /* on each side */

/* P(a, x), the distribution function of the gamma distribution of shape `a`: by its series,
 * or by a continued fraction of the other tail (Abramowitz and Stegun 6.5.29, 6.5.31). */
static double gamma_below(double a, double x)
{
	double front, sum, term, b, c, d, h;

	if (x <= 0)
		return 0;
	front = exp(a * log(x) - x - lgamma(a));
	if (x < a + 1) {
		sum = term = 1 / a;
		for (double n = 1; n < 10000 && term > sum * 1e-12; n++) {
			term *= x / (a + n);
			sum += term;
		}
		return front * sum;
	}
	b = x + 1 - a;
	c = 1e300;
	d = h = 1 / b;
	for (double n = 1; n < 10000; n++) {
		double step;

		b += 2;
		d = 1 / (n * (a - n) * d + b);
		c = b + n * (a - n) / c;
		step = c * d;
		h *= step;
		if (fabs(step - 1) < 1e-12)
			break;
	}
	return 1 - front * h;
}

/* Where the gamma distribution of this mean and variance has `share` of itself below. */
static double gamma_quantile(double mean, double variance, double share)
{
	double shape = mean * mean / variance, scale = variance / mean, low = 0, high = 1;

	/* Nearly normal, and the series would be long. */
	if (shape > 1e5)
		return mean + (share < 0.5 ? -1.959964 : 1.959964) * sqrt(variance);
	while (gamma_below(shape, high) < share)
		high *= 2;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (gamma_below(shape, middle) < share)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2 * scale;
}

static uint64_t whole(double bytes)
{
	return bytes >= 0x1p63 ? 1ull << 63 : bytes > 0 ? (uint64_t)llround(bytes) : 0;
}

struct estimate estimate_live(const struct snapshot_sampled *sampled, uint64_t live_bytes)
{
	double random = (double)live_bytes - sampled->certain_bytes, low = 0, high;
	double one = (double)sampled->bytes;

	if (!sampled->bytes)
		return (struct estimate){ .low = live_bytes, .high = live_bytes };
	if (random < 0)
		random = 0;
	if (random > 0 && sampled->variance > 0)
		low = gamma_quantile(random, sampled->variance, TAIL);
	low += sampled->certain_bytes;
	high = sampled->certain_bytes +
	       gamma_quantile(random + one, sampled->variance + one * one, 1 - TAIL);
	return (struct estimate){
		.low = whole(low > sampled->live_bytes ? low : sampled->live_bytes),
		.high = whole(high),
	};
}

static int64_t clamp(double bytes)
{
	return bytes >= 0x1p63 ? INT64_MAX : bytes <= -0x1p63 ? -INT64_MAX : llround(bytes);
}

/*
 * The method of variance estimates recovery (Zou and Donner, Statistics in Medicine 27,
 * 2008): each end of the difference is as far away as the ends that pull it there, taken
 * together as independent. Two moments of one trace share blocks, so theirs is narrower.
 */
struct estimate_change estimate_change(const struct estimate *before, uint64_t bytes_before,
				       const struct estimate *after, uint64_t bytes_after)
{
	double change = (double)bytes_after - (double)bytes_before;
	double down = hypot((double)bytes_after - (double)after->low,
			    (double)before->high - (double)bytes_before);
	double up = hypot((double)after->high - (double)bytes_after,
			  (double)bytes_before - (double)before->low);

	return (struct estimate_change){ .low = clamp(change - down), .high = clamp(change + up) };
}

char *estimate_text(const struct estimate *estimate, uint64_t live_bytes,
		    char buffer[ESTIMATE_TEXT])
{
	uint64_t below = live_bytes > estimate->low ? live_bytes - estimate->low : 0;
	uint64_t above = estimate->high > live_bytes ? estimate->high - live_bytes : 0;
	uint64_t longer = above > below ? above : below;
	char low[UNITS_BUFFER], high[UNITS_BUFFER];

	buffer[0] = '\0';
	units_format_bytes(low, sizeof(low), estimate->low);
	units_format_bytes(high, sizeof(high), estimate->high);
	if (strcmp(low, high) == 0)
		return buffer;
	if ((double)longer <= 0.3 * (double)live_bytes && longer <= 2 * below)
		snprintf(buffer, ESTIMATE_TEXT, "± %s", units_format_bytes(high, sizeof(high), longer));
	else
		snprintf(buffer, ESTIMATE_TEXT, "(%.24s to %.24s)", low, high);
	return buffer;
}
