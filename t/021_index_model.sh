#!/usr/bin/env bash
# The index's two protocols, checked exhaustively by spin: when memory is used again (index_epoch.pml), and that a look-up misses
# no chunk of its snapshot (index_catchup.pml).  With a step left out each check must find an error.
. "$(dirname "$0")/lib.sh"

if ! command -v spin >/dev/null; then
	echo "skip 021_index_model: spin is not installed"
	echo "1..0"
	exit 0
fi

# model NAME BREAK: prints "errors: N" and how far it got
model()
{
	local dir=$scratch/$1_$2
	mkdir -p "$dir"
	(cd "$dir" && spin -a -DBREAK="$2" "$top/t/$1.pml" >spin.log 2>&1 &&
		gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=3000 -o pan pan.c && timeout 300 ./pan -m200000 -w24) >"$dir/log" 2>&1 || true
	grep -qE 'errors: [0-9]' "$dir/log" || tail -n 5 "$dir/spin.log" "$dir/log" | sed 's/^/# /' >&2
	if grep -qE 'max search depth too small|memory limit|Search not completed' "$dir/log" && grep -q 'errors: 0' "$dir/log"; then
		echo "not exhaustive"
		return
	fi
	grep -oE 'errors: [0-9]+' "$dir/log" || echo "no result"
	grep -E 'states, stored' "$dir/log" | sed 's/^ */# /' >&2
}

for name in index_epoch index_catchup; do
	is "$(model $name 0)" "errors: 0" "$name: no interleaving breaks it"
	for broken in $(grep -oE 'BREAK=[0-9]+' "$top/t/$name.pml" | sort -u | cut -d= -f2); do
		is "$(model $name "$broken" 2>/dev/null)" "errors: 1" "$name: found out when step $broken is broken"
	done
done
done_testing
