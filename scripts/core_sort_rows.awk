# For check_core.sh, after core_normalise.awk: sorts the rows of each result whose query says nothing about their
# order.  Lines are neither dropped nor changed, nor do they leave their result.
#
# A result is psql's aligned table with its "(N rows)".  Its query is the statement that ends before it, at a
# line's end with ";" or "\g", or what the isolation tester printed behind the step's name.  What is not understood (other
# formats, values of several lines that don't add up to N rows, meta-commands) stays as it is, and so
# do results of FETCH and EXECUTE, whose query stands elsewhere.

function ends_statement(line) { return line ~ /(;|\\g) *(--.*)?(<waiting \.\.\.>)? *$/ }

# is this a line of output, or of another statement, above the one that we look for?
function is_border(line)
{
	return ends_statement(line) || line ~ /^(ERROR|NOTICE|WARNING|INFO|LOG|DETAIL|HINT|CONTEXT|LINE [0-9]+): / ||
		line ~ /^\(([0-9]+ rows?|plan)\)$/ || line ~ /^\\/
}

# ORDER BY in parentheses is a subquery's, an aggregate's or a window's.  In doubt, the order counts.
function says_order(query,   bare)
{
	query = tolower(query)
	bare = query
	gsub(/--[^\n]*/, "", bare)
	if (bare ~ /^[ \t\n]*(\(|(fetch|execute|show|explain)[^a-z_])/)
		return 1
	if (query !~ /order[ \t\n]+by/)
		return 0
	# what is a comment, what a string?
	if ((query ~ /--/ && query ~ /'/) || query ~ /\/\*/)
		return 1
	gsub(/'[^']*'/, "", bare)
	while (gsub(/\([^()]*\)/, " ", bare) > 0)
		;
	return bare ~ /[()]/ || bare ~ /order[ \t\n]+by/
}

# May the rows of the result under text[ntext], its header, be sorted?
function may_sort(   i, query)
{
	i = ntext - 1
	if (i > 0 && text[i] ~ /^step [^ ]+: <\.\.\. completed>$/)
	{
		query = step_query[substr(text[i], 6, index(text[i], ":") - 6)]
		return query != "" && !says_order(query)
	}
	while (i > 0 && text[i] ~ /^(NOTICE|WARNING|INFO|DETAIL|HINT|[^ ]+: NOTICE):  /)
		i--
	if (i == 0 || !ends_statement(text[i]))
		return 0
	query = text[i--]
	# the first line of a step is never above its text
	for (; query !~ /^step [^ ]+: / && i > 0 && !is_border(text[i]); i--)
	{
		if (text[i] !~ /^[ \t]*--/)
			query = text[i] "\n" query
	}
	sub(/^step [^ ]+: /, "", query)
	return !says_order(query)
}

# Is the line, of a result with the ruler given, continued in the next?
function is_continued(line,   i, end)
{
	if (isolation)
		return 0
	end = 1
	for (i = 1; i <= ncolumns; i++)
	{
		end += width[i]
		if (substr(line, end - 1, 1) == "+" && (i == ncolumns ? length(line) == end - 1 : substr(line, end, 1) == "|"))
			return 1
		end++
	}
	return 0
}

# Prints the lines gathered since the ruler; sorted, if they are the nrows rows of a result.
function flush_rows(nrows,   i, j, n, row, tmp, open)
{
	n = 0
	open = 0
	if (sortable && nrows > 0)
	{
		for (i = 1; i <= nlines; i++)
		{
			if (open)
				row[n] = row[n] "\n" lines[i]
			else
				row[++n] = lines[i]
			open = is_continued(lines[i])
		}
	}
	if (n > 0 && n == nrows && !open)
	{
		sort(row, 1, n)
		for (i = 1; i <= n; i++)
			print row[i]
	}
	else
		for (i = 1; i <= nlines; i++)
			print lines[i]
	nlines = 0
	in_result = 0
}

# merge sort, by bytes: "x" makes it strings
function sort(a, from, to,   mid, i, j, k, b)
{
	if (from >= to)
		return
	mid = int((from + to) / 2)
	sort(a, from, mid)
	sort(a, mid + 1, to)
	i = from
	j = mid + 1
	for (k = from; k <= to; k++)
		b[k] = (j > to || (i <= mid && ("x" a[i]) <= ("x" a[j]))) ? a[i++] : a[j++]
	for (k = from; k <= to; k++)
		a[k] = b[k]
}

function remember(line)
{
	text[++ntext] = line
	if (line ~ /^step [^ ]+: / && line !~ /<\.\.\. completed>$/)
	{
		step_name = substr(line, 6, index(line, ":") - 6)
		step_query[step_name] = ""
		in_step = 1
	}
	if (in_step)
	{
		step_query[step_name] = step_query[step_name] line "\n"
		if (ends_statement(line))
		{
			sub(/^step [^ ]+: /, "", step_query[step_name])
			in_step = 0
		}
	}
}

# Of psql, shorter ones are comments more often.  The isolation tester puts no spaces around values.
function is_ruler(line) { return isolation ? line ~ /^-+(\+-+)*$/ : line ~ /^--(-+|-*(\+-+)+)$/ }
function is_header(line) { return isolation || line ~ /^ / }

/^Parsed test spec with / { isolation = 1 }
is_ruler($0) && in_result && nlines > 0 && is_header(lines[nlines]) {
	# the lines before belong to no result that we know; the last is the header of this one
	for (i = 1; i <= nlines; i++)
		remember(lines[i])
	flush_rows(0)
}
is_ruler($0) && !in_result && ntext > 0 && is_header(text[ntext]) {
	ncolumns = split($0, parts, "+")
	for (i = 1; i <= ncolumns; i++)
		width[i] = length(parts[i])
	sortable = may_sort()
	in_result = 1
	nlines = 0
	print
	next
}
in_result && /^\([0-9]+ rows?\)$/ {
	n = $1
	sub(/\(/, "", n)
	flush_rows(n + 0)
	ntext = 0
	print
	next
}
in_result { lines[++nlines] = $0; next }
{ remember($0); print }
END { flush_rows(0) }
