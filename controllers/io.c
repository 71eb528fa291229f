// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bandwidth of block devices: io.max, "DEVICE rbps=50M wbps=20M riops=1000 wiops=500".
 *
 * v2 has one file with a line for each device, v1 four files with one number for each. What a value
 * does not name stays as it is in the group, as with the kernel's own io.max.
 */
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define V2_FILE "io.max"

/* The least amount that v2 takes. v1 cuts operations to 32 bits, and 0 means none there. */
enum { AMOUNT_LEAST = 2 };
#define OPERATIONS_MOST (UINT64_C(1) << 31)

static const struct {
	const char *name;
	const char *v1_file;
	bool bytes;
} kinds[IO_KINDS] = {
	[IO_RBPS] = {"rbps", "blkio.throttle.read_bps_device", true},
	[IO_WBPS] = {"wbps", "blkio.throttle.write_bps_device", true},
	[IO_RIOPS] = {"riops", "blkio.throttle.read_iops_device", false},
	[IO_WIOPS] = {"wiops", "blkio.throttle.write_iops_device", false},
};

#define KIND_NAMES "rbps=, wbps=, riops=, wiops="

const char *io_kind_name(enum io_kind kind)
{
	return kinds[kind].name;
}

const char *io_kind_file(enum io_kind kind, int version)
{
	return version == 1 ? kinds[kind].v1_file : V2_FILE;
}

/* One line of a value: what it asks of one device. */
struct request {
	unsigned major, minor;
	bool given[IO_KINDS];
	uint64_t amount[IO_KINDS];
};

static int parse_operations(const char *text, uint64_t *ret)
{
	if (streq(text, "max")) {
		*ret = RBCE_UNLIMITED;
		return 0;
	}
	return rbce_parse_number(text, AMOUNT_LEAST, OPERATIONS_MOST, ret);
}

static int parse_amount(bool bytes, const char *text, uint64_t *ret, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];
	uint64_t amount;
	int r = bytes ? rbce_parse_rate(text, &amount) : parse_operations(text, &amount);

	if (r == 0 && amount < AMOUNT_LEAST)
		r = -ERANGE;
	amount_quote(text, quoted);
	if (r == -ERANGE)
		return rbce_error_set(err, r, "'%s' is out of range (at least %d%s)", quoted,
				      AMOUNT_LEAST, bytes ? "" : ", at most 2147483648");
	if (r < 0)
		return rbce_error_set(err, r, "'%s' is not %s", quoted,
				      bytes ? "a rate (like 50M, 100Mbit or max)"
					    : "a number of operations (like 500 or max)");
	*ret = amount;
	return 0;
}

/* "rbps=50M" */
static int parse_word(const char *word, struct request *request, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];

	amount_quote(word, quoted);
	for (size_t i = 0; i < IO_KINDS; i++) {
		const char *rest = after_prefix(word, kinds[i].name);

		if (!rest || *rest != '=')
			continue;
		if (request->given[i])
			return rbce_error_set(err, -EINVAL, "'%s' gives %s a second time", quoted,
					      kinds[i].name);
		request->given[i] = true;
		return parse_amount(kinds[i].bytes, rest + 1, &request->amount[i], err);
	}
	return rbce_error_set(err, -EINVAL, "'%s' is not a limit of a device (" KIND_NAMES ")",
			      quoted);
}

/* LINE is changed. */
static int parse_line(char *line, struct request *ret, struct rbce_error *err)
{
	struct request request = {0};
	char *save = NULL, *device = strtok_r(line, " \t", &save), *word;
	char quoted[QUOTED_SIZE];
	size_t n = 0;
	int r = 0;

	if (!device)
		return rbce_error_set(err, -EINVAL,
				      "'' is not a device with limits (like / rbps=50M)");
	for (; r == 0 && (word = strtok_r(NULL, " \t", &save)); n++)
		r = parse_word(word, &request, err);
	if (r < 0)
		return r;
	if (n == 0)
		return rbce_error_set(err, -EINVAL, "'%s' has no limit behind it (" KIND_NAMES ")",
				      amount_quote(device, quoted));
	/* Last: what is wrong with the words is so on every machine. */
	r = device_resolve(device, &request.major, &request.minor, err);
	if (r < 0)
		return r;
	*ret = request;
	return 0;
}

/* All lines of VALUE in a new array. */
static int parse_value(const char *value, struct request **ret, size_t *ret_n,
		       struct rbce_error *err)
{
	cleanup_free char *copy = strdup(value);
	cleanup_free struct request *requests = NULL;
	size_t n = 0, lines = 1;

