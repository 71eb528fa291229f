// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats serve: the record for a browser, for programs and for Prometheus. */
#include <fcntl.h>
#include <rbce/units.h>
#include <signal.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>

#include "address.h"
#include "cli/log.h"
#include "cli/options.h"
#include "file.h"
#include "http.h"
#include "jail.h"
#include "page.h"
#include "stats/commands.h"
#include "util.h"

enum { HOSTS_MAX = 32, CONTAINERS_USUAL = 1000 };

struct settings {
	const char *db, *listen, *user, *certificate, *key, *token, *containers, *patience;
	const char *hosts[HOSTS_MAX];
	size_t n_hosts;
};

/* What is read before privileges are dropped. */
struct secrets {
	char *certificate, *key, *token;
};

static int add_host(const char *argument, void *data)
{
	struct settings *s = data;

	if (s->n_hosts == HOSTS_MAX) {
		log_error("cannot use more than %d --host", HOSTS_MAX);
		return -E2BIG;
	}
	s->hosts[s->n_hosts++] = argument;
	return 0;
}

static int read_secret(const char *path, char **ret, struct rbce_error *err)
{
	ssize_t n = path ? file_read_all_at(AT_FDCWD, path, ret) : 0;

	return n < 0 ? rbce_error_errno(err, (int)n, "cannot read '%s'", path) : 0;
}

static int read_secrets(const struct settings *s, struct secrets *ret, struct rbce_error *err)
{
	int r = read_secret(s->certificate, &ret->certificate, err);

	if (r == 0)
		r = read_secret(s->key, &ret->key, err);
	if (r == 0)
		r = read_secret(s->token, &ret->token, err);
	if (r < 0)
		return r;
	if (ret->token)
		ret->token[strcspn(ret->token, "\r\n")] = '\0';
	if (ret->token && strlen(ret->token) < TOKEN_LEAST)
		return rbce_error_set(err, -EINVAL,
				      "cannot use '%s': a token has at least %d bytes", s->token,
				      TOKEN_LEAST);
	return 0;
}

static void free_secrets(struct secrets *s)
{
	if (s->key)
		explicit_bzero(s->key, strlen(s->key));
	if (s->token)
		explicit_bzero(s->token, strlen(s->token));
	free(s->certificate);
	free(s->key);
	free(s->token);
}

/* Whoever comes from elsewhere must be someone who has the token, and be read by nobody else. */
static int check_reach(const struct settings *s, const struct address *a, struct rbce_error *err)
{
	if (a->local || (s->certificate && s->token))
		return 0;
	return rbce_error_set(err, -EPERM,
			      "cannot listen on '%s': other machines get there, which takes "
			      "--tls-cert, --tls-key and --token",
			      a->shown);
}

static int make_session(struct server *server)
{
	unsigned char random[(SESSION_SIZE - 1) / 2 + sizeof(server->instance)];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	memcpy(&server->instance, random, sizeof(server->instance));
	for (size_t i = 0; i < (SESSION_SIZE - 1) / 2; i++)
		snprintf(server->session + 2 * i, 3, "%02x", random[sizeof(server->instance) + i]);
	return 0;
}

