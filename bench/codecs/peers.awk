# Prints our bits a value beside those of other systems' codecs on the same data sets.
#
#	awk -f peers.awk codecs.csv peers.csv
#
# codecs.csv is what bench_codecs wrote; peers.csv holds figures of codecs that were written anew from their
# published descriptions (see bench/README.md) and run once over the same files, in vectors of 1,024.

function cell(data_set, codec,    key)
{
	key = data_set SUBSEP codec
	if (!(key in bits))
		return "-"
	return sprintf(bits[key] < 10 ? "%.2f" : bits[key] < 100 ? "%.1f" : "%.0f", bits[key]) (note[key] != "" ? " (" note[key] ")" : "")
}

BEGIN { ncodecs = split("tsdb,tsdb cold,zstd-3 column,Gorilla,ALP,VictoriaMetrics-like", codecs, ",") }

# header lines
FNR == 1 { next }

# "data set",kind,real,chart,rows,nulls,coder,tier,piece_rows,bits,...; the last line of a coder is the best tier's
NR == FNR {
	match($0, /^"[^"]*",/)
	name = substr($0, 2, RLENGTH - 3)
	split(substr($0, RLENGTH + 1), f, ",")
	bits[name, f[6]] = f[9]
	next
}

{
	split($0, f, ",")
	if (!(f[1] in seen))
		names[++n] = f[1]
	seen[f[1]] = 1
	bits[f[1], f[2]] = f[3]
	note[f[1], f[2]] = f[4]
}

END {
	line = "| bits a value |"
	rule = "|---|"
	kinds = "| *kind of figure* |"
	for (k = 1; k <= ncodecs; k++) {
		line = line " " (codecs[k] == "zstd-3 column" ? "zstd-3, whole column" : codecs[k]) " |"
		rule = rule "---:|"
		kinds = kinds " " (k <= 2 ? "*ours, measured by this bench*" : k == 3 ? "*measured by this bench*" : "*re-implementation, same data*") " |"
	}
	print line "\n" rule "\n" kinds
	for (i = 1; i <= n; i++) {
		if (cell(names[i], "tsdb") == "-")
			continue
		line = "| " names[i] " |"
		for (k = 1; k <= ncodecs; k++)
			line = line " " cell(names[i], codecs[k]) " |"
		print line
	}
}