	for (const char *p = value; *p; p++)
		lines += *p == '\n';
	requests = calloc(lines, sizeof(*requests));
	if (!copy || !requests)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	for (char *line = copy, *next; line; line = next) {
		int r;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = parse_line(line, &requests[n++], err);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(requests);
	*ret_n = n;
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	cleanup_free struct request *requests = NULL;
	size_t n;

	(void)key;
	return streq(value, "max") ? 0 : parse_value(value, &requests, &n, err);
}

struct device_list {
	struct io_device *devices;
	size_t n;
};

/* The entry of a device, made where it is missing; NULL without memory. */
static struct io_device *entry(struct device_list *list, unsigned device_major,
			       unsigned device_minor)
{
	struct io_device *more;

	for (size_t i = 0; i < list->n; i++)
		if (list->devices[i].major == device_major &&
		    list->devices[i].minor == device_minor)
			return &list->devices[i];
	more = realloc(list->devices, (list->n + 1) * sizeof(*more));
	if (!more)
		return NULL;
	list->devices = more;
	more += list->n++;
	more->major = device_major;
	more->minor = device_minor;
	for (size_t i = 0; i < IO_KINDS; i++)
		more->amount[i] = RBCE_UNLIMITED;
	return more;
}

/* "254:0 1048576" */
static int read_line_v1(char *line, enum io_kind kind, struct device_list *list)
{
	unsigned device_major, device_minor;
	struct io_device *device;
	int at = 0;

	if (sscanf(line, "%u:%u %n", &device_major, &device_minor, &at) != 2 || at == 0)
		return -EBADMSG;
	device = entry(list, device_major, device_minor);
	if (!device)
		return -ENOMEM;
	return rbce_parse_number(line + at, 0, UINT64_MAX - 1, &device->amount[kind]) < 0 ? -EBADMSG
											  : 0;
}

/* "254:0 rbps=1048576 wbps=max riops=max wiops=max" */
static int read_line_v2(char *line, enum io_kind kind, struct device_list *list)
{
	char *save = NULL, *number = strtok_r(line, " ", &save), *word;
	unsigned device_major, device_minor;
	struct io_device *device;

	(void)kind;
	if (!number || sscanf(number, "%u:%u", &device_major, &device_minor) != 2)
		return -EBADMSG;
	device = entry(list, device_major, device_minor);
	if (!device)
		return -ENOMEM;
	while ((word = strtok_r(NULL, " ", &save)))
		for (size_t i = 0; i < IO_KINDS; i++) {
			const char *rest = after_prefix(word, kinds[i].name);

			if (rest && *rest == '=' && !streq(rest + 1, "max") &&
			    rbce_parse_number(rest + 1, 0, UINT64_MAX - 1, &device->amount[i]) < 0)
				return -EBADMSG;
		}
	return 0;
}

static int read_file(int dirfd, const char *file, enum io_kind kind, struct device_list *list,
		     int (*read_line)(char *line, enum io_kind kind, struct device_list *list))
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dirfd, file, &text);
	char *save = NULL;
	int r = n < 0 ? (int)n : 0;

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = read_line(line, kind, list);
	return r;
}

/* Of the kinds WANTED only, NULL for all: each is a file of its own on v1. */
static int read_kinds(int dirfd, int version, const bool *wanted, struct device_list *ret)
{
	struct device_list list = {0};
	int r = 0;

	if (version == 2)
		r = read_file(dirfd, V2_FILE, IO_RBPS, &list, read_line_v2);
	else
		for (size_t i = 0; r == 0 && i < IO_KINDS; i++)
			if (!wanted || wanted[i])
				r = read_file(dirfd, kinds[i].v1_file, (enum io_kind)i, &list,
					      read_line_v1);
	if (r < 0) {
		free(list.devices);
		return r;
	}
	*ret = list;
	return 0;
}

int io_read(int dirfd, int version, struct io_device **ret, size_t *ret_n)
{
	struct device_list list;
	int r = read_kinds(dirfd, version, NULL, &list);

	if (r < 0)
		return r;
	*ret = list.devices;
	*ret_n = list.n;
	return 0;
}

static int write_v1(int dirfd, const struct request *request, struct rbce_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < IO_KINDS; i++) {
		uint64_t amount = request->amount[i];
		char text[64];

		if (!request->given[i])
			continue;
		snprintf(text, sizeof(text), "%u:%u %" PRIu64, request->major, request->minor,
			 amount == RBCE_UNLIMITED ? 0 : amount);
		r = amount_write(dirfd, kinds[i].v1_file, text, err);
	}
	return r;
}

