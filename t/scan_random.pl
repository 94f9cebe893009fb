#!/usr/bin/perl
# Makes random queries, changes and moves, as a psql script: scan_random.pl SEED QUERIES SECONDS AM.  022_scan_random.sh runs it.
#
# The script brings functions of its own: "same" runs a query on schema h (heap) and on schema c (the access method AM),
# there with a random choice of settings, and prints a line that begins with DIFFERENT unless the rows are the same.
# What is told of errors is whether there is one: which row causes it, and whether a condition is
# asked before it, is not promised.  So conditions that can fail are not made; errors come of casts and values alone.
use strict;
use warnings;

my ($seed, $queries, $seconds, $am) = @ARGV;
srand($seed);

sub rnd { return int(rand($_[0])) }
sub chance { return rand() < $_[0] }
sub pick { return $_[rnd(scalar @_)] }
sub quote { my ($s) = @_; $s =~ s/'/''/g; return "'$s'"; }

# name => [type, expression of g, values to compare with (SQL), other types to compare with]
my %columns = (
	id => [ 'int', 'g', sub { pick(rnd(9000), rnd(5600), 1, 2600, 2601, 3300, 3501) } ],
	host => [ 'text COLLATE "C"', q{CASE WHEN g % 61 <> 0 THEN 'h' || g % 13 END}, sub { quote('h' . rnd(15)) } ],
	b => [ 'bool', q{CASE g % 7 WHEN 0 THEN NULL WHEN 1 THEN false ELSE g % 3 = 0 END}, sub { pick('true', 'false') } ],
	i2 => [ 'int2', q{CASE WHEN g % 19 <> 0 THEN (g * 7919) % 300 - 150 END}, sub { pick(rnd(320) - 160, '32767', '(-5)::bigint', '70000', '-3000000000', '5::int2') } ],
	i4 => [ 'int4', q{CASE WHEN g % 5 <> 0 THEN (g::bigint * 7907) % 41 - 20 END}, sub { pick(rnd(44) - 22, rnd(44) - 22, -20, 20, '3000000000', '7::int2', '3::bigint', '-2147483648', '2.5') } ],
	i8 => [ 'int8', q{CASE g % 997 WHEN 1 THEN 9223372036854775807 WHEN 2 THEN -9223372036854775808 WHEN 3 THEN NULL ELSE g::bigint * 1000003 END}, sub { pick(rnd(9000) * 1000003, '9223372036854775807', '-9223372036854775808', '5::int2', '1e9::int8') } ],
	f4 => [ 'float4', q{CASE g % 53 WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN 'Infinity' WHEN 4 THEN '-0' WHEN 5 THEN NULL WHEN 6 THEN '0.1' ELSE (g * 31 % 200)::float4 / 7 END}, sub { pick("'NaN'", "'-0'", "0.1::float8", "0.1::float4", "'infinity'", rnd(30), rnd(200) . '::float4 / 7') } ],
	f8 => [ 'float8', q{CASE g % 59 WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN 'Infinity' WHEN 4 THEN '-0' WHEN 5 THEN NULL WHEN 6 THEN '0.1' ELSE (g * 37 % 1000) / 8.0 END}, sub { pick("'NaN'", "'-0'", "0.1::float4", "0.1::float8", "'-infinity'", rnd(125), rnd(125) . '.5') } ],
	nu => [ 'numeric', q{CASE g % 43 WHEN 1 THEN 'NaN' WHEN 2 THEN NULL WHEN 3 THEN '5.000' ELSE (g * 41 % 700) / 10.0 END}, sub { pick("'NaN'", '5', '5.0', rnd(70) . '.1') } ],
	tx => [ 'text COLLATE "en-x-icu"', q{CASE WHEN g % 11 <> 3 THEN (ARRAY['Straße', 'apple', 'Apple', '', 'Zebra', 'äb', 'b%'])[1 + (g * 13) % 7] END}, sub { pick(map { quote($_) } 'apple', 'Zebra', '', 'b', 'Straße') } ],
	tc => [ 'text COLLATE "C"', q{CASE WHEN g % 17 <> 3 THEN 'long common prefix ' || md5((g / 3)::text) END}, sub { "'long common prefix ' || md5('" . rnd(3000) . "')" } ],
	vc => [ 'varchar(10)', q{CASE WHEN g % 23 <> 3 THEN 'v' || g % 400 END}, sub { quote('v' . rnd(420)) . pick('', '::text', '::varchar') } ],
	bc => [ 'char(5)', q{CASE WHEN g % 29 <> 3 THEN 'p' || g % 9 END}, sub { quote('p' . rnd(10) . pick('', '  ')) } ],
	oi => [ 'oid', q{CASE WHEN g % 31 <> 3 THEN CASE g % 3 WHEN 0 THEN 4294967295 - g % 9 ELSE g % 40 END END::oid}, sub { pick(rnd(42), 4294967295 - rnd(10)) . '::oid' } ],
	nm => [ 'name', q{CASE WHEN g % 37 <> 3 THEN 'n' || g % 33 END}, sub { quote('n' . rnd(35)) . pick('', '::text', '::name') } ],
	da => [ 'date', q{CASE g % 71 WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN NULL WHEN 4 THEN '5874897-12-31' ELSE date '2026-01-01' + g % 300 END}, sub { pick("date '2026-01-01' + " . rnd(300), "'infinity'", "'-infinity'::timestamptz", "timestamptz '2026-02-02 01:00'", "timestamp 'infinity'", "timestamp '2026-03-03'") } ],
	ts => [ 'timestamp', q{CASE g % 73 WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN NULL ELSE timestamp '2026-01-01' + g * interval '1 min' END}, sub { pick("timestamp '2026-01-01' + interval '1 min' * " . rnd(9000), "date '2026-01-03'", "date '5874897-12-31'", "'infinity'", "timestamptz '2026-01-02'") } ],
	t => [ 'timestamptz', q{timestamptz '2026-01-01' + g * interval '1 min'}, sub { pick("timestamptz '2026-01-01' + interval '1 min' * " . rnd(9000), "timestamptz '2026-01-01' + interval '1 min' * " . rnd(9000), "date '2026-01-03'", "timestamp '2026-01-02 02:00'", "date 'infinity'", "date '5874897-12-31'", "now() - interval '100 years'") } ],
	iv => [ 'interval', q{CASE WHEN g % 41 <> 3 THEN (ARRAY['1 day', '24 hours', '1 mon', '30 days', '-1 s'])[1 + g % 5]::interval END}, sub { pick("interval '1 day'", "interval '720 hours'", "interval '0'") } ],
	uu => [ 'uuid', q{CASE WHEN g % 47 <> 3 THEN md5((g % 500)::text)::uuid END}, sub { "md5('" . rnd(510) . "')::uuid" } ],
	js => [ 'jsonb', q{CASE WHEN g % 53 <> 9 THEN jsonb_build_object('k', g % 5) END}, sub { "'{\"k\": " . rnd(6) . "}'::jsonb" } ],
	ar => [ 'int[]', q{CASE WHEN g % 59 <> 9 THEN ARRAY[g % 3, nullif(g % 4, 0)] END}, sub { 'ARRAY[' . rnd(3) . ', ' . pick(1, 2, 3, 'NULL') . ']' } ],
	late => [ 'int', q{g % 10}, sub { pick(0, 9, rnd(11)) } ],
	lt => [ 'text', q{'t' || g % 4}, sub { pick("'t1'", "'default'") } ],
	lz => [ 'timestamptz', q{timestamptz '2026-01-01' + g % 50 * interval '1 day'}, sub { pick("'infinity'", "date '5874897-12-31'", "date '2026-01-20'", "timestamp 'infinity'") } ],
);
# in half of the runs some rows have no time, here and there
my $nullable = chance(0.5);
$columns{t}[1] = "CASE WHEN g % 700 >= 30 OR g % 4 > 0 THEN $columns{t}[1] END" if $nullable;
my %late = (late => 'DEFAULT 7', lt => q{DEFAULT 'default'}, lz => q{DEFAULT 'infinity'});
my @names = sort keys %columns;
my @first = grep { !$late{$_} } @names;
my @numbers = qw(id i2 i4 i8 f4 f8 nu late);

#--------------------------------------------------------------------- conditions

my @parameters;		# of the query being made: [type, value]; undef = no parameters

# A value to compare a column with; now and then a parameter.
sub value
{
	my ($name) = @_;
	my $v = chance(0.03) ? 'NULL' : $columns{$name}[2]->();
	return $v;
}

sub leaf
{
	my ($p) = @_;		# prefix of columns
	my $name = pick(@names);
	my $c = "$p$name";
	my $n = rnd(100);
	return "$c " . pick('<', '<=', '=', '=', '<>', '>=', '>') . ' ' . value($name) if $n < 40;
	return value($name) . ' ' . pick('<', '<=', '=', '<>', '>=', '>') . " $c" if $n < 46;
	return "$c " . pick('IN', 'IN', 'NOT IN') . ' (' . join(', ', map { value($name) } 0 .. pick(0, 1, 3, 12)) . ')' if $n < 56;
	return "$c " . pick('IS NULL', 'IS NOT NULL') if $n < 62;
	return "$c " . pick('', 'NOT ') . 'BETWEEN ' . value($name) . ' AND ' . value($name) if $n < 68;
	return "$c IS " . pick('', 'NOT ') . 'DISTINCT FROM ' . value($name) if $n < 72;
	return pick("${p}b", "NOT ${p}b", "${p}b IS TRUE", "${p}b IS NOT TRUE", "${p}b IS UNKNOWN", "${p}b IS NOT FALSE") if $n < 76;
	return pick("${p}tx LIKE 'A%'", "${p}tx NOT LIKE '%e'", "${p}tx ILIKE 'a%'", "${p}tx ~ '^[A-Z]'", "${p}tc LIKE 'long common prefix a%'", "${p}lt LIKE 'def%'", "${p}host LIKE 'h1_'", "${p}vc ~~ 'v1%'", "${p}bc LIKE 'p%'", "${p}tx COLLATE \"C\" < 'M'", "length(${p}tx) = 5", "upper(${p}tx) = 'APPLE'") if $n < 82;
	my ($x, $y) = (pick(@numbers), pick(@numbers));
	return "$p$x " . pick('<', '=', '>=') . " $p$y" if $n < 87;
	return pick("coalesce(${p}i4, 3) = 3", "${p}i4 + 1 > 5", "abs(${p}i2) < 20", "${p}i4 % 3 = 0", "${p}i4::oid = 5", "${p}i4::oid > 4294967290", "(${p}i4, ${p}host) < (3, 'h5')", "(${p}i4, ${p}late) IN ((1, 1), (2, 7))", "${p}js @> '{\"k\": 2}'", "2 = ANY (${p}ar)", "${p}ar && ARRAY[1]", "${p}t::date = '2026-01-03'", "date_trunc('day', ${p}t) = '2026-01-02'", "${p}ts < ${p}t", "${p}da = ${p}t::date") if $n < 94;
	return pick("CASE WHEN ${p}i4 > 0 THEN ${p}b ELSE ${p}f8 > 50 END", "CASE WHEN ${p}i4 <> 0 THEN 20 / ${p}i4 > 3 END", "${p}i4 = ANY (ARRAY(SELECT n FROM k))", "EXISTS (SELECT 1 FROM k WHERE k.n = ${p}i4)", "${p}host NOT IN (SELECT host FROM k WHERE host IS NOT NULL)", "${p}id < (SELECT max(lo) FROM k)", "random() < 2", "${p}i4 = ANY ('{}')", "${p}late = ANY ('{}')", "${p}late <> ALL (ARRAY[7, 2])", "${p}host = ANY (ARRAY['h1', NULL, 'h12'])", "${p}ctid IS NOT NULL", "${p}tableoid > 0");
}

sub condition
{
	my ($p, $depth) = @_;
	return leaf($p) if $depth == 0 || chance(0.25);
	return 'NOT (' . condition($p, $depth - 1) . ')' if chance(0.12);
	return '(' . join(pick(' AND ', ' OR '), map { condition($p, $depth - 1) } 0 .. pick(1, 1, 2)) . ')';
}

# mostly something that leaves some rows of many
sub where { my ($p) = @_; return chance(0.4) ? leaf($p) : condition($p, pick(1, 1, 2, 3)); }

sub query
{
	my $kind = rnd(100);
	my $from = pick('a', 'a', 'a', 'p', 'v');
	my @some = map { pick(@names) } 0 .. rnd(4);
	return ('SELECT id FROM ' . $from . ' WHERE ' . where('')) if $kind < 45;
	return ('SELECT ' . pick(join(', ', @some), '*', "$from", 'count(*)', 'count(*), sum(i4), max(tx), min(t), count(lz)', 'host, count(*) AS n', 'tableoid::regclass, xmin <> \'0\', id') . " FROM $from WHERE " . where('')) =~ s/(SELECT host, count.*)/$1 GROUP BY host/r if $kind < 62;
	return ("SELECT x.id, y.id AS id2 FROM a x JOIN p y ON x.id = y.id WHERE " . where('x.') . ' AND ' . where('y.')) if $kind < 68;
	return ("SELECT k.n, x.id FROM k " . pick('', 'LEFT ') . "JOIN $from x ON " . pick('x.i4 = k.n', 'x.host = k.host', 'x.host = k.host AND x.t > k.t', 'x.id BETWEEN k.lo AND k.lo + 20', 'x.late = k.n AND x.host = k.host', 'x.id = k.lo', 'x.i8 = k.n OR x.id = k.lo') . ' AND ' . where('x.')) if $kind < 78;
	return ("SELECT k.n, x.id FROM k, LATERAL (SELECT id FROM $from WHERE host = k.host AND " . where("$from.") . ' ORDER BY ' . pick('t', 't DESC', 't DESC NULLS LAST', 'host, t', 'host DESC, t DESC') . ", id LIMIT 2) x") if $kind < 84;
	return ("SELECT n, (SELECT " . pick('count(*)', 'max(id)', 'min(t)') . " FROM $from WHERE " . pick('host = k.host', 'id < k.lo', 'late = k.n') . ' AND ' . where("$from.") . ') FROM k') if $kind < 89;
	return ("SELECT id, t FROM $from WHERE " . where('') . ' ORDER BY ' . pick('t, id', 't DESC, id', 't NULLS FIRST, id', 't DESC NULLS LAST, id', 'host, t, id', 'host DESC, t, id', 'host NULLS FIRST, t DESC, id', 'host, t DESC NULLS LAST, id', 'host DESC, t NULLS FIRST, id', 'host, id', "host, date_trunc('" . pick('day', 'hour', 'week') . "', t) DESC, t DESC, id", "date_trunc('" . pick('day', 'hour', 'month') . "', t), id", 't::date DESC, t DESC, id', 'i4 NULLS FIRST, id DESC') . ' LIMIT ' . pick(1, 10, 100), 1) if $kind < 94;
	return ("SELECT " . pick('host, ', 'host, b, ', '') . "date_trunc('" . pick('day', 'hour', 'minute') . "', t) d, count(*), sum(i4), max(id) FROM $from WHERE " . where('')) =~ s/^SELECT (.*)(date_trunc.*?) d, (.*)$/SELECT $1$2 d, $3 GROUP BY $1 d ORDER BY $1 d/r, 1 if $kind < 95;
	return ("WITH c AS " . pick('', 'MATERIALIZED ') . "(SELECT * FROM $from WHERE " . where('') . ") SELECT count(*), sum(id) FROM c WHERE " . where('c.')) if $kind < 97;
	return ("SELECT DISTINCT ON (host) host, t, id FROM $from WHERE " . where('') . ' ORDER BY host, t DESC' . pick('', ' NULLS LAST') . ', id', 1);
}

# A query of one parameter, as prepared statement: text, type, value
sub prepared
{
	my $name = pick(grep { !/^(js|ar)$/ } @names);
	my $type = $columns{$name}[0] =~ s/ COLLATE.*//r;
	$type = 'bigint' if $name =~ /^i[24]$|^late$/ && chance(0.3);
	$type = 'date' if $name =~ /^(t|lz|ts)$/ && chance(0.3);
	my $leaf = pick("$name = \$1", "$name >= \$1", "$name < \$1", "$name = ANY (ARRAY[\$1, NULL])", "$name IS DISTINCT FROM \$1", "\$1 = $name", "$name = \$1 OR id = 5");
	my $value = $type eq 'date' ? pick("date '2026-01-04'", "date 'infinity'", "date '5874897-12-31'") : value($name);
	return ('SELECT count(*) AS n, sum(id) AS s FROM ' . pick('a', 'p') . ' WHERE ' . pick("$leaf", "$leaf AND (" . where('') . ')', "($leaf) OR (" . where('') . ')', "($leaf AND " . leaf('') . ') OR ' . leaf('')), $type, $value);
}

#--------------------------------------------------------------------- steps

my $next = 1;

sub insert_rows
{
	my ($n, $direct) = @_;
	my ($from, $to) = ($next, $next + $n - 1);
	$next = $to + 1;
	my @cols = $next > 3500 ? @names : @first;
	return map { "SET tsdb_am.direct_load_rows = $direct;\nSELECT on_both(" . quote("INSERT INTO $_ (" . join(', ', @cols) . ') SELECT ' . join(', ', map { $columns{$_}[1] } @cols) . " FROM generate_series($from, $to) g") . ");\n" } 'a', 'p';
}

sub step
{
	my $table = pick('a', 'p1', 'p2');
	my $both = pick('a', 'p');
	my $from = rnd($next);
	my $to = $from + pick(1, 10, 100, 1100);
	return pick("SELECT on_both('DELETE FROM $both WHERE id BETWEEN $from AND $to');\n",
		"SELECT on_both('DELETE FROM $both WHERE id % 101 = " . rnd(101) . "');\n",
		"SELECT on_both('UPDATE $both SET i4 = i4 + 1, tx = ''up'' || id % 3, late = late + 1 WHERE id BETWEEN $from AND $to AND id % 3 = 0');\n",
		"SELECT move('compress', '$table');\n", "SELECT move('compress', '$table');\n", "SELECT move('recompress', '$table');\n", "SELECT move('decompress', '$table');\n", "VACUUM c.$table;\n", "ANALYZE c.$table;\n",
		join('', insert_rows(pick(20, 200), 0)), join('', insert_rows(pick(200, 1200), 1)),
		"SELECT undone('DELETE FROM $both WHERE id BETWEEN $from AND $to');\n");
}

#--------------------------------------------------------------------- the script

my $definition = join(', ', map { "$_ $columns{$_}[0]" . ($_ eq 't' && !$nullable ? ' NOT NULL' : '') } @first);
my $tables = "CREATE TABLE a (gone int, $definition); CREATE TABLE p ($definition) PARTITION BY RANGE (t);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO (''2026-01-02''); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (''2026-01-02'') TO (''2026-01-04'');
	CREATE TABLE p3 PARTITION OF p DEFAULT USING heap;
	CREATE TABLE k (n int, host text, t timestamptz, lo int); INSERT INTO k SELECT g, nullif(''h'' || g, ''h4''), timestamptz ''2026-01-01'' + g * interval ''5 h'', g * 300 FROM generate_series(0, 11) g";
$tables =~ s/''/'/g;
$tables = quote($tables);
my $movers = $am eq 'heap' ? '' : "EXECUTE format('SELECT tsdb.%s(%L)', what, 'c.' || rel);";
print <<"SQL";
SET jit = off;
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
CREATE SCHEMA h; CREATE SCHEMA c;
CREATE SEQUENCE ran; CREATE SEQUENCE errors;
CREATE FUNCTION on_both(statement text) RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM set_config('search_path', 'h, public', true), set_config('default_table_access_method', 'heap', true);
	EXECUTE statement;
	PERFORM set_config('search_path', 'c, public', true), set_config('default_table_access_method', '$am', true);
	EXECUTE statement;
END \$\$;
-- a change that is taken back, with a look at it meanwhile
CREATE FUNCTION undone(statement text) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
BEGIN
	BEGIN
		PERFORM on_both(statement);
		RETURN QUERY SELECT same('SELECT id FROM a WHERE i4 > 3', false, '{}');
		RAISE EXCEPTION 'undo';
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
END \$\$;
CREATE FUNCTION move(what text, rel text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN $movers END \$\$;
CREATE FUNCTION answer(side text, query text, ordered boolean) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' %s), '''') FROM (%s) q', CASE WHEN ordered THEN '' ELSE 'ORDER BY q.*::text COLLATE "C"' END, query) INTO result;
	RETURN replace(result, side || '.', '');
EXCEPTION WHEN OTHERS THEN
	PERFORM nextval('errors');
	RETURN 'error ' || SQLSTATE;
END \$\$;
CREATE FUNCTION same(query text, ordered boolean, settings text[]) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
DECLARE wanted text; got text; setting text;
BEGIN
	IF clock_timestamp() > current_setting('scan.until')::timestamptz THEN
		RETURN;
	END IF;
	PERFORM nextval('ran');
	wanted := answer('h', query, ordered);
	FOREACH setting IN ARRAY settings || ARRAY['enable_seqscan=off'] LOOP
		PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
	END LOOP;
	got := answer('c', query, ordered);
	IF got <> wanted THEN
		RETURN NEXT format('DIFFERENT (%s): %s; heap: %s; tsdb: %s', array_to_string(settings, ', '), query, left(wanted, 200), left(got, 200));
	END IF;
END \$\$;
CREATE FUNCTION same_prepared(query text, type text, value text, mode text) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
DECLARE results text[] := '{}'; side text; one text; v text;
BEGIN
	IF clock_timestamp() > current_setting('scan.until')::timestamptz THEN
		RETURN;
	END IF;
	PERFORM nextval('ran');
	PERFORM set_config('plan_cache_mode', mode, true), set_config('enable_seqscan', 'off', true);
	FOREACH side IN ARRAY ARRAY['h', 'c'] LOOP
		PERFORM set_config('search_path', side || ', public', true);
		BEGIN
			EXECUTE format('PREPARE p (%s) AS SELECT n || '' '' || coalesce(s, 0) FROM (%s) q', type, query);
			FOREACH v IN ARRAY ARRAY[value, 'NULL', value] LOOP
				BEGIN
					EXECUTE format('EXECUTE p (%s)', v) INTO one;
				EXCEPTION WHEN OTHERS THEN
					one := 'error ' || SQLSTATE;
				END;
				results := results || one;
			END LOOP;
			DEALLOCATE p;
		EXCEPTION WHEN OTHERS THEN
			PERFORM nextval('errors');
			results := results || ARRAY[SQLSTATE, '', ''];
		END;
	END LOOP;
	IF results[1:3] <> results[4:6] THEN
		RETURN NEXT format('DIFFERENT (%s): %s with %s: %s', mode, query, value, results);
	END IF;
END \$\$;
SET scan.until = 'infinity';
SELECT on_both($tables);
SQL
print "ALTER TABLE c.a SET (segmentby = 'host', orderby = 't');\n" if $am ne 'heap';
print insert_rows(2600, 1), insert_rows(700, 1);
print "SELECT on_both('ALTER TABLE a DROP COLUMN gone'); SELECT move('recompress', 'a');\n";
for my $table ('a', 'p')
{
	print 'SELECT on_both(' . quote("ALTER TABLE $table " . join(', ', map { "ADD COLUMN $_ $columns{$_}[0] $late{$_}" } sort keys %late)) . ");\n";
}
print "SELECT on_both('CREATE VIEW v WITH (security_barrier) AS SELECT * FROM a WHERE id % 10 <> 0');\n";
$next = 3501;
print insert_rows(900, 1), insert_rows(150, 0);
print "SELECT on_both('DELETE FROM a WHERE id BETWEEN 3600 AND 3900 OR id % 50 = 1'); SELECT on_both('ANALYZE');\n";
print "DO \$\$ BEGIN PERFORM set_config('scan.until', (clock_timestamp() + interval '$seconds s')::text, false); END \$\$;\n";
for my $i (1 .. $queries)
{
	print step() if $i % 12 == 0;
	if (chance(0.15))
	{
		my ($text, $type, $value) = prepared();
		print 'SELECT same_prepared(' . join(', ', quote($text), quote($type), quote($value), quote(pick('force_generic_plan', 'force_generic_plan', 'force_custom_plan'))) . ");\n";
		next;
	}
	my ($text, $ordered) = query();
	my @settings = grep { chance(0.25) } 'tsdb_am.simd=baseline', 'enable_hashjoin=off,enable_mergejoin=off,enable_material=off', 'parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2', 'enable_memoize=off', 'tsdb_am.enable_custom_scan=off,enable_seqscan=on', 'work_mem=64kB';
	@settings = grep { !/tsdb_am/ } @settings if $am eq 'heap';
	print 'SELECT same(' . quote($text) . ', ' . ($ordered ? 'true' : 'false') . ", '{" . join(',', @settings) . "}');\n";
}
print "SELECT 'damage: ' || v FROM (VALUES ('a'), ('p1'), ('p2')) t (n), tsdb.verify(('c.' || n)::regclass) v;\n" if $am ne 'heap';
print <<'SQL';
SET scan.until = 'infinity';
DELETE FROM c.a WHERE ctid = (SELECT ctid FROM c.a WHERE i4 IS NOT NULL LIMIT 1);
SELECT 'noticed' FROM same('SELECT id, i4 FROM a WHERE i4 IS NOT NULL', false, '{}');
SELECT 'ran ' || last_value FROM ran;
SELECT 'errors ' || CASE WHEN is_called THEN last_value ELSE 0 END FROM errors;
SQL
