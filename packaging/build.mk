# SPDX-License-Identifier: GPL-2.0-or-later
# What goes where on a host, by `make install` and in packages.

HELD_APART := $(foreach d,$(APART),$B/bin/$(call program_name,$d))

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR)
	install -m 755 $B/bin/rbced $(DESTDIR)$(SBINDIR)
	install -m 755 $(filter-out %/rbced $(HELD_APART),$(PROGRAMS)) $(DESTDIR)$(BINDIR)
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/rbce $(HELD_APART)
	install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/rbce/rules.d rules/sets/default.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rbce/sets rules/sets/*.rules
	for unit in packaging/systemd/*.service packaging/systemd/*.socket; do \
		sed 's|/usr/local/sbin|$(SBINDIR)|; s|/usr/local/bin|$(BINDIR)|' $$unit >$(DESTDIR)$(UNITDIR)/$${unit##*/}; done
	install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/rbce packaging/stats.conf
	for d in dashboards provisioning/dashboards provisioning/datasources; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rbce/grafana/$$d stats/grafana/$$d/*; done
	install -d $(DESTDIR)$(COMPLETIONDIR)
	for p in rbced rbcectl containerstats ulimitx; do install -m 644 packaging/completion $(DESTDIR)$(COMPLETIONDIR)/$$p; done
	for m in man/*.[1-8]; do install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${m##*.} $$m; done

# Debian packages of the suite, in build-deb.
deb: deps
	@packaging/deb

# The parts of the manual that come from the tables that rules are read by.
manual: all
	@packaging/manual $B/bin/rbcectl man/rbce.rules.5

check-deb: deb
	lintian --info --fail-on error,warning --suppress-tags bad-distribution-in-changes-file build-deb/*.changes
.PHONY: check-deb
