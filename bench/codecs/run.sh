#!/usr/bin/env bash
#
# Codecs: bits and cycles a value per data set and instruction set, beside memcpy, zstd and LZ4.
# See bench/README.md.  Tables go to stdout, all figures to build/codecs.csv; if all data sets are
# measured, plots go to this folder (bits.svg, speed.svg).
#
# Environment: ROUNDS (15) of which the best counts; ONLY ("") data sets whose label contains it; CC (gcc) for
# the bench's own files; CODEC_CC for simd/ (default: as the extension is built); CSV, PLOTS: other places;
# UPDATE=1 puts the tables into bench/README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/../../scripts/install_deps.sh"
. "$here/../../scripts/lib.sh"
find_postgres

rounds=${ROUNDS:-15} only=${ONLY:-} cc=${CC:-gcc}
csv=${CSV:-$build_dir/codecs.csv} plots=${PLOTS:-$here}
flags=(-std=gnu11 -O2 -ffp-contract=off -Wall -Wextra)

# The very objects of the extension: simd/ as module.mk compiles it.
dir=$build_dir/codecs
mkdir -p "$dir/simd"
find "$dir/simd" -type f ! -name '*.o' -delete
(cd "$top" && cp -p --parents -t "$dir" module.mk $(find simd -maxdepth 1 -type f ! -name '*.o'))
objects=()
for source in "$top"/simd/*.c; do
	objects+=("simd/$(basename "$source" .c).o")
done
make -C "$dir" -f module.mk -s --no-print-directory -j2 ${CODEC_CC:+"CC=$CODEC_CC"} EXTRA_CFLAGS= "${objects[@]}" \
	>"$build_dir/codecs.log" 2>&1 || die "build failed: $build_dir/codecs.log"
"$cc" "${flags[@]}" -I"$top/simd" -I"$top/simd/bench" -o "$dir/bench_codecs" "$here"/{bench_codecs,data_set,coder_tsdb,coder_general}.c \
	"${objects[@]/#/$dir/}" -lzstd -llz4 -lm
"$cc" "${flags[@]}" -o "$dir/plot" "$here/plot.c" -lm
"$cc" "${flags[@]}" -o "$dir/gen_cpu" "$here/../gen_cpu.c" -lm

mkdir -p "$dir/made"
{ echo "time,host,usage_user"; "$dir/gen_cpu" cpu 10 86400 10 42 | cut -d, -f1-3; } > "$dir/made/cpu.csv"
{ echo "time,series,value"; "$dir/gen_cpu" metric 10 100000 10 42; } > "$dir/made/metric.csv"
{ echo "time,series,value"; "$dir/gen_cpu" decimal 10 100000 10 42; } > "$dir/made/decimal.csv"

# what goes into bench/README.md
{
	say "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $("${CODEC_CC:-gcc}" --version | head -n 1)," \
		"zstd $(dpkg-query -W -f '${Version}' libzstd-dev 2>/dev/null || true), lz4 $(dpkg-query -W -f '${Version}' liblz4-dev 2>/dev/null || true);" \
		"best of $rounds rounds."
	"$dir/bench_codecs" --rounds "$rounds" --only "$only" --csv "$csv" --details "$dir/details.md" "$top/data" "$dir/made"
} > "$dir/overview.md"
awk -f "$here/peers.awk" "$csv" "$here/peers.csv" > "$dir/peers.md"
say "### Codecs: bits a value, and cycles a value to decode and to encode"
say
cat "$dir/overview.md"
say "### Beside other systems' codecs"
say
cat "$dir/peers.md"
say
say "### All data sets"
say
cat "$dir/details.md"

[ -z "$only" ] || exit 0
"$dir/plot" bits "$csv" > "$plots/bits.svg"
"$dir/plot" speed "$csv" > "$plots/speed.svg"

# replace MARKER FILE: what stands in bench/README.md between <!-- MARKER --> and <!-- end -->
replace()
{
	awk -v marker="<!-- $1 -->" -v file="$2" '
		$0 == "<!-- end -->" { inside = 0 }
		!inside { print }
		$0 == marker { inside = 1; print ""; while ((getline line < file) > 0) print line; if (line != "") print "" }' \
		"$here/../README.md" > "$dir/README.md"
	cat "$dir/README.md" > "$here/../README.md"
}
if [ "${UPDATE:-0}" = 1 ]; then
	replace "bench-codecs: overview" "$dir/overview.md"
	replace "bench-codecs: peers" "$dir/peers.md"
fi
