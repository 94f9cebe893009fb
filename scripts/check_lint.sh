#!/usr/bin/env bash
#
# cppcheck and clang-tidy over src/ and simd/: "ok" and "not ok" lines as the other checks; findings in build/check/.  What is left out, and why, stands
# in .clang-tidy and scripts/cppcheck.supp.  Takes some ten minutes of processor time; not part of "make check".
#
# Environment: TESTS="file ..."  only these sources (as src/chunk/chunk_reader.c); PARTS="cppcheck tidy"  or one of them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
find_postgres
parts=${PARTS:-cppcheck tidy}
out=$build_dir/check
mkdir -p "$out"
cd "$top"

files=${TESTS:-$(printf '%s\n' src/*.c src/*/*.c simd/*.c)}
includes="-Isrc -Isimd -I$("$PG_CONFIG" --includedir-server)"
bad=0 n=0
say_result() { n=$((n + 1)); if [ "$1" = 0 ]; then say "ok - $2"; else bad=$((bad + 1)); say "not ok - $2"; fi; }

for part in $parts; do
	case $part in
		cppcheck)
			command -v cppcheck >/dev/null || { say "skip cppcheck: not installed"; continue; }
			status=0
			# (one configuration, as x86-64 with gcc has it; the compilers see the others)
			# shellcheck disable=SC2086
			cppcheck -q -j2 --max-configs=1 --enable=warning,performance,portability --std=c11 --error-exitcode=1 --inline-suppr \
				--suppress=missingIncludeSystem --suppressions-list=scripts/cppcheck.supp --library=std $includes -DUSE_ASSERT_CHECKING=1 \
				-D__GNUC__=12 -D__x86_64__ -D__SSE2__ -D__BYTE_ORDER__=1234 -D__ORDER_LITTLE_ENDIAN__=1234 -UWIN32 -U__cplusplus \
				--template='{file}:{line}: {severity} {id}: {message}' $files >"$out/cppcheck.log" 2>&1 || status=1
			say_result $status "cppcheck"
			sed 's/^/#   /' "$out/cppcheck.log" | head -n 60
			;;
		tidy)
			command -v clang-tidy >/dev/null || { say "skip clang-tidy: not installed"; continue; }
			for file in $files; do
				status=0
				# (with assertions: they tell clang-tidy what holds)
				# kernels are included by a file for each instruction set, with its flags
				flags=
				case $file in
					simd/kern_avx2.c) flags="-mavx2 -mbmi2 -mlzcnt" ;;
					simd/kern_avx512.c) flags="-mavx512f -mavx512bw -mavx512vl -mavx512dq -mbmi2 -mlzcnt" ;;
				esac
				# shellcheck disable=SC2046,SC2086
				clang-tidy --quiet "$file" -- -std=gnu99 $includes -DUSE_ASSERT_CHECKING $("$PG_CONFIG" --cppflags) -msse4.2 $flags >"$out/tidy.log" 2>/dev/null || status=1
				say_result $status "clang-tidy $file"
				[ $status = 0 ] || grep -E "(warning|error|note):" "$out/tidy.log" | head -n 40 | sed 's/^/#   /'
			done
			;;
	esac
done
say "1..$n"
[ $bad = 0 ]
