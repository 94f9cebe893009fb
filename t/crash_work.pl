#!/usr/bin/perl
# Scripts for psql that 040_crash_points.sh and 041_resources.sh run at the same time, until something ends them.
#
#	crash_work.pl writer ROUND NUMBER COUNT SEED		transactions of every kind
#	crash_work.pl mover FOCUS COUNT SEED	what moves and rewrites rows; FOCUS = the kind of which there is most
#	crash_work.pl reader COUNT SEED			queries
#
# Each statement is run on a table and then on its heap twin, NAME_heap, in the same transaction, so that both hold the
# same rows whenever and however it ends.  For that
#  * a writer's ranges of rows are its own: no other one's commit can come between the two statements;
#  * rows that all writers use are found by their key, are never deleted, and are locked in order of keys, in the tsdb table first;
#  * rows don't depend on anything but the statement: no random(), no now().
# A transaction writes its tag into table log, and tells it when COMMIT was answered.
use strict;
use warnings;

my ($kind, @args) = @ARGV;
my $seed = $args[-1];
srand($seed);

sub rnd { return int(rand($_[0])) }
sub pick { return $_[rnd(scalar @_)] }

# The statement on both twins of a table.
sub both
{
	my ($table, $statement) = @_;

	for my $name ($table, "${table}_heap")
	{
		(my $text = $statement) =~ s/%T/$name/g;
		print "$text;\n";
	}
}

my @columns = qw(tag i time host v n note);
my $columns = join(', ', @columns);

# One row as a list of expressions of the row's number.
sub row_of
{
	my ($tag, $i, $day) = @_;

	return "'$tag', $i, '2024-01-01 UTC'::timestamptz + ($day + $i % 3) * interval '1 day' + $i * interval '1 s', " .
		"'host_' || $i % 11, ($i % 100) / 4.0, $i, CASE WHEN $i % 50 = 7 THEN repeat('note ' || $i, 1 + $i % 400) WHEN $i % 5 > 0 THEN 'note ' || $i % 17 END";
}

sub insert_rows
{
	my ($table, $tag, $first, $n, $day) = @_;

	both($table, "INSERT INTO %T ($columns) SELECT " . row_of($tag, 'i', $day) .
		" FROM generate_series($first, " . ($first + $n - 1) . ") i");
}

sub insert_values
{
	my ($table, $tag, $first, $n, $day) = @_;

	both($table, "INSERT INTO %T ($columns) VALUES " . join(', ', map { '(' . row_of($tag, $_, $day) . ')' } $first .. $first + $n - 1));
}

# $tag of an earlier transaction, and the numbers of rows that it may have written.
my @written;

