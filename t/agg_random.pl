#!/usr/bin/perl
# Makes random aggregate queries, changes and moves, as a psql script: agg_random.pl SEED QUERIES SECONDS AM.  023_agg_random.sh runs it.
#
# The script brings functions of its own: "same" runs a query on schema h (heap) and on schema c (the access method AM), there with a random
# choice of settings, and prints a line that begins with DIFFERENT unless the rows are the same, but for floats that differ by less than 1e-9 of their size.
# Keys are such that equal values look the same, as which of them stands for a
# group is not promised.  Of errors only their being there is compared.
use strict;
use warnings;

my ($seed, $queries, $seconds, $am) = @ARGV;
srand($seed);

sub rnd { return int(rand($_[0])) }
sub chance { return rand() < $_[0] }
sub pick { return $_[rnd(scalar @_)] }
sub quote { my ($s) = @_; $s =~ s/'/''/g; return "'$s'"; }

# name => [type, expression of g]
my %columns = (
	id => [ 'int', 'g' ],
	host => [ 'text COLLATE "C"', q{CASE WHEN g % 61 <> 0 THEN 'h' || g % 13 END} ],
	b => [ 'bool', q{CASE g % 7 WHEN 0 THEN NULL WHEN 1 THEN false ELSE g % 3 = 0 END} ],
	i2 => [ 'int2', q{CASE WHEN g % 19 <> 0 THEN (g * 7919) % 300 - 150 END} ],
	i4 => [ 'int4', q{CASE WHEN g % 5 <> 0 THEN CASE g % 1009 WHEN 1 THEN 2147483647 WHEN 2 THEN -2147483648 ELSE (g::bigint * 7907) % 41 - 20 END END} ],
	i8 => [ 'int8', q{CASE g % 997 WHEN 1 THEN 9223372036854775807 WHEN 2 THEN -9223372036854775808 WHEN 3 THEN NULL ELSE g::bigint * 1000003 END} ],
	f4 => [ 'float4', q{CASE g % 53 WHEN 5 THEN NULL ELSE (g * 31 % 200)::float4 / 8 - 5 END} ],
	f8 => [ 'float8', q{CASE g % 59 WHEN 5 THEN NULL ELSE (g * 37 % 1000) / 8.0 - 20 END} ],
	fx => [ 'float8', q{CASE g % 59 WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN 'Infinity' WHEN 5 THEN NULL ELSE (g * 37 % 1000) / 8.0 END} ],
	nu => [ 'numeric', q{CASE g % 43 WHEN 1 THEN 'NaN' WHEN 2 THEN NULL ELSE (g * 41 % 700) / 10.0 END} ],
	tx => [ 'text COLLATE "en-x-icu"', q{CASE WHEN g % 11 <> 3 THEN (ARRAY['Straße', 'apple', 'Apple', '', 'Zebra', 'äb', 'b%'])[1 + (g * 13) % 7] END} ],
	tc => [ 'text COLLATE "C"', q{CASE WHEN g % 17 <> 3 THEN 'long common prefix ' || md5((g / 3)::text) END} ],
	vc => [ 'varchar(10)', q{CASE WHEN g % 23 <> 3 THEN 'v' || g % 400 END} ],
	bc => [ 'char(5)', q{CASE WHEN g % 29 <> 3 THEN 'p' || g % 9 END} ],
	oi => [ 'oid', q{CASE WHEN g % 31 <> 3 THEN CASE g % 3 WHEN 0 THEN 4294967295 - g % 9 ELSE g % 40 END END::oid} ],
	da => [ 'date', q{CASE g % 71 WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN NULL ELSE date '1999-11-01' + g % 300 END} ],
	ts => [ 'timestamp', q{CASE g % 73 WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN NULL ELSE timestamp '1999-12-20' + g * interval '7 min' END} ],
	t => [ 'timestamptz', q{timestamptz '2026-03-27' + g * interval '2 min'} ],
	tm => [ 'time', q{CASE WHEN g % 37 <> 3 THEN time '00:00' + g * interval '97 s' END} ],
	iv => [ 'interval', q{CASE WHEN g % 41 <> 3 THEN (ARRAY['1 day', '3 hours', '1 mon', '-1 s'])[1 + g % 4]::interval END} ],
	uu => [ 'uuid', q{CASE WHEN g % 47 <> 3 THEN md5((g % 500)::text)::uuid END} ],
	ar => [ 'int[]', q{CASE WHEN g % 59 <> 9 THEN ARRAY[g % 3, nullif(g % 4, 0)] END} ],
	late => [ 'int', q{g % 10} ],
	lt => [ 'text', q{'t' || g % 4} ],
	lz => [ 'timestamptz', q{timestamptz '2026-01-01' + g % 50 * interval '1 day'} ],
);
my %late = (late => 'DEFAULT 7', lt => q{DEFAULT 'default'}, lz => q{DEFAULT 'infinity'});
my @names = sort keys %columns;
my @first = grep { !$late{$_} } @names;
my @ints = qw(id i2 i4 i8 late);
my @numbers = (@ints, qw(f4 f8 nu));

#--------------------------------------------------------------------- expressions

sub condition
{
	my ($depth) = @_;
	if ($depth > 0 && chance(0.5))
	{
		return 'NOT (' . condition($depth - 1) . ')' if chance(0.15);
		return '(' . join(pick(' AND ', ' OR '), map { condition($depth - 1) } 0 .. 1) . ')';
	}
	return pick('id ' . pick('<', '>=') . ' ' . rnd(7000), 'id BETWEEN ' . rnd(4000) . ' AND ' . (1000 + rnd(6000)), 'id % ' . (2 + rnd(9)) . ' = 1', "host " . pick('=', '<', '>=', '<>') . " 'h" . rnd(14) . "'", "host IN ('h1', 'h" . rnd(14) . "')", pick('b', 'NOT b', 'b IS TRUE', 'b IS NOT TRUE'),
		'i4 ' . pick('<', '>', '=') . ' ' . (rnd(40) - 20), 'f8 ' . pick('<', '>') . ' ' . rnd(90), 'fx > ' . rnd(90), "t >= timestamptz '2026-03-27' + interval '2 min' * " . rnd(7000), "t < timestamptz '2026-03-27' + interval '2 min' * " . rnd(7000), pick(@names) . ' IS ' . pick('', 'NOT ') . 'NULL', "tx LIKE 'A%'", 'late = ' . rnd(10), 'i2 < f4', 'i8 > 4000000000', 'lz < ts', 'i4 = late',
		'id < (SELECT max(lo) FROM k)', 'i4 IN (SELECT n FROM k)', pick('pg_backend_pid() > 0', 'now() > \'2000-01-01\'', '(SELECT count(*) FROM k) > 3', 'pg_backend_pid() < 0'), 'length(tx) > 3', 'date_trunc(\'day\', t) < \'2026-03-31\'', 'hashtext(host) > 0');
}

# Of a number, mostly without an error.
sub number
{
	my ($depth) = @_;
	my $name = pick((grep { $_ ne 'i8' } @numbers), 'i8 % 1000');
	return $name if $depth == 0 || chance(0.5);
	my $x = number($depth - 1);
	my $y = chance(0.5) ? number($depth - 1) : pick(1, 2, 3, 7, '2.0', '0.5::float8', '3::int8');
	return pick("($x + $y)", "($x - $y)", "($x * " . pick(2, 3, '0.5::float8', 'i2') . ')', "($x / " . pick(2, 4, '8::float8', 'nullif(i2, 0)') . ')', "(- $x)", "abs($x)", "$x\::float8", "coalesce($x, 0)", "CASE WHEN b THEN $x ELSE $y END", "nullif($x, 3)", "greatest($x, $y)", 'length(tx)', 'hashtext(tx)', 'hashint4(id)', 'b::int', 'extract(hour FROM t)::int', 'ar[1]');
}

# A sum that hardly depends on the order of rows: float4 adds up as float4, in which decimals are not exact.
sub exact_sum
{
	my ($n) = @_;
	$n = "($n)::float8" if $n =~ /\bf4\b/;
	return "sum($n)::text::float8";
}

sub aggregate
{
	my $a = pick('count(*)', 'count(*)', 'count(' . pick(@names) . ')', 'sum(' . pick(@ints) . ')', 'sum(' . pick(qw(f8 nu iv)) . ')', 'sum(f4)::float8', 'avg(' . pick(@numbers, 'iv', 'fx') . ')', 'min(' . pick(grep { !/^(b|uu|tx)$/ } @names) . ')', 'max(' . pick(grep { !/^(b|uu|tx)$/ } @names) . ')', pick('min', 'max') . '(tx)', exact_sum(number(2)), 'avg(' . number(1) . ')::text::float8', pick('min', 'max') . '(' . number(2) . ')', 'round(' . pick('variance', 'stddev', 'var_pop', 'stddev_pop') . '(' . pick(qw(i2 id late f4 f8)) . ')::numeric, 6)', 'sum(fx)',
		pick('bool_and(b)', 'bool_or(b)', 'every(i4 > -10)'), pick('bit_and(i2)', 'bit_or(i4)', 'bit_xor(id)'), '(SELECT array_agg(x ORDER BY x) FROM unnest(array_agg(' . pick(qw(i4 id tc)) . ')) x)', "length(string_agg(tx, ','))", 'json_array_length(json_agg(i4))', 'u_sum(' . pick(qw(i2 i4 id)) . ')', 'u_max(' . pick(qw(tc host)) . ')', 'u_count(tx)', 'first(' . pick(@names) . ', id)', 'last(' . pick(@names) . ', t)', 'count(DISTINCT ' . pick(qw(host i4)) . ')', 'regr_count(i2, f8)', 'max(tx COLLATE "C")', 'min(date_trunc(\'hour\', t))', 'sum(1 / (id - ' . rnd(9000) . '))', map { own() } 1 .. 6);
	$a =~ s/\)(::float8)?$/") FILTER (WHERE " . condition(1) . ")" . ($1 \/\/ "")/e if $a !~ /SELECT|^length|^json|::text|^round|^approx_perc|^num_/ && chance(0.2);
	return $a;
}

