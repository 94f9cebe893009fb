# For check_core.sh: makes outputs of regression and isolation tests comparable.  Query plans become "(plan)", numbers
# in the names of TOAST relations "OID", values in columns named "ctid" "TID"; so those in the column that -v hide= names.

function flush_held() { if (holding) print held; holding = 0 }

# The line of a result with text in its hidden columns, if it has as many columns as the header.
function hide_columns(line, separator, text,   n, i, field, out)
{
	n = split(line, field, separator)
	if (n != ncolumns)
		return line
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? separator : "") (is_hidden[i] ? text : field[i])
	return out
}

# Is the line above this ruler a header with columns to hide?
function hides_columns(ruler,   i, any, field)
{
	ncolumns = split(held, field, "|")
	if (split(ruler, is_hidden, "+") != ncolumns)
		return 0
	for (i = 1; i <= ncolumns; i++)
	{
		gsub(/ /, "", field[i])
		is_hidden[i] = (field[i] == "ctid" || (hide != "" && field[i] == hide))
		any = any || is_hidden[i]
	}
	return any
}

{ gsub(/pg_toast_[0-9]+/, "pg_toast_OID") }
in_plan { if ($0 ~ /^\([0-9]+ rows?\)$/) { print "(plan)"; in_plan = 0 } next }
in_hidden { print hide_columns($0, "|", tid); if ($0 ~ /^\([0-9]+ rows?\)$/) in_hidden = 0; next }
holding && /^-+(\+-+)*$/ {
	if (held ~ /^ *(QUERY PLAN|explain_[a-z_]+) *$/)
	{
		holding = 0
		in_plan = 1
		next
	}
	if (hides_columns($0))
	{
		# psql puts spaces around values, the isolation tester does not
		tid = (held ~ /^ /) ? " TID " : "TID"
		held = hide_columns(held, "|", tid)
		$0 = hide_columns($0, "+", (held ~ /^ /) ? "-----" : "---")
		in_hidden = 1
	}
}
{ flush_held() }
in_hidden { print; next }
{ held = $0; holding = 1 }
END { flush_held() }