static char *format_kind(enum io_kind kind, uint64_t amount, char *buf, size_t size)
{
	if (amount == RBCE_UNLIMITED)
		snprintf(buf, size, "%s=max", kinds[kind].name);
	else
		snprintf(buf, size, "%s=%" PRIu64, kinds[kind].name, amount);
	return buf;
}

static int write_v2(int dirfd, const struct request *request, struct rbce_error *err)
{
	char text[256], word[48];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "%u:%u", request->major, request->minor);
	for (size_t i = 0; i < IO_KINDS; i++)
		if (request->given[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s",
					      format_kind((enum io_kind)i, request->amount[i], word,
							  sizeof(word)));
	return amount_write(dirfd, V2_FILE, text, err);
}

static int check_held(int dirfd, int version, const struct request *request, struct rbce_error *err)
{
	struct device_list list = {0};
	cleanup_free struct io_device *devices = NULL;
	struct io_device *held;
	char have[48], want[48];
	int r;

	r = read_kinds(dirfd, version, request->given, &list);
	if (r < 0)
		return rbce_error_errno(err, r, "the limits cannot be read back");
	held = entry(&list, request->major, request->minor);
	devices = list.devices;
	if (!held)
		return rbce_error_errno(err, -ENOMEM, "the limits cannot be read back");
	for (size_t i = 0; i < IO_KINDS; i++)
		if (request->given[i] && held->amount[i] != request->amount[i])
			return rbce_error_set(
				err, -EIO, "the kernel holds %s of device %u:%u instead of %s",
				format_kind((enum io_kind)i, held->amount[i], have, sizeof(have)),
				request->major, request->minor,
				format_kind((enum io_kind)i, request->amount[i], want,
					    sizeof(want)));
	return 0;
}

static int set_request(int dirfd, int version, const struct request *request,
		       struct rbce_error *err)
{
	int r = version == 1 ? write_v1(dirfd, request, err) : write_v2(dirfd, request, err);

	return r < 0 ? r : check_held(dirfd, version, request, err);
}

static void lift(struct request *request)
{
	for (size_t i = 0; i < IO_KINDS; i++) {
		request->given[i] = true;
		request->amount[i] = RBCE_UNLIMITED;
	}
}

/* The limits that REQUEST would change, as they are. */
static int read_before(int dirfd, int version, const struct request *request, struct request *ret,
		       struct rbce_error *err)
{
	struct device_list list = {0};
	struct io_device *device;
	int r = read_kinds(dirfd, version, request->given, &list);

	if (r < 0)
		return rbce_error_errno(err, r, "the limits cannot be read");
	device = entry(&list, request->major, request->minor);
	if (device) {
		*ret = *request;
		memcpy(ret->amount, device->amount, sizeof(ret->amount));
	}
	free(list.devices);
	return device ? 0 : rbce_error_errno(err, -ENOMEM, "the limits cannot be read");
}

/* All of them or, where the kernel refuses one, none. */
static int set_requests(int dirfd, int version, const struct request *requests, size_t n,
			struct rbce_error *err)
{
	cleanup_free struct request *before = calloc(n + 1, sizeof(*before));
	size_t done = 0;
	int r = before ? 0 : rbce_error_errno(err, -ENOMEM, "the limits cannot be read");

	for (; r == 0 && done < n; done++) {
		r = read_before(dirfd, version, &requests[done], &before[done], err);
		if (r < 0)
			break;
		r = set_request(dirfd, version, &requests[done], err);
	}
	while (r < 0 && done-- > 0)
		set_request(dirfd, version, &before[done], NULL);
	return r;
}

/* "max": no device is limited any more. */
static int set_none(int dirfd, int version, struct rbce_error *err)
{
	cleanup_free struct io_device *devices = NULL;
	size_t n = 0;
	int r;

	r = io_read(dirfd, version, &devices, &n);
	if (r < 0)
		return rbce_error_errno(err, r, "the limits cannot be read");
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct request request = {.major = devices[i].major, .minor = devices[i].minor};

		lift(&request);
		r = set_request(dirfd, version, &request, err);
	}
	return r;
}

/* VALUE, or (when RESET) no limit any more for the devices that it names. */
static int change(const struct controller_key *key, struct rbce_container *c, const char *value,
		  bool reset, struct rbce_error *err)
{
	cleanup_free struct request *requests = NULL;
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);
	size_t n = 0;

	if (dir < 0)
		return dir;
	if (streq(value, "max"))
		return reset ? 0 : set_none(dir, version, err);
	r = parse_value(value, &requests, &n, err);
	if (r == 0 && !reset)
		return set_requests(dir, version, requests, n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		lift(&requests[i]);
		r = set_request(dir, version, &requests[i], err);
	}
	return r;
}