static int serve(const struct http_options *options, const char *shown, struct rbce_error *err)
{
	struct http *http = NULL;
	sd_event *loop = NULL;
	int r = sd_event_new(&loop);

	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(loop, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(loop, true);
	if (r < 0) {
		close(options->fd);
		rbce_error_errno(err, r, "cannot serve");
	} else {
		r = http_open(loop, options, &http, err);
	}
	if (r == 0)
		r = jail_close(err);
	if (r == 0) {
		log_info("listening on %s%s%s", *shown == 'u' ? "" : "http",
			 *shown == 'u'          ? ""
			 : options->certificate ? "s://"
						: "://",
			 shown);
		sd_notify(0, "READY=1");
		r = sd_event_loop(loop);
		if (r < 0)
			rbce_error_errno(err, r, "cannot serve");
	}
	http_close(http);
	sd_event_unref(loop);
	return r;
}

static int prepare(const struct settings *s, struct server *server, struct secrets *secrets,
		   struct address *address, struct rbce_error *err)
{
	sqlite3 *db;
	int r = read_secrets(s, secrets, err);

	if (r == 0)
		r = address_inherit(address, err);
	if (r == 0)
		r = address_listen(s->listen, address, err);
	if (r >= 0)
		r = check_reach(s, address, err);
	if (r == 0)
		r = jail_drop(s->user, s->db, err);
	if (r == 0 && (reader_new(s->db, &server->reader) < 0 || make_session(server) < 0))
		r = rbce_error_errno(err, -ENOMEM, "cannot serve");
	if (r < 0)
		return r;
	server->token = secrets->token;
	server->tls = s->certificate != NULL;
	server->any_host = address->path;
	/* A mistake shows at once; what only is not there yet may come. */
	r = reader_begin(server->reader, &db, err);
	reader_end(server->reader);
	return r < 0 ? r : 0;
}

static int run(const struct settings *s, uint64_t containers, uint64_t patience)
{
	struct server server = {.hosts = s->hosts,
				.n_hosts = s->n_hosts,
				.scrape_containers = containers};
	struct address address = {.fd = -1};
	struct secrets secrets = {0};
	struct rbce_error err = {0};
	int r = prepare(s, &server, &secrets, &address, &err);

	if (r == 0) {
		const struct http_options options = {
			.server = &server,
			.fd = address.fd,
			.certificate = secrets.certificate,
			.key = secrets.key,
			.patience = patience,
		};

		/* The server closes it. */
		address.fd = -1;
		r = serve(&options, address.shown, &err);
	}
	if (r < 0)
		log_error("%s", err.message);
	if (address.fd >= 0)
		close(address.fd);
	reader_free(server.reader);
	free_secrets(&secrets);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int check_settings(const struct settings *s, uint64_t *ret_containers, uint64_t *patience)
{
	*ret_containers = CONTAINERS_USUAL;
	if (!s->db)
		log_error("cannot serve: --db FILE is missing");
	else if (!s->certificate != !s->key)
		log_error("cannot serve: --tls-cert and --tls-key go together");
	else if (s->containers && rbce_parse_number(s->containers, 1, 1000000, ret_containers) < 0)
		log_error("cannot use --metrics-containers '%s': give a number from 1 to 1000000",
			  s->containers);
	else if (rbce_parse_duration(s->patience, patience) < 0 || *patience < 1000000 ||
		 *patience > UINT64_C(3600000000))
		log_error("cannot use --patience '%s': give a duration from 1s to 1h", s->patience);
	else
		return 0;
	return -EINVAL;
}

int command_serve(int argc, char **argv)
{
	struct settings s = {.listen = "127.0.0.1:8787", .patience = "30s"};
	const struct option_row options[] = {
		OPTION_TEXT("db", "FILE", "the database", &s.db),
		OPTION_TEXT("listen", "ADDRESS", "ADDRESS:PORT or unix:PATH (127.0.0.1:8787)",
			    &s.listen),
		OPTION_PARSED("host", "NAME", "it is called so, too; may be given again", add_host,
			      &s),
		OPTION_TEXT("user", "NAME", "who it becomes where it is root (nobody)", &s.user),
		OPTION_TEXT("tls-cert", "FILE", "its certificate, PEM", &s.certificate),
		OPTION_TEXT("tls-key", "FILE", "and the key of that", &s.key),
		OPTION_TEXT("token", "FILE", "who asks must know what is in it", &s.token),
		OPTION_TEXT("metrics-containers", "N", "so many at most in /metrics (1000)",
			    &s.containers),
		OPTION_TEXT("patience", "TIME", "who takes longer to ask or to read is ended (30s)",
			    &s.patience),
		{0},
	};
	const struct command_line line = {
		.usage = "serve --db FILE [--listen ADDRESS] [--host NAME]... [--user NAME]\n"
			 "       [--tls-cert FILE --tls-key FILE] [--token FILE] "
			 "[--metrics-containers N] [--patience TIME]",
		.about =
			"Shows the record in a browser, live, and gives it to programs as JSON and "
			"to Prometheus.",
		.more = "Beyond this machine it takes a certificate and a token. It only reads, as "
			"a user without rights.",
		.options = options,
	};
	int at = options_parse(&line, argc, argv);
	uint64_t containers, patience;

	if (at != argc) {
		log_error("cannot use '%s': serve takes options only", argv[at]);
		return EXIT_USAGE;
	}
	return check_settings(&s, &containers, &patience) < 0 ? EXIT_USAGE
							      : run(&s, containers, patience);
}
