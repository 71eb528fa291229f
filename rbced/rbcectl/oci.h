/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bundles of the OCI runtime specification. */
#ifndef RBCECTL_OCI_H
#define RBCECTL_OCI_H

#include "space.h"

struct oci_bundle {
	char *path;                 /* absolute */
	struct json_object *config; /* strings of the order point into it */
};

/* Fills ORDER from the bundle's config.json; what is not supported is an error with its name. */
int oci_read(struct space_order *order, struct oci_bundle *bundle, struct rbce_error *err);

/*
 * The keeper's: serves start, state, kill and delete of a container whose program waits, until it
 * was deleted; tells LINK when all is ready.
 */
int oci_serve(const struct space_order *order, struct rbce_started *started, int link,
	      struct rbce_error *err);

/* Asks the keeper of a container; the reply is the caller's. */
int oci_ask(const char *root, const char *name, struct json_object *request,
	    struct json_object **ret, struct rbce_error *err);

#endif
