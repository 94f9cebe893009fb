# The library and its SQL, by PGXS.  Used through the Makefile.

EXTENSION = tsdb_am
MODULE_big = tsdb_am
DATA = tsdb_am--1.0.sql tsdb_am--1.0--1.1.sql
PGFILEDESC = "tsdb_am - compressed time series in ordinary tables"

SIMD_OBJS := $(patsubst %.c,%.o,$(sort $(wildcard simd/*.c)))
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c))) $(SIMD_OBJS)

# byte planes, strings
SHLIB_LINK += -lzstd -llz4

PG_CPPFLAGS = -Isrc -Isimd
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter $(EXTRA_CFLAGS)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=tsdb_am
ISOLATION = $(sort $(patsubst specs/%.spec,%,$(wildcard specs/*.spec)))
ISOLATION_OPTS = --load-extension=tsdb_am

# no bitcode for JIT: it would need the very clang that built the server
override with_llvm := no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Any header may matter to any object: the tree is small, a full build takes seconds.
$(OBJS): $(sort $(wildcard src/*.h src/*/*.h simd/*.h)) module.mk simd/tiers.inc

# Codecs: vectorised loops, and no fused multiply-add, which would round differently per machine.
# Kernels: each instruction set's file, and no other, with its flags.
include simd/tiers.inc
SIMD_OPT ?= -O3
$(SIMD_OBJS): override CFLAGS += $(SIMD_OPT) -ffp-contract=off $(call tier_flags,$(@:simd/%.o=%))