/* One line for each device that has a limit. */
static void print_devices(FILE *out, const struct io_device *devices, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		bool named = false;

		for (size_t k = 0; k < IO_KINDS; k++) {
			char word[48];

			if (devices[i].amount[k] == RBCE_UNLIMITED)
				continue;
			if (!named)
				fprintf(out, "%s%u:%u", any ? "\n" : "", devices[i].major,
					devices[i].minor);
			named = any = true;
			fprintf(out, " %s",
				format_kind((enum io_kind)k, devices[i].amount[k], word,
					    sizeof(word)));
		}
	}
	if (!any)
		fprintf(out, "max");
}

int io_print(const struct io_device *devices, size_t n, char **ret)
{
	cleanup_free char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	print_devices(out, devices, n);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

int io_merge(const char *value, struct io_device **devices, size_t *n)
{
	struct device_list list = {*devices, *n}, one = {0};
	cleanup_free char *copy = strdup(value);
	char *save = NULL;
	int r = copy ? 0 : -ENOMEM;

	if (r < 0 || streq(value, "max"))
		return r;
	for (char *line = strtok_r(copy, "\n", &save); r == 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = read_line_v2(line, IO_RBPS, &one);
	for (size_t i = 0; r == 0 && i < one.n; i++) {
		struct io_device *device = entry(&list, one.devices[i].major, one.devices[i].minor);

		if (!device)
			r = -ENOMEM;
		for (size_t k = 0; r == 0 && k < IO_KINDS; k++)
			if (one.devices[i].amount[k] < device->amount[k])
				device->amount[k] = one.devices[i].amount[k];
	}
	free(one.devices);
	*devices = list.devices;
	*n = list.n;
	return r;
}

bool io_decides(const char *value, const struct io_device *devices, size_t n)
{
	struct io_device *own = NULL;
	size_t n_own = 0;
	bool decides = false;

	if (io_merge(value, &own, &n_own) == 0)
		for (size_t i = 0; i < n_own * n; i++) {
			const struct io_device *a = &own[i / n], *b = &devices[i % n];

			for (size_t k = 0; k < IO_KINDS; k++)
				decides |= a->major == b->major && a->minor == b->minor &&
					   a->amount[k] != RBCE_UNLIMITED &&
					   a->amount[k] == b->amount[k];
		}
	free(own);
	return decides;
}

static int get_text(int dirfd, int version, char *buf, size_t size)
{
	cleanup_free struct io_device *devices = NULL;
	cleanup_free char *text = NULL;
	size_t n = 0;
	int r = io_read(dirfd, version, &devices, &n);

	if (r == 0)
		r = io_print(devices, n, &text);
	if (r < 0)
		return r;
	return (size_t)snprintf(buf, size, "%s", text) < size ? 0 : -E2BIG;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = get_text(dir, version, buf, size);
	return r < 0 ? rbce_error_errno(err, r, "%s cannot be read", key->version[version].file)
		     : 0;
}

static bool differs(const struct request *asked, const struct request *held)
{
	for (size_t i = 0; i < IO_KINDS; i++)
		if (asked->given[i] && asked->amount[i] != held->amount[i])
			return true;
	return false;
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	cleanup_free struct request *requests = NULL;
	struct request held;
	char text[8];
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);
	size_t n = 0;

	if (dir < 0)
		return dir;
	if (streq(value, "max")) {
		r = get_text(dir, version, text, sizeof(text));
		if (r < 0 && r != -E2BIG)
			return rbce_error_errno(err, r, "the limits cannot be read");
		return r == 0 && streq(text, "max");
	}
	r = parse_value(value, &requests, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = read_before(dir, version, &requests[i], &held, err);
		if (r == 0 && differs(&requests[i], &held))
			return 0;
	}
	return r < 0 ? r : 1;
}

static const struct key_ops ops = {.check = check, .change = change, .get = get, .holds = holds};

const struct controller_key controller_io_max = {
	.name = "io.max",
	.help = "bandwidth of a block device: DEVICE rbps=50M wbps=20M riops=1000 wiops=500",
	.controller = RBCE_IO,
	.initial = "max",
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_REPEATS | CONTROLLER_FLAT_V1,
	.scope = SCOPE_DEVICES,
	.ops = &ops,
	.version =
		{
			[1] = {.file = "blkio.throttle.read_bps_device"},
			[2] = {.file = V2_FILE},
		},
};
