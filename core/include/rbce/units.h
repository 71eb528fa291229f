/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Amounts as people write them, and back.
 *
 * All parsers take the whole string (no white space around, nothing behind), accept a decimal
 * fraction where the unit has one ("1.5G"), and are exact: what does not fit into 64 bits is
 * -ERANGE, what is no such amount is -EINVAL. `*ret` is written on success only.
 */
#ifndef RBCE_UNITS_H
#define RBCE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "max" wherever an amount may be unlimited. */
#define RBCE_UNLIMITED UINT64_MAX

/* Bytes: "4096", "4K", "1.5G", "2GiB", "max"; K, M, G, T, P, E are powers of 1024. */
int rbce_parse_size(const char *text, uint64_t *ret);

/* Thousandths of one percent of one CPU: "150%" is 150000, "0.5%" is 500; "max". */
int rbce_parse_percent(const char *text, uint64_t *ret);

/*
 * Bytes per second: "50M" and "50MB/s" (powers of 1024, like a size), "100Mbit" (powers of 1000,
 * eight bits to the byte), "max".
 */
int rbce_parse_rate(const char *text, uint64_t *ret);

/* Microseconds: "250ms", "10s", "5min", "2h", "1d", "40us"; a bare number is seconds; "max". */
int rbce_parse_duration(const char *text, uint64_t *ret);

/* A whole number from MIN to MAX (-ERANGE outside). No "max". */
int rbce_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * The reverse, for people: 3 significant digits, "max" for RBCE_UNLIMITED. BUF needs
 * RBCE_UNITS_SIZE bytes; returned for convenience.
 */
#define RBCE_UNITS_SIZE 32
char *rbce_format_size(uint64_t bytes, char *buf);
char *rbce_format_percent(uint64_t millipercent, char *buf);
char *rbce_format_duration(uint64_t usec, char *buf);

#endif