# Transactions on a table without key; large inserts are loaded directly.
sub events_transaction
{
	my ($table, $tag, $round) = @_;
	my $day = $table eq 'sharded' ? $round % 40 + rnd(3) : rnd(5);
	my $old = @written && rnd(3) ? pick(@written) : undef;
	my $kind = rnd(13);

	if ($kind == 0) { insert_values($table, $tag, 1, 1, $day); }
	elsif ($kind <= 2) { insert_values($table, $tag, 1, 2 + rnd(20), $day); }
	elsif ($kind <= 4) { insert_rows($table, $tag, 1, 1000 + rnd(2000), $day); }
	elsif ($kind == 5)
	{
		print "SET test.tag = '$tag';\n";
		both($table, "COPY %T (i, time, host, v, n, note) FROM :'batch' (FORMAT csv)");
	}
	elsif ($kind == 6)
	{
		# COPY of a few rows, with what the client sends; then a load that is rolled back
		for my $name ($table, "${table}_heap")
		{
			print "COPY $name ($columns) FROM STDIN;\n";
			print "$tag\t$_\t2024-02-0" . (1 + $_ % 5) . " 00:00:00+00\thost_$_\t$_.25\t$_\t\\N\n" for 1 .. 7;
			print "\\.\n";
		}
		print "SAVEPOINT s;\n";
		insert_rows($table, $tag, 10000, 1500, $day);
		print "ROLLBACK TO s;\n";
		insert_rows($table, $tag, 100, 1200, $day);
	}
	elsif ($kind == 7)
	{
		insert_rows($table, "never $tag", 1, 1500, $day);
		both($table, "DELETE FROM %T WHERE tag = '" . ($old // $tag) . "'");
		print "ROLLBACK;\nBEGIN;\n";
		insert_rows($table, $tag, 1, 30, $day);
	}
	elsif (!defined $old) { insert_rows($table, $tag, 1, 100, $day); }
	elsif ($kind == 8) { both($table, "DELETE FROM %T WHERE tag = '$old'"); }
	elsif ($kind == 9) { both($table, "DELETE FROM %T WHERE tag = '$old' AND i % 3 = " . rnd(3)); }
	elsif ($kind == 10) { both($table, "UPDATE %T SET v = v + 0.5, n = n + 1 WHERE tag = '$old' AND i % 13 = " . rnd(13)); }
	elsif ($kind == 11)
	{
		# to another partition, if it is sharded
		both($table, "UPDATE %T SET time = time + interval '1 day', host = host || 'x' WHERE tag = '$old' AND i <= 20");
	}
	else
	{
		both($table, "DELETE FROM %T WHERE tag = '$old' AND i <= 300");
		insert_rows($table, $tag, 1, 1000, $day);
		both($table, "UPDATE %T SET note = 'changed' WHERE tag = '$tag' AND i < 5");
	}
	push @written, $tag;
	shift @written if @written > 12;
}

# Transactions on a table with a primary key (id) and another index.
sub keyed_transaction
{
	my ($tag, $number) = @_;
	my $kind = rnd(10);
	my $own = 1000 + $number * 10000;
	my $first = $own + rnd(3000);
	my $upsert = sub {
		my ($ids) = @_;
		both('keyed', "INSERT INTO %T (id, $columns) SELECT i, " . row_of($tag, 'i', 0) . " FROM $ids i " .
			"ON CONFLICT (id) DO UPDATE SET n = %T.n + 1, tag = excluded.tag, v = %T.v + 0.25");
	};

	if ($kind <= 2) { $upsert->("generate_series(" . join(', ', map { "$_, $_" } 1 + rnd(100)) . ")"); }
	elsif ($kind == 3) { my $id = 1 + rnd(80); $upsert->("generate_series($id, " . ($id + rnd(20)) . ")"); }
	elsif ($kind <= 5) { $upsert->("generate_series($first, " . ($first + rnd(400)) . ")"); }
	elsif ($kind == 6) { both('keyed', "DELETE FROM %T WHERE id BETWEEN $first AND " . ($first + rnd(1000))); }
	elsif ($kind == 7) { both('keyed', "UPDATE %T SET v = v + 1, note = 'changed' WHERE id BETWEEN $first AND " . ($first + rnd(100))); }
	elsif ($kind == 8)
	{
		# the key changes
		both('keyed', "DELETE FROM %T WHERE id BETWEEN $own + 5000 AND $own + 5020");
		both('keyed', "UPDATE %T SET id = id - $first + $own + 5000 WHERE id BETWEEN $first AND " . ($first + 20));
	}
	else
	{
		print "SAVEPOINT s;\n";
		both('keyed', "DELETE FROM %T WHERE id BETWEEN $first AND " . ($first + 100));
		print "ROLLBACK TO s;\n";
		both('keyed', "INSERT INTO %T (id, $columns) SELECT i, " . row_of($tag, 'i', 0) . " FROM generate_series($first, " .
			($first + 50) . ") i ON CONFLICT DO NOTHING");
	}
}

# A table that is made anew in the transaction: with wal_level = minimal nothing of it is in WAL but, perhaps, images of its pages.
sub fresh_transaction
{
	my ($tag) = @_;

	both('fresh', 'TRUNCATE %T');
	if (rnd(3) == 0)
	{
		print "SET LOCAL test.tag = '$tag';\n";
		both('fresh', "COPY %T (i, time, host, v, n, note) FROM :'batch' (FORMAT csv, FREEZE)");
	}
	insert_rows('fresh', $tag, 1, 20 + rnd(100), 0) if rnd(2);
	insert_rows('fresh', $tag, 200, 1000 + rnd(2000), 1) if rnd(3);
	print "SELECT tsdb.compress('fresh');\n" if rnd(2);
	both('fresh', "DELETE FROM %T WHERE i % 7 = 3") if rnd(2);
	both('fresh', "UPDATE %T SET v = v + 1 WHERE i % 11 = 3") if rnd(2);
	print "SELECT tsdb.recompress('fresh');\n" if rnd(2);
	if (rnd(2))
	{
		print "SAVEPOINT s;\n";
		both('fresh', 'TRUNCATE %T');
		insert_rows('fresh', "never $tag", 1, 1200, 0);
		print pick('ROLLBACK TO s', 'ROLLBACK TO s; SAVEPOINT t', "ROLLBACK TO s; DELETE FROM unlogged WHERE i % 3 = 0"), ";\n";
	}
	print 'INSERT INTO unlogged (', $columns, ') SELECT ', row_of($tag, 'i', 0), ' FROM generate_series(1, ', 1 + rnd(50), ") i;\n";
}

sub writer
{
	my ($round, $number, $count) = @_;

	for my $i (1 .. $count)
	{
		my $tag = "$round.$number.$i";

		print "\\set tag -\nBEGIN;\n";
		if ($number % 3 == 1) { events_transaction('events', $tag, $round); }
		elsif ($number % 3 == 2) { keyed_transaction($tag, $number); }
		elsif (rnd(3)) { events_transaction(pick('events', 'sharded', 'sharded'), $tag, $round); }
		else { fresh_transaction($tag); }
		print "INSERT INTO log VALUES ('$tag');\n";
		# in a transaction that has failed, this fails too, and the COMMIT is none
		print "SELECT '$tag' AS tag \\gset\nCOMMIT;\n\\if :ERROR\n\\else\n\\echo told :tag\n\\endif\n";
	}
}

my %moves = (
	compress => sub { "SELECT tsdb.compress('$_[0]')" },
	merge => sub { "SELECT tsdb.merge('$_[0]', force => true)" },
	recompress => sub { "SELECT tsdb.recompress('$_[0]'" . pick('', ', cold => true') . ')' },
	decompress => sub { ("SELECT tsdb.decompress('$_[0]')", "SELECT tsdb.compress('$_[0]')") },
	undone => sub { ('BEGIN', "SELECT tsdb.compress('$_[0]')", 'SAVEPOINT s', "SELECT tsdb.recompress('$_[0]')", 'ROLLBACK TO s', pick('ROLLBACK', 'COMMIT')) },
	vacuum => sub { "VACUUM (INDEX_CLEANUP on) $_[0]" },
	toast => sub { "VACUUM (PROCESS_TOAST, FREEZE) $_[0]" },
	rewrite => sub { pick("VACUUM FULL $_[0]", "ALTER TABLE $_[0] ALTER extra TYPE bigint USING extra + 1", "ALTER TABLE $_[0] ALTER extra TYPE int USING extra - 1",
		"CLUSTER keyed USING keyed_pkey", 'BEGIN; ALTER TABLE events SET UNLOGGED; ALTER TABLE events SET LOGGED; COMMIT') },
	index => sub { pick('REINDEX TABLE keyed', 'CREATE INDEX keyed_more ON keyed (v)', 'DROP INDEX IF EXISTS keyed_more', 'REINDEX TABLE CONCURRENTLY keyed') },
	shards => sub { ("SELECT tsdb.drain_default('sharded', " . pick(1, 100000) . ')', "SELECT tsdb.extend_shards('sharded')") },
	checkpoint => sub { 'CHECKPOINT' },
	# the first chunk of a table
	first => sub {
		('BEGIN', (map { ("DROP TABLE $_", "CREATE TABLE $_ (LIKE events INCLUDING ALL)" . ($_ eq 'virgin' ? " USING :am" : " USING heap")) } qw(virgin virgin_heap)), 'COMMIT',
			'BEGIN', (map { "INSERT INTO $_ ($columns) SELECT " . row_of('first', 'i', 0) . ' FROM generate_series(1, 1500) i' } qw(virgin virgin_heap)), 'COMMIT',
			"SELECT tsdb.compress('virgin')")
	},
	heap => sub { ("ALTER TABLE $_[0] SET ACCESS METHOD heap", "ALTER TABLE $_[0] SET ACCESS METHOD tsdb") },
);

sub mover
{
	my ($focus, $count) = @_;
	my @usual = qw(compress compress compress merge merge recompress decompress undone vacuum toast shards checkpoint first);

	for (1 .. $count)
	{
		my $move = $focus ne '-' && rnd(2) ? $focus : pick(@usual);
		my $table = pick(qw(events events keyed keyed keyed fresh unlogged));

		$table = 'events' if $move eq 'heap';
		print "$_;\n" for $moves{$move}->($table);
		# an error in a transaction must not leave it open
		print "ROLLBACK;\n" if $move eq 'undone';
		# a rewrite shuts all others out
		print "SELECT pg_sleep(0.05);\n" if $move eq 'rewrite' || $move eq 'heap';
	}
}

sub reader
{
	my ($count) = @_;

	for (1 .. $count)
	{
		my $table = pick(qw(events keyed sharded fresh unlogged));

		print pick("SELECT count(*), sum(v) FROM $table;\n",
			"SELECT host, count(*), max(time) FROM $table GROUP BY host;\n",
			"SELECT count(*) FROM $table WHERE time < '2024-01-02 UTC' AND host = 'host_3';\n",
			"SELECT * FROM $table ORDER BY time DESC LIMIT 5;\n",
			"SELECT count(note) FROM keyed WHERE id BETWEEN 20 AND 60;\n");
	}
}

if ($kind eq 'writer') { writer(@args[0 .. 2]); }
elsif ($kind eq 'mover') { mover(@args[0 .. 1]); }
elsif ($kind eq 'reader') { reader($args[0]); }
else { die "what is $kind?\n"; }
