/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
uint64_t now_ns(void);

/* User and system time of this process, in seconds. */
double cpu_seconds(void);

void sleep_us(long microseconds);

#endif
