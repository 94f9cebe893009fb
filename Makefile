# tsdb_am: compressed time series as ordinary PostgreSQL tables.
#
#	make demo		installs what is missing, builds, shows the extension on real data
#	make check		the same set-up, then every test
#
#	make			builds the library (needs postgresql-server-dev-15)
#	make install	puts it into the server that PG_CONFIG names
#	make installcheck	SQL and isolation tests against an installed, running, preloaded server
#
# Parts of check, each with TESTS="name ..." to pick some:
#	make check-build check-simd check-sql check-isolation check-t check-core check-versions
# Not parts of check, since they take long (see t/README.md):
#	make check-sanitize	SQL, isolation and t/ with address and undefined-behaviour sanitizers
#	make check-cassert	SQL and isolation tests on a PostgreSQL built with assertions
#	make lint		cppcheck and clang-tidy
#	make bench		figures; see bench/README.md
#	make bench-codecs	bits and cycles a value of the codecs
#	make indent		pg_bsd_indent over the sources, if it is installed
#
# What is handed to PGXS stands in module.mk: PGXS has a target "check" of its own, and demo and
# check must run on a machine that lacks PGXS, because they install it.

PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
export PG_CONFIG

BUILD_TARGETS = all install uninstall installdirs installcheck clean
SCRIPT_TARGETS = demo check check-build check-simd check-sql check-isolation check-t check-core check-versions check-sanitize check-cassert lint bench bench-codecs
.PHONY: $(BUILD_TARGETS) $(SCRIPT_TARGETS) indent distclean

all:

$(BUILD_TARGETS):
	@$(PG_CONFIG) --pgxs >/dev/null 2>&1 && test -e "`$(PG_CONFIG) --pgxs`" || { \
		echo "PostgreSQL's build files are missing (Debian package postgresql-server-dev-15):"; \
		echo "run 'bash scripts/install_deps.sh' as root, or set PG_CONFIG."; exit 1; }
	@$(MAKE) --no-print-directory -f module.mk $@

# the scripts run make themselves; this one's flags are not meant for those
SCRIPT = +@MAKEFLAGS= MFLAGS= MAKELEVEL= TESTS="$(TESTS)" bash
demo:
	$(SCRIPT) scripts/demo.sh
check:
	$(SCRIPT) scripts/check.sh all
check-build check-simd check-sql check-isolation check-t check-core check-versions check-sanitize:
	$(SCRIPT) scripts/check.sh $(@:check-%=%)
check-cassert:
	$(SCRIPT) scripts/check_cassert.sh
lint:
	$(SCRIPT) scripts/check_lint.sh
bench:
	$(SCRIPT) bench/run.sh
bench-codecs:
	$(SCRIPT) bench/codecs/run.sh

indent:
	@command -v pg_bsd_indent >/dev/null || { echo "pg_bsd_indent is not installed"; exit 1; }
	pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l110 -lp -lpl -nip -npro -sac -tpg -ts4 \
		$(wildcard src/*.[ch] src/*/*.[ch] simd/*.[ch])
	rm -f *.BAK

distclean: clean
	rm -rf build