# This extension's: results are the same whatever the order of rows is.
sub own
{
	my $n = pick(grep { $_ ne 'nu' } @numbers);
	return pick("histogram($n, " . pick(-100, -20, 0) . ', ' . pick(1, 30, 1000) . ', ' . pick(1, 5, 40, 300) . ')', "histogram(fx, 0, 100, 9)", pick('delta', 'increase', 'rate', 'irate') . "($n, " . pick('t', 't', 'lz') . ')', "counter_agg(t, $n)::text", "num_resets(counter_agg(lz, $n))", "time_weight('" . pick('LOCF', 'linear') . "', t, " . pick('f8', 'i2', 'id') . ')::text', 'lttb(t, ' . pick('f8', 'id') . ', ' . (2 + rnd(20)) . ')', 'candlestick_agg(t, ' . pick('f8', 'i2', 'id') . ', ' . pick('id', 'i2', 'NULL', '1') . ')::text', pick('percentile_agg', 'uddsketch(' . (4 + rnd(300)) . ', 0.0' . (1 + rnd(9)) . ',') =~ s/,\z/, /r =~ s/agg\z/agg(/r . pick('f8', 'i2', 'id') . ')::text',
		"approx_percentile(0." . rnd(10) . ", percentile_agg(" . pick('fx', 'i8', 'f4') . '))', 'approx_count_distinct(' . pick(@names) . ')::text', 'hyperloglog(' . (16 + rnd(2000)) . ', ' . pick(@names) . ')::text', 'num_vals(percentile_agg(fx))');
}

sub key
{
	return pick('host', 'host', 'host', 'b', 'i2', 'i4', 'id', 'id / ' . (2 + rnd(99)), 'id % ' . (2 + rnd(50)), 'late', 'lt', 'tx', 'tc', 'vc', 'bc', 'oi', 'da', 'ts', 't', 'tm', 'uu', 'ar', 'f8', 'f4', 'i8', 'lz', 'i4 > 0', 'upper(tx)', 'left(tc, 21)', 'host || lt', 'hashtext(host)', 'CASE WHEN b THEN host END', 'CASE WHEN b THEN hashtext(host) ELSE i4 END', 'coalesce(i4, late)', 'i4 + 0', 'i2 * 2', 'f8 / 4', 'host IS NULL', 'ROW(b, late)', 'abs(i2)', "'one'::text",
		map { "date_trunc('" . pick(qw(minute hour day week month quarter year)) . "', " . pick(qw(t t ts da lz)) . ')' } (1) x 6, map { 'extract(' . pick(qw(hour dow doy week month isodow minute)) . ' FROM ' . pick(qw(t ts)) . ')' } (1) x 3, "time_bucket('" . pick('5 minutes', '1 hour', '1 day', '2 weeks', '1 month') . "', " . pick(qw(t ts)) . ')', "date_bin('" . pick('17 minutes', '1 day') . "', t, '2001-01-01')", 't::date', "date_trunc('day', t, '" . pick('Asia/Kolkata', 'America/New_York') . "')", "date_trunc('hour', t AT TIME ZONE 'Europe/London')", 'time_bucket(' . (1 + rnd(500)) . ', id)', "date_trunc('hour', t) + interval '1 day'");
}

sub query
{
	my $from = pick('a', 'a', 'a', 'a', 'p', 'p', 'i', 'v');
	my $where = chance(0.6) ? ' WHERE ' . condition(pick(0, 1, 2)) : '';
	my @keys = map { key() } 1 .. pick(0, 1, 1, 1, 2, 2, 3, 5);
	my @aggs = map { aggregate() } 1 .. pick(1, 1, 2, 3, 6);
	@aggs = () if @keys && chance(0.08);
	my $group = @keys ? ' GROUP BY ' . join(', ', @keys) : '';
	my $having = @aggs && chance(0.15) ? ' HAVING ' . pick('count(*) > ' . rnd(20), 'sum(i2) > 0', 'max(id) < ' . rnd(7000), 'min(tc) IS NOT NULL AND count(b) > 2') : '';
	my @out = (@keys, @aggs);
	push @out, pick('1 + count(*)', 'sum(id) / count(*)', 'max(i2) - min(i2)') if chance(0.2);
	@out = map { "$out[$_] AS c$_" } 0 .. $#out;
	my $text = 'SELECT ' . (@out ? join(', ', @out) : '1 AS c0') . " FROM $from$where$group$having";
	my $n = rnd(100);
	return "SELECT n, x.* FROM k, LATERAL (" . ($text =~ s/ FROM (a|p|i|v)( WHERE )?/" FROM $1 WHERE " . pick('host = k.host', 'id > k.lo', 'late < k.n', 'k.n > 3') . ($2 ? ' AND ' : '')/er) . ') x WHERE n < 5' if $n < 8;
	return "SELECT n, (SELECT " . pick('sum(i2 + k.n)', 'count(*)', 'max(host || k.host)', 'sum(f8 * k.n)', 'count(*) FILTER (WHERE id > k.lo)') . " FROM $from WHERE " . pick('host = k.host', 'id > k.lo AND id < k.lo + 900', 'k.n > 4') . ') AS s FROM k' if $n < 14;
	return 'SELECT count(*), sum(hashtextextended(q.*::text, 0)::numeric) FROM (SELECT ' . join(', ', @keys, pick('count(*)', 'sum(id), max(tc)', 'min(i2), count(f8)', 'max(t), bool_or(b)')) . " FROM $from$where$group) q" if $n < 24;
	return "WITH q AS MATERIALIZED ($text) SELECT * FROM q UNION ALL SELECT * FROM q" if $n < 27;
	return "SELECT DISTINCT * FROM ($text) q" if $n < 30;
	return "SELECT * FROM ($text) q WHERE c0::text > '3'" if $n < 33;
	# aggregated below a join, where that is possible
	if ($n < 55)
	{
		my $join = pick('JOIN', 'JOIN', 'LEFT JOIN') . ' (SELECT host AS kh, n AS kn, lo AS kl FROM k) kk ON ' . pick('kh = host', 'kh = host', 'kn = late', 'kn = i8', 'kn = nu', 'kn = i2 AND kh = host', 'kn > late');
		$text =~ s/ FROM (a|p|i|v)\b/ FROM $1 $join/;
		$text =~ s/ GROUP BY / GROUP BY kn, / if chance(0.7);
	}
	return $text;
}

sub prepared
{
	my ($text, $type, @values) = @{pick(
		[ 'SELECT host, sum(i2 + $1) AS s FROM a WHERE id > $1 GROUP BY host', 'int', 3, 'NULL', 4000 ], [ 'SELECT count(*) AS n, sum(i4) FILTER (WHERE host > $1) AS s FROM {t}', 'text', "'h5'", 'NULL', "''" ],
		[ 'SELECT date_trunc($1, t) AS d, count(*) AS n FROM {t} GROUP BY 1', 'text', "'hour'", "'day'", "'week'" ], [ 'SELECT late + $1 AS l, avg(f8) AS f FROM {t} GROUP BY 1', 'int', 1, 'NULL', 2 ], [ 'SELECT sum(id) AS s, count(*) AS n FROM {t} WHERE $1', 'bool', 'true', 'NULL', 'false' ],
		[ 'SELECT host, max(tc || $1) AS m FROM {t} GROUP BY host', 'text', "'x'", 'NULL', "'y'" ], [ 'SELECT lt, count(*) AS n FROM {t} GROUP BY lt HAVING count(*) > $1', 'int', 10, 500, 'NULL' ], [ 'SELECT time_bucket($1, t) AS b, sum(id) AS s FROM {t} GROUP BY 1', 'interval', "'1 h'", "'1 day'", "'1 month'" ])};
	$text =~ s/\{t\}/pick('a', 'p', 'i')/e;
	return ($text, $type, "ARRAY[" . join(', ', map { quote($_) } @values) . ']');
}

#--------------------------------------------------------------------- steps

my $next = 1;

sub insert_rows
{
	my ($n, $direct, @tables) = @_;
	my ($from, $to) = ($next, $next + $n - 1);
	$next = $to + 1;
	my @cols = $next > 3500 ? @names : @first;
	@tables = ('a', 'p', 'i', 'i1') if !@tables;
	return map { "SET tsdb_am.direct_load_rows = $direct;\nSELECT on_both(" . quote("INSERT INTO $_ (" . join(', ', @cols) . ') SELECT ' . join(', ', map { $columns{$_}[1] } @cols) . " FROM generate_series($from, $to) g") . ");\n" } @tables;
}

sub step
{
	my $table = pick('a', 'p1', 'p2', 'i', 'i1');
	my $both = pick('a', 'p', 'i');
	my $from = rnd($next);
	my $to = $from + pick(1, 10, 100, 1100);
	return pick("SELECT on_both('DELETE FROM $both WHERE id BETWEEN $from AND $to');\n", "SELECT on_both('DELETE FROM $both WHERE id % 101 = " . rnd(101) . "');\n",
		"SELECT on_both('UPDATE $both SET i4 = late + 1, tx = ''up'' || id % 3, late = late + 1 WHERE id BETWEEN $from AND $to AND id % 3 = 0');\n",
		"SELECT move('compress', '$table');\n", "SELECT move('compress', '$table');\n", "SELECT move('recompress', '$table');\n", "SELECT move('decompress', '$table');\n", "VACUUM c.$table;\n", "ANALYZE c.$table;\n", join('', insert_rows(pick(20, 200), 0)), join('', insert_rows(pick(200, 1200), 1)));
}

#--------------------------------------------------------------------- the script

my $definition = join(', ', map { "$_ $columns{$_}[0]" . ($_ eq 't' ? ' NOT NULL' : '') } @first);
my $mixed = join(', ', map { "$_ $columns{$_}[0]" . ($_ eq 't' ? ' NOT NULL' : '') } reverse @first);
my $tables = quote("CREATE TABLE a (gone int, $definition); CREATE TABLE p ($definition) PARTITION BY RANGE (t);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2026-03-29'); CREATE TABLE p2 (gone int, $mixed);
	ALTER TABLE p2 DROP COLUMN gone; ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2026-03-29') TO ('2026-04-02');
	CREATE TABLE p3 PARTITION OF p DEFAULT USING heap; CREATE TABLE i ($definition); CREATE TABLE i1 (extra int) INHERITS (i); CREATE TABLE i2 () INHERITS (i)" . pick('', ' USING heap') . ";
	CREATE TABLE k (n int, host text COLLATE \"C\", t timestamptz, lo int); INSERT INTO k SELECT g, nullif('h' || g, 'h4'), timestamptz '2026-03-27' + g * interval '5 h', g * 300 FROM generate_series(0, 11) g");
my $movers = $am eq 'heap' ? '' : "EXECUTE format('SELECT tsdb.%s(%L)', what, 'c.' || rel);";
# heap alone does without the extension's functions
sub plain
{
	my ($text) = @_;
	return $text if $am ne 'heap';
	$text =~ s/time_bucket\((?='|\$)/date_bin(/g;
	$text =~ s/(date_bin\((?:'[^']*'|\$1), \w+)\)/$1, '2000-01-01')/g;
	$text =~ s/time_bucket\((\d+), id\)/id \/ $1/g;
	$text =~ s/\b(?:first|last)\((\w+), \w+\)/count($1)/g;
	return $text;
}

print <<"SQL";
SET jit = off;
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
SET extra_float_digits = 0;
CREATE SCHEMA h; CREATE SCHEMA c;
CREATE SEQUENCE ran; CREATE SEQUENCE errors; CREATE SEQUENCE used; CREATE SEQUENCE shared;
CREATE AGGREGATE u_sum(int8) (sfunc = int8pl, stype = int8);
CREATE FUNCTION u_max_step(text, text) RETURNS text LANGUAGE plpgsql STRICT IMMUTABLE AS 'BEGIN RETURN greatest(\$1 COLLATE "C", \$2 COLLATE "C"); END';
CREATE AGGREGATE u_max(text) (sfunc = u_max_step, stype = text);
CREATE FUNCTION u_count_step(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(\$1, 0) + CASE WHEN \$2 IS NULL THEN 1 ELSE 1000 END';
CREATE AGGREGATE u_count(text) (sfunc = u_count_step, stype = int);
CREATE FUNCTION on_both(statement text) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM set_config('search_path', 'h, public', true), set_config('default_table_access_method', 'heap', true);
	EXECUTE statement;
	PERFORM set_config('search_path', 'c, public', true), set_config('default_table_access_method', '$am', true);
	EXECUTE statement;
END \$\$;
CREATE FUNCTION move(what text, rel text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN $movers END \$\$;
CREATE FUNCTION answer(side text, query text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' ORDER BY q.*::text COLLATE "C"), '''') FROM (%s) q', query) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	PERFORM nextval('errors');
	RETURN CASE WHEN SQLSTATE LIKE 'XX%' THEN 'error ' || SQLSTATE || SQLERRM ELSE 'error' END;
END \$\$;
-- Are two texts the same, but for the last digits of floats?
CREATE FUNCTION near(a text, b text) RETURNS boolean LANGUAGE plpgsql AS \$\$
DECLARE x text[] := regexp_split_to_array(a, '[ ,(){}"]+'); y text[] := regexp_split_to_array(b, '[ ,(){}"]+');
BEGIN
	IF cardinality(x) IS DISTINCT FROM cardinality(y) THEN
		RETURN false;
	END IF;
	FOR i IN 1 .. cardinality(x) LOOP
		IF x[i] IS DISTINCT FROM y[i] AND (x[i] !~ '^-?[0-9]+([.][0-9]+)?(e[-+][0-9]+)?\$' OR y[i] !~ '^-?[0-9]+([.][0-9]+)?(e[-+][0-9]+)?\$' OR
			(x[i] || y[i]) !~ '[.e]' AND replace(x[i], '-0', '0') <> replace(y[i], '-0', '0') OR abs(x[i]::numeric - y[i]::numeric) > 1e-9 * greatest(abs(x[i]::numeric), abs(y[i]::numeric))) THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END \$\$;
-- The first field that differs, with what stands before and behind it
CREATE FUNCTION first_difference(wanted text, got text, OUT w text, OUT g text) LANGUAGE plpgsql AS \$\$
DECLARE at int := 0; step int := greatest(length(wanted), length(got));
BEGIN
	WHILE step > 0 LOOP
		IF left(wanted, at + step) = left(got, at + step) AND at + step <= least(length(wanted), length(got)) THEN
			at := at + step;
		ELSE
			step := step / 2;
		END IF;
	END LOOP;
	w := substr(wanted, greatest(1, at - 150), 300);
	g := substr(got, greatest(1, at - 150), 300);
END \$\$;
CREATE FUNCTION same(query text, settings text[]) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
DECLARE wanted text; got text; setting text; line text; appended boolean := false;
BEGIN
	IF clock_timestamp() > current_setting('agg.until')::timestamptz THEN
		RETURN;
	END IF;
	PERFORM nextval('ran');
	FOREACH setting IN ARRAY settings LOOP
		PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true) WHERE setting LIKE 'timezone%';
	END LOOP;
	wanted := answer('h', query);
	FOREACH setting IN ARRAY settings LOOP
		PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
	END LOOP;
	got := answer('c', query);
	IF got <> wanted AND NOT near(wanted, got) THEN
		RETURN NEXT format('DIFFERENT (%s): %s; first at heap: %s; tsdb: %s', array_to_string(settings, ', '), query, w, g)
			FROM first_difference(wanted, got);
	END IF;
	BEGIN
		FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
			appended := appended OR line LIKE '%Parallel Append%';
			IF line LIKE '%TsdbAgg%' THEN
				PERFORM nextval('used'), CASE WHEN appended THEN nextval('shared') END;
				EXIT;
			END IF;
		END LOOP;
	EXCEPTION WHEN OTHERS THEN NULL;
	END;
END \$\$;
CREATE FUNCTION same_prepared(query text, type text, arguments text[], mode text) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
DECLARE results text[] := '{}'; side text; one text; v text;
BEGIN
	IF clock_timestamp() > current_setting('agg.until')::timestamptz THEN
		RETURN;
	END IF;
	PERFORM nextval('ran');
	PERFORM set_config('plan_cache_mode', mode, true), set_config('cpu_operator_cost', '1', true), set_config('cpu_tuple_cost', '10', true);
	FOREACH side IN ARRAY ARRAY['h', 'c'] LOOP
		PERFORM set_config('search_path', side || ', public', true);
		EXECUTE format('PREPARE p (%s) AS SELECT count(*) || coalesce(string_agg(q.*::text, '' '' ORDER BY q.*::text COLLATE "C"), '''') FROM (%s) q', type, query);
		FOREACH v IN ARRAY arguments || arguments[1] LOOP
			BEGIN
				EXECUTE format('EXECUTE p (%s)', v) INTO one;
			EXCEPTION WHEN OTHERS THEN
				one := 'error ' || SQLSTATE;
			END;
			results := results || one;
		END LOOP;
		DEALLOCATE p;
	END LOOP;
	IF results[1:4] <> results[5:8] AND NOT near(results[1:4]::text, results[5:8]::text) THEN
		RETURN NEXT format('DIFFERENT (%s): %s with %s: %s', mode, query, arguments, left(results::text, 900));
	END IF;
END \$\$;
SET agg.until = 'infinity';
SELECT on_both($tables);
SQL
print "ALTER TABLE c.a SET (segmentby = 'host', orderby = 't'); ALTER TABLE c.p2 SET (segmentby = '" . pick(qw(host i4 uu b)) . "', orderby = 't');\n" if $am ne 'heap';
# what one process has to read alone
print map { "ALTER TABLE c.$_ SET (parallel_workers = 0);\n" } grep { chance(0.15) } qw(p1 p2 p3 i i1 i2);
print insert_rows(2600, 1), insert_rows(700, 1);
print "SELECT on_both('ALTER TABLE a DROP COLUMN gone'); SELECT move('recompress', 'a');\n";
for my $table ('a', 'p', 'i')
{
	print 'SELECT on_both(' . quote("ALTER TABLE $table " . join(', ', map { "ADD COLUMN $_ $columns{$_}[0] $late{$_}" } sort keys %late)) . ");\n";
}
print "SELECT on_both('CREATE VIEW v " . pick('', '', 'WITH (security_barrier)') . " AS SELECT * FROM a WHERE id % 10 <> 0');\n";
$next = 3501;
print insert_rows(2900, 1), insert_rows(150, 0), insert_rows(300, 0, 'i2', 'a');
print "SELECT on_both('DELETE FROM a WHERE id BETWEEN 3600 AND 3900 OR id % 50 = 1'); SELECT on_both('ANALYZE');\n";
print "DO \$\$ BEGIN PERFORM set_config('agg.until', (clock_timestamp() + interval '$seconds s')::text, false); END \$\$;\n";
for my $i (1 .. $queries)
{
	print step() if $i % 15 == 0;
	if (chance(0.08))
	{
		my ($text, $type, $values) = prepared();
		print 'SELECT same_prepared(' . join(', ', quote(plain($text)), quote($type), $values, quote(pick('force_generic_plan', 'force_generic_plan', 'force_custom_plan'))) . ");\n";
		next;
	}
	my @parallel = ('parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=' . (1 + rnd(3)), grep { chance(0.3) } 'parallel_leader_participation=off', 'enable_parallel_append=off');
	my @settings = grep { chance(0.25) } 'tsdb_am.simd=baseline', 'enable_hashjoin=off,enable_mergejoin=off,enable_material=off', join(',', @parallel), 'enable_partitionwise_aggregate=on', 'work_mem=64kB,hash_mem_multiplier=1', 'timezone=' . pick('UTC', 'Asia/Kolkata', 'America/New_York', 'Australia/Lord_Howe'), 'enable_hashagg=off', 'enable_sort=off', 'jit=on,jit_above_cost=0';
	@settings = grep { !/^jit/ || chance(0.1) } @settings;
	my $query = query();
	push @settings, join(',', @parallel) if $query =~ / FROM [pi]\b/ && chance(0.4);
	push @settings, 'cpu_operator_cost=1,cpu_tuple_cost=10' if chance(0.85);
	push @settings, 'tsdb_am.enable_custom_scan=off' if chance(0.03);
	@settings = grep { !/tsdb_am/ } @settings if $am eq 'heap';
	print 'SELECT same(' . quote(plain($query)) . ", '{" . join(',', @settings) . "}');\n";
}
print "SELECT 'damage: ' || v FROM (VALUES ('a'), ('p1'), ('p2'), ('i'), ('i1')) t (n), tsdb.verify(('c.' || n)::regclass) v;\n" if $am ne 'heap';
print <<'SQL';
SET agg.until = 'infinity';
DELETE FROM c.a WHERE ctid = (SELECT ctid FROM c.a WHERE i2 IS NOT NULL LIMIT 1);
SELECT 'noticed' FROM same('SELECT count(*), sum(id) FROM a', '{}');
SELECT 'ran ' || last_value FROM ran;
SELECT 'errors ' || CASE WHEN is_called THEN last_value ELSE 0 END FROM errors;
SELECT 'used ' || CASE WHEN is_called THEN last_value ELSE 0 END FROM used;
SELECT 'shared ' || CASE WHEN is_called THEN last_value ELSE 0 END FROM shared;
SQL
