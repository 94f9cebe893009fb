#!/usr/bin/perl
# Random statements on two sets of tables, the "twins": schema h on heap, schema c on tsdb.  One to three sessions
# a twin run the same statements in the same order; whatever a statement answers (rows, command tag, SQLSTATE), whether it
# waits for a lock, and what the tables hold afterwards must be equal.  On tsdb, and only there, rows are moved between the stores
# in between.  010_random.sh starts this and documents the environment.
#
# How it is kept free of false alarms:
#  * No statement's result may depend on the order of rows in the table: rows are sorted before they are shown, a
#    statement changes keys so that it cannot trip over its own rows, and where several errors are possible, any two are equal.
#  * Sessions run one statement at a time, in an order that depends on the seed alone.  After each, we wait until every session
#    is idle or waits for another one of ours (settle).  deadlock_timeout is far below the time that we then still wait, so the session
#    that closes a circle is the one that gets the error, in both twins.
#  * While a session waits in the middle of a statement, it may hold locks on rows that come before the contested one, and those are
#    others in each twin.  So nobody else writes to or locks the same rows then (permitted); all may read and end transactions.
#  * Legal differences: a wait in tsdb alone, if a mover's transaction or the lock of a whole chunk is behind it (who
#    holds it ends next); 40001 in tsdb alone, in REPEATABLE READ after a move (both twins roll back).  Circles and errors that turn up in one twin while the other one still waits
#    are neither right nor wrong: both roll back, and they are counted; many are a failure.
use strict;
use warnings;
use IPC::Open3;
use Time::HiRes qw(time sleep);
use POSIX qw(:sys_wait_h);

my $psql = $ENV{RANDOM_PSQL} or die "RANDOM_PSQL is not set: run 010_random.sh\n";
my $host = $ENV{RANDOM_HOST};
my $port = $ENV{RANDOM_PORT};
my $heap_twin = ($ENV{RANDOM_TWIN} || 'tsdb') eq 'heap';
my $tolerate = $ENV{RANDOM_TOLERATE_0A000};
my $sabotage = $ENV{RANDOM_SABOTAGE};
my $log_dir = $ENV{RANDOM_LOG};
my $patience = 90;				# seconds without any progress: a hang
my $settled_after = 0.03;		# a wait that lasts so long is one; three deadlock_timeouts of 010_random.sh

$| = 1;
$SIG{PIPE} = 'IGNORE';

#--------------------------------------------------------------------- small things

sub rnd { return int(rand($_[0])) }
sub chance { return rand() < $_[0] }
sub pick { return $_[rnd(scalar @_)] }
sub note { print map { "# $_\n" } map { split /\n/, $_ } @_; }

# A pick by weight: list of [weight, what].
sub pick_weighted
{
	my $sum = 0;
	$sum += $_->[0] for @_;
	my $n = rand($sum);
	for (@_)
	{
		return $_->[1] if ($n -= $_->[0]) < 0;
	}
	return $_[-1][1];
}

sub clone
{
	my ($x) = @_;
	return +{ map { $_ => clone($x->{$_}) } keys %$x } if ref $x eq 'HASH';
	return [ map { clone($_) } @$x ] if ref $x eq 'ARRAY';
	return $x;
}

# What ends a round: a difference, a crash, or (kind "abandoned") doubt.
# (signature: what a shorter way to it must keep)
sub fail { my ($kind, $text, $signature) = @_; die { kind => $kind, text => $text, signature => $signature // $kind }; }

#--------------------------------------------------------------------- psql processes

package Psql;

my $marks = 0;

sub new
{
	my ($class, $name, $options) = @_;
	my ($in, $out);
	local $ENV{PGOPTIONS} = $options;
	my $pid = IPC::Open3::open3($in, $out, undef, $psql, '-X', '-At', '-v', 'VERBOSITY=sqlstate', '-h', $host, '-p', $port,
		'-U', 'postgres', 'postgres');
	my $self = bless { name => $name, in => $in, out => $out, process => $pid, buf => '', mark => undef }, $class;
	$self->{pid} = $self->ask('SELECT pg_backend_pid();');
	main::fail('crash', "no connection: $self->{pid}") unless $self->{pid} =~ /^\d+$/;
	return $self;
}

sub send
{
	my ($self, $sql) = @_;
	$self->{mark} = '--done ' . ++$marks . '--';
	$self->{buf} = '';
	# what is left in psql's buffer after a COPY that failed would spoil the next statement
	my $reset = $sql =~ /^\\\.$/m ? "\\r\n" : '';
	my $text = "$sql\n$reset\\echo $self->{mark}\n";
	while (length $text)
	{
		my $n = syswrite($self->{in}, $text);
		return $self->{dead} = 1 unless $n;
		substr($text, 0, $n, '');
	}
	return;
}

sub busy { return defined $_[0]{mark} }

# Reads until one of the sessions is done, or the time is over; true if one is done.
sub wait
{
	my ($sessions, $seconds) = @_;
	my $end = main::time() + $seconds;
	while (1)
	{
		my $bits = '';
		vec($bits, fileno($_->{out}), 1) = 1 for @$sessions;
		my $left = $end - main::time();
		my $n = select($bits, undef, undef, $left > 0 ? $left : 0);
		return 0 if !$n || $n < 0;
		my $done = 0;
		for my $s (@$sessions)
		{
			next unless vec($bits, fileno($s->{out}), 1);
			my $n = sysread($s->{out}, $s->{buf}, 65536, length $s->{buf});
			if (!$n)
			{
				main::fail('crash', "connection of $s->{name} was lost: $s->{buf}");
			}
			if ($s->{buf} =~ s/^\Q$s->{mark}\E\n\z//m)
			{
				$s->{mark} = undef;
				$s->{buf} =~ s/^Query buffer reset \(cleared\)\.\n//mg;
				chomp $s->{buf};
				$done = 1;
			}
		}
		return 1 if $done;
	}
}

# A statement that waits for nobody, and its answer.
sub ask
{
	my ($self, $sql) = @_;
	$self->send($sql);
	$self->finish;
	return $self->{buf};
}

sub finish
{
	my ($self) = @_;
	my $end = main::time() + $patience;
	while ($self->busy)
	{
		main::fail('hang', "$self->{name} does not answer") if main::time() > $end;
		Psql::wait([$self], 1);
	}
	return;
}

sub close
{
	my ($self) = @_;
	close $self->{in};
	for (1 .. 100)
	{
		return if waitpid($self->{process}, main::WNOHANG()) != 0;
		main::sleep(0.02);
	}
	kill 'KILL', $self->{process};
	waitpid($self->{process}, 0);
	return;
}

package main;

my $control;

sub control
{
	$control ||= Psql->new('control', '-c client_min_messages=error');
	return $control;
}

# After a crash: waits until the server is back.
sub reconnect
{
	for (1 .. 60)
	{
		$control = undef;
		return 1 if eval { control(); 1 };
		sleep(1);
	}
	return 0;
}

#--------------------------------------------------------------------- statements and steps
#
# A statement:  kind   what it is, for messages
#               sql    [for heap, for tsdb]; undef = nothing to do there
#               tx     begin, commit, rollback, save, rollback_to, release; name: of the savepoint
#               locks  [[table, key], ...] whose rows it may write, lock or wait for; key '*' = any
#               keyshare  may lock a row FOR KEY SHARE, itself or by a foreign key
#               multi  touches several rows, in an order that is each twin's own
#               noindexuse  not after the transaction had a cursor;  nopin  not while others may hold pins
#               alone  only while no other session has a transaction;  notx  not in a transaction block
#               mover  moves rows;  fate: how its transaction is to end
#               may    errors that it may have in tsdb alone
#               done   called when it had no error
#
# A session:    i, c => [psql of heap, psql of tsdb], tx, aborted, saves, iso, mover (moved rows in this transaction),
#               seq (moves before it began), pend => { st, out => [heap's, tsdb's] } while it runs

sub statement
{
	my ($kind, $sql, %more) = @_;
	return { kind => $kind, sql => ref $sql ? $sql : [ $sql, $sql ], %more };
}

sub sessions { my ($r) = @_; return (@{ $r->{s} }, $r->{m} ? $r->{m} : ()); }
sub pending { return grep { $_->{pend} } sessions($_[0]) }
sub errors { return join ' ', $_[0] =~ /^(?:ERROR|FATAL|PANIC):\s+(\w+)/mg }

# For each given backend, those of ours that it waits for.
sub blockers
{
	my ($r, @psql) = @_;
	my %ours = map { $_->{pid} => 1 } map { @{ $_->{c} } } sessions($r);
	my %graph;
	my $answer = control()->ask("SELECT p, array_to_string(pg_blocking_pids(p), ',') FROM unnest('{"
		. join(',', map { $_->{pid} } @psql) . "}'::int[]) p ORDER BY p;");
	for (split /\n/, $answer)
	{
		my ($pid, $list) = split /\|/, $_, -1;
		$graph{$pid} = [ grep { $ours{$_} } split /,/, $list // '' ];
	}
	return \%graph;
}

# Does one of these sessions wait for a lock of a chunk, or hold one that others would wait for?  (After many row
# locks in a chunk, a transaction locks all of it.)
sub chunk_lock
{
	my ($which, @sessions) = @_;
	return 0 unless @sessions;
	return control()->ask("SELECT count(*) FROM pg_locks WHERE locktype = 'page' AND pid IN (" . join(', ', map { $_->{c}[1]{pid} } @sessions) . ") AND $which;") > 0;
}

# Everybody that a backend waits for, through others too.
sub closure
{
	my ($graph, $pid) = @_;
	my %seen;
	my @todo = @{ $graph->{$pid} || [] };
	while (@todo)
	{
		my $p = shift @todo;
		next if $seen{$p}++;
		push @todo, @{ $graph->{$p} || [] };
	}
	return \%seen;
}

# Returns when each session of both twins is idle or waits, for good, for another one of ours.  If only one session was
# given something to do, and that gives up no lock, the others that waited before still do.
sub settle
{
	my ($r, $only) = @_;
	my ($last, $since) = ('', 0);
	my $progress = time;
	while (1)
	{
		my @busy = grep { $_->busy } map { @{ $_->{c} } } sessions($r);
		last unless @busy;
		last if $only && !grep { $_->busy || ($only->{tx} && errors($_->{buf}) ne '') } @{ $only->{c} };
		if (Psql::wait(\@busy, 0.015))
		{
			$progress = time;
			$last = '';
			next;
		}
		my $graph = blockers($r, @busy);
		my $circle = grep { closure($graph, $_)->{$_} } keys %$graph;
		# (a mover waits for its lock_timeout only)
		my $running = grep { !@$_ } values %$graph;
		$running++ if grep { $_->{pend}{st}{mover} && $_->{c}[1]->busy } pending($r);
		my $picture = join ' ', map { "$_:@{$graph->{$_}}" } sort keys %$graph;
		if ($running || $circle || $picture ne $last)
		{
			($last, $since) = ($picture, time);
			fail('hang', 'no answer of ' . join(', ', map { $_->{name} } @busy)) if time - $progress > $patience;
			next;
		}
		last if time - $since > $settled_after;
	}
	for my $s (pending($r))
	{
		for my $w (0, 1)
		{
			my $c = $s->{c}[$w];
			$s->{pend}{out}[$w] = $c->{buf} if defined $s->{pend}{st}{sql}[$w] && !$c->busy && !defined $s->{pend}{out}[$w];
		}
	}
	return;
}

sub start
{
	my ($r, $s, $st) = @_;
	push @{ $r->{history} }, [ $s->{i}, $st ];
	$r->{statements}++;
	$s->{pend} = { st => $st, out => [ undef, undef ] };
	for my $w (0, 1)
	{
		if (defined $st->{sql}[$w])
		{
			$s->{c}[$w]->send($st->{sql}[$w]);
		}
		else
		{
			$s->{pend}{out}[$w] = '';
		}
	}
	settle($r, ($st->{tx} || '') =~ /^(?:commit|rollback)/ ? undef : $s);
	return;
}

sub end_transaction
{
	my ($r, $s, $keep) = @_;
	$r->{t} = $s->{model} if !$keep && $s->{model};
	@$s{qw(tx aborted mover model)} = (0, 0, 0, undef);
	$s->{saves} = [];
	$s->{cursors} = {};
	delete @$s{qw(fate had_cursor rolled_to)};
	return;
}

# Out of doubt: the session's transaction never was, in both twins.
sub roll_back
{
	my ($r, $s) = @_;
	my $st = statement('doubt', 'ROLLBACK;', auto => 1);
	# a statement of its own may have committed already, in one of them
	my $lost = $s->{pend} && !$s->{tx} && defined $s->{pend}{st}{sql}[0] && $s->{pend}{st}{kind} ne 'lock';
	for my $c (@{ $s->{c} })
	{
		for (1 .. 100)
		{
			last unless $c->busy;
			control()->ask("SELECT pg_cancel_backend($c->{pid});");
			Psql::wait([$c], 0.2);
		}
		$c->finish;
	}
	fail('abandoned', 'a statement outside a transaction') if $lost;
	push @{ $r->{history} }, [ $s->{i}, $st ];
	$_->ask('ROLLBACK;') for @{ $s->{c} };
	$s->{pend} = undef;
	end_transaction($r, $s, 0);
	settle($r);
	return;
}

sub show_outcome
{
	my ($out) = @_;
	return '(waits)' unless defined $out;
	return length $out > 1500 ? substr($out, 0, 1500) . '...' : $out;
}

sub differ
{
	my ($r, $s, $kind) = @_;
	my @out = @{ $s->{pend}{out} };
	if ($s->{pend}{st}{kind} eq 'compare')
	{
		my @lines = map { [ split /\n/, $_ ] } @out;
		my @unequal = grep { $lines[0][$_] ne ($lines[1][$_] // '') } 0 .. $#{ $lines[0] };
		@out = map { my $l = $_; join "\n", map { $_ // '' } @$l[@unequal] } @lines;
	}
	my ($h, $c) = map { show_outcome($_) } @out;
	my $text = "session $s->{i}: $s->{pend}{st}{sql}[1]\nheap:\n$h\ntsdb:\n$c";
	$text .= explain_difference($s) if $s->{pend}{st}{kind} eq 'compare';
	fail($kind, $text, join(' / ', $kind, map { defined $_ ? errors($_) : 'waits' } @{ $s->{pend}{out} }));
}

# What a mover may answer when it cannot do its work now.
my %mover_may = map { $_ => 1 } qw(55P03 40P01 40001 55006 0A000 25P02);

# May this be 40001 because a row was moved after the transaction's snapshot?
sub moved_away
{
	my ($r, $s, $err) = @_;
	return $err =~ /40001/ && $s->{tx} && $s->{iso} ne 'READ COMMITTED' && $r->{multi} && ($r->{seq} > $s->{seq} || grep { $_->{mover} } sessions($r));
}

# A statement has ended in both twins: compares, and keeps track of the session's transaction.
# True if the transaction was rolled back instead.
sub judge_finished
{
	my ($r, $s) = @_;
	my $st = $s->{pend}{st};
	my @out = @{ $s->{pend}{out} };
	my @err = map { errors($_) } @out;

	if (!defined $st->{sql}[0])
	{
		if (defined $st->{expect})
		{
			differ($r, $s, 'damage') unless $out[1] =~ $st->{expect};
		}
		elsif ($err[1] ne '' && !$s->{aborted})
		{
			my $may = $st->{mover} ? \%mover_may : $st->{may} || {};
			differ($r, $s, 'mover failed') if grep { !$may->{$_} } split / /, $err[1];
			$r->{count}{"moves refused, $err[1]"}++;
			note("refused, $err[1]: $st->{sql}[1]") if $ENV{RANDOM_TRACE};
			if ($s->{tx})
			{
				roll_back($r, $s);
				return 1;
			}
		}
		$r->{seq}++ if $st->{mover};
		if ($st->{mover} && $s->{tx})
		{
			$s->{mover} = 1;
			$s->{fate} = $st->{fate};
		}
	}
	elsif ($out[0] ne $out[1])
	{
		my $in_tx = $s->{tx};
		if ($err[0] !~ /40001/ && moved_away($r, $s, $err[1]))
		{
			$r->{count}{'40001 after a move'}++;
		}
		elsif ($tolerate && $err[1] =~ /0A000/ && $in_tx)
		{
			$r->{count}{'refused with 0A000'}++;
		}
		elsif ($st->{keyshare} && $st->{nowait} && $in_tx)
		{
			# heapam passes some later versions of the row, and waits for others in spite of NOWAIT and SKIP LOCKED
			$r->{doubts}++;
			$r->{count}{'doubt: KEY SHARE at once'}++;
		}
		elsif ($st->{keyshare} && $st->{moved} && ($in_tx || $st->{kind} eq 'lock'))
		{
			# documented: of a row that was moved it returns the latest version, where heap does not mind an update of others
			$r->{doubts}++;
			$r->{count}{'doubt: KEY SHARE of a moved row'}++;
		}
		elsif ($st->{nowait} && ($in_tx || $st->{kind} eq 'lock') && $err[0] eq '' && $out[0] =~ /^([0-9]+)\|/ && $1 > 500 && ($err[1] =~ /55P03/ || $err[1] eq '' && $out[1] =~ /^([0-9]+)\|/ && $1 < $out[0] =~ s/\|.*//sr))
		{
			# documented: who locks so many rows of a chunk needs the whole chunk, of which another session has a row
			$r->{doubts}++;
			$r->{count}{'doubt: many locks at once'}++;
		}
		elsif ($st->{multi} && $in_tx && $err[0] ne '' && $err[1] ne '')
		{
			$r->{doubts}++;
			$r->{count}{'doubt: two errors'}++;
		}
		elsif ($err[0] ne $err[1])
		{
			differ($r, $s, 'errors differ');
		}
		else
		{
			differ($r, $s, $st->{kind} eq 'compare' ? 'tables differ' : 'answers differ');
		}
		roll_back($r, $s);
		return 1;
	}

	$s->{pend} = undef;
	my $failed = $err[1] ne '';
	fail('script', "$st->{sql}[1]: $err[1]") if $err[1] =~ /\b42/ && $st->{kind} eq 'setup' && !$r->{replay};
	$r->{count}{ 'both: ' . (split / /, $err[1])[0] . ($err[1] =~ /^40001/ && (!$s->{tx} || $s->{iso} eq 'READ COMMITTED') ? ' in READ COMMITTED' : '') }++ if $failed && defined $st->{sql}[0];
	my $tx = $st->{tx} || '';
	if ($tx eq 'begin')
	{
		@$s{qw(tx aborted iso seq)} = (1, 0, $st->{iso}, $r->{seq});
		$s->{model} = clone($r->{t}) if @{ $r->{s} } == 1;
	}
	elsif ($tx eq 'commit' || $tx eq 'rollback')
	{
		# (a move counts again when it becomes visible)
		$r->{seq}++ if $s->{mover};
		end_transaction($r, $s, $tx eq 'commit' && !$failed && !$s->{aborted});
	}
	elsif ($failed)
	{
		$s->{aborted} = 1 if $s->{tx};
	}
	elsif ($tx eq 'save')
	{
		push @{ $s->{saves} }, [ $st->{name}, @{ $r->{s} } == 1 ? clone($r->{t}) : undef ];
	}
	elsif ($tx eq 'rollback_to' || $tx eq 'release')
	{
		my $saves = $s->{saves};
		pop @$saves while @$saves && $saves->[-1][0] ne $st->{name};
		if ($tx eq 'release')
		{
			pop @$saves;
		}
		else
		{
			$s->{aborted} = 0;
			$s->{rolled_to} = 1;
			$s->{cursors} = {};
			$r->{t} = clone($saves->[-1][1]) if @$saves && $saves->[-1][1];
		}
	}
	$st->{done}->() if $st->{done} && !$failed && !$r->{replay};
	return 0;
}

# After settle: what has ended, and who waits in one twin only.
sub judge
{
	my ($r) = @_;
	my $turns = 0;
AGAIN:
	while (1)
	{
		fail('hang', 'no end of waits') if ++$turns > 100;
		for my $s (pending($r))
		{
			my @dead = map { defined $_ && $_ =~ /^ERROR:\s+40P01/m ? 1 : 0 } @{ $s->{pend}{out} };
			next if $dead[0] == $dead[1] || !defined $s->{pend}{st}{sql}[0];
			$r->{doubts}++;
			$r->{count}{'doubt: deadlock in one twin'}++;
			# those that wait first, so that nobody goes on in between
			roll_back($r, $_) for pending($r);
			roll_back($r, $_) for grep { $_->{tx} } sessions($r);
			next AGAIN;
		}
		for my $s (pending($r))
		{
			next if grep { !defined } @{ $s->{pend}{out} };
			next AGAIN if judge_finished($r, $s);
		}
		my @one_sided = grep { my $out = $_->{pend}{out}; defined $out->[0] || defined $out->[1] } pending($r);
		# errors first: others may have gone on because of one
		for my $s (@one_sided)
		{
			my @out = @{ $s->{pend}{out} };
			my ($err) = map { errors($_) } grep { defined } @out;
			next if $err eq '' || !$s->{tx};
			my $moved = defined $out[1] && moved_away($r, $s, $err);
			next unless $moved || $s->{pend}{st}{multi} || ($err =~ /^40001/ && $s->{iso} ne 'READ COMMITTED');
			$r->{doubts}++ if !$moved;
			$r->{count}{ $moved ? '40001 after a move' : 'doubt: error and wait' }++;
			roll_back($r, $s);
			next AGAIN;
		}
		for my $s (@one_sided)
		{
			my @out = @{ $s->{pend}{out} };
			my $st = $s->{pend}{st};
			if ($st->{nowait} && !defined $out[0])
			{
				# where heapam follows a row to its later versions, it waits all the same
				$r->{count}{'heap waits in spite of NOWAIT'}++;
				roll_back($r, $s);
				next AGAIN;
			}
			differ($r, $s, 'wait in one twin') unless defined $out[0];
			my $graph = blockers($r, grep { $_->busy } map { $_->{c}[1] } sessions($r));
			my $behind = closure($graph, $s->{c}[1]{pid});
			my @behind = grep { $behind->{ $_->{c}[1]{pid} } } sessions($r);
			if (grep { $_->{mover} || ($_->{pend} && $_->{pend}{st}{mover}) } @behind)
			{
				$st->{moved} = 1;
				$r->{count}{'waits for a mover'}++;
			}
			elsif (grep { $_->{pend} && chunk_lock('NOT granted', $_) } $s, @behind)
			{
				$r->{count}{'waits for a chunk'}++;
			}
			elsif (grep { $_->{rolled_to} || ($_->{aborted} && @{ $_->{saves} }) } @behind)
			{
				# documented: a KEY SHARE lock of a savepoint, rolled back by command or by an error, stays if the row
				# was updated meanwhile
				$r->{doubts}++;
				$r->{count}{'doubt: lock of a savepoint'}++;
			}
			elsif ($st->{keyshare})
			{
				# documented: if the new version's xmax says something else than shared locks
				$r->{doubts}++;
				$r->{count}{'doubt: KEY SHARE waits'}++;
			}
			else
			{
				differ($r, $s, 'wait in one twin');
			}
			my ($idle) = sort { $b->{mover} <=> $a->{mover} } grep { !$_->{pend} && $_->{tx} } @behind;
			fail('hang', 'nobody to end') unless $idle;
			my $end = $idle->{aborted} ? 'ROLLBACK' : $idle->{fate} || 'COMMIT';
			start($r, $idle, statement('tx', "$end;", tx => lc $end, auto => 1));
			next AGAIN;
		}
		return;
	}
}

sub step
{
	my ($r, $s, $st) = @_;
	my $began = time;
	start($r, $s, $st);
	judge($r);
	$r->{count}{'waits'}++ if $s->{pend};
	printf "# %.3f s [%s] %s%s\n", time - $began, $s->{i}, substr($st->{sql}[1] // $st->{sql}[0], 0, 150) =~ s/\n/ /gr, $s->{pend} ? ' (waits)' : '' if $ENV{RANDOM_TRACE};
	return;
}

# May this session run this statement now?
sub permitted
{
	my ($r, $s, $st) = @_;
	return 0 if $s->{pend};
	return 0 if $st->{notx} && $s->{tx};
	my @others = grep { $_ != $s } sessions($r);
	if ($st->{alone})
	{
		return 0 if grep { $_->{pend} || $_->{tx} } @others;
		return 0 if $s->{tx} && @others;
	}
	# would fail in tsdb alone
	return 0 if $st->{nowait} && ((grep { $_->{mover} } @others)
		|| chunk_lock("granted AND mode IN ('ShareLock', 'ExclusiveLock', 'AccessExclusiveLock')", grep { $_->{tx} } @others));
	# VACUUM may wait for the pin of a cursor, or of a statement that waits
	return 0 if $st->{nopin} && grep { $_->{pend} || %{ $_->{cursors} } } @others;
	# whether it uses an index is each twin's own decision
	return 0 if $st->{noindexuse} && $s->{had_cursor};
	for my $other (grep { $_->{pend} } @others)
	{
		for my $a (@{ $other->{pend}{st}{locks} || [] })
		{
			for my $b (@{ $st->{locks} || [] })
			{
				return 0 if $a->[0] eq $b->[0] && ($a->[1] eq '*' || $b->[1] eq '*' || $a->[1] eq $b->[1]);
			}
		}
	}
	return 1;
}

#--------------------------------------------------------------------- columns and values

# Columns that come and go: type => [literal, expression over i].
my %extra_types = (
	'int' => [ sub { rnd(1000) - 500 }, '(i % 91)' ],
	'smallint' => [ sub { rnd(60) }, '(i % 60)::smallint' ],
	'bigint' => [ sub { rnd(10) . '00000000' . rnd(10) }, '(i * 10000000019)' ],
	'boolean' => [ sub { pick('true', 'false') }, '(i % 3 = 0)' ],
	'date' => [ sub { "date '2024-02-01' + " . rnd(300) }, "(date '2024-01-01' + (i % 300)::int)" ],
	'timestamp' => [ sub { "timestamp '2024-02-01' + interval '" . rnd(9999) . " s'" }, "(timestamp '2024-01-01' + i * interval '1 s')" ],
	'real' => [ sub { rnd(100) . '.5' }, '(i / 4.0)::real' ],
	'uuid' => [ sub { "md5('" . rnd(50) . "')::uuid" }, 'md5((i % 50)::text)::uuid' ],
	'bytea' => [ sub { "decode(md5('" . rnd(50) . "'), 'hex')" }, "decode(md5(i::text), 'hex')" ],
	'jsonb' => [ sub { "'{\"a\": " . rnd(9) . "}'::jsonb" }, "jsonb_build_object('a', i % 9)" ],
	'int[]' => [ sub { 'ARRAY[' . rnd(9) . ', NULL, ' . rnd(9) . ']' }, 'ARRAY[(i % 9)::int, NULL]' ],
	'varchar(40)' => [ sub { "'x" . rnd(30) . "'" }, "('x' || i % 30)" ],
);

# Several sessions often go for the row that was used last.
sub key
{
	my ($r) = @_;
	return $r->{last_key} if $r->{multi} && $r->{last_key} && chance(0.5);
	return $r->{last_key} = chance($r->{multi} ? 0.95 : 0.85) ? 1 + rnd($r->{keys}) : 1 + rnd(3000);
}

sub time_literal { return "timestamptz '2024-01-01 00:00:00+00' + interval '" . rnd(4000) . " min'"; }

sub big { return 'public.big(' . rnd(1000) . ', ' . pick(70, 90, 300) . ')'; }

sub literal
{
	my ($r, $t, $col) = @_;
	my $name = $col->{name};
	my $null = !$col->{notnull} && chance(0.07);
	return key($r) if $name eq 'k' && !($null && !$t->{unique});
	return 'NULL' if $null;
	return "'s" . rnd(5) . "'" if $name eq 's';
	return rnd(100) if $name eq 'v';
	return time_literal() if $name eq 'ts';
	return pick((map { rnd(400) / 8 } 1 .. 6), "'NaN'", "'-0'", "'Infinity'", '1e300') if $name eq 'f';
	return pick(rnd(100), rnd(100) . '.' . rnd(1000), '0.000', "'NaN'", '123456789012345678901234567890.5') if $name eq 'n';
	return pick("'w" . rnd(30) . "'", "''", "'w" . rnd(30) . "'", "repeat('r" . rnd(9) . "', 1500)", big()) if $name eq 'd';
	return key($r) if $name eq 'pk';
	return $extra_types{ $col->{type} }[0]->();
}

# The same column for row i of many.
sub expression
{
	my ($r, $t, $col) = @_;
	my $name = $col->{name};
	return 'i' if $name eq 'k';
	return "'s' || i % 5" if $name eq 's';
	return pick('i % 100', 'CASE WHEN i % 9 <> 0 THEN i % 50 END') if $name eq 'v';
	return "timestamptz '2024-01-01 00:00:00+00' + i * interval '1 min'" if $name eq 'ts';
	return pick('i / 8.0', "CASE WHEN i % 40 = 0 THEN 'NaN'::float8 ELSE sqrt(abs(i)) END") if $name eq 'f';
	return pick('i % 1000 / 100.0', 'NULL', 'i') if $name eq 'n';
	return "CASE WHEN i % 97 = 0 THEN public.big(i::int, 90) WHEN i % 4 = 0 THEN NULL ELSE 'w' || i % 40 END" if $name eq 'd';
	return pick('NULL', '(i % 20) + 1') if $name eq 'pk';
	return $extra_types{ $col->{type} }[1];
}

sub has { my ($t, $name) = @_; return grep { $_->{name} eq $name } @{ $t->{columns} }; }
sub writable { my ($t) = @_; return grep { !$_->{generated} } @{ $t->{columns} }; }

# Some columns to insert into; k always, and what must not be NULL.
sub insert_columns
{
	my ($t) = @_;
	return grep { $_->{notnull} || $_->{name} eq 'k' || chance(0.9) } writable($t);
}

#--------------------------------------------------------------------- parts of statements

# A condition, and the key of the only row that it can be true for ('*': many).  '@' stands for a qualifier.
sub condition
{
	my ($r, $t, $one) = @_;
	if ($one || chance($r->{multi} ? 0.65 : 0.45))
	{
		my $k = key($r);
		return ("\@k = $k", $t->{unique} ? $k : '*');
	}
	my $k = key($r);
	my $other = data_table($r);
	my @many = (
		"\@k IN (" . join(', ', map { key($r) } 1 .. 4) . ')',
		"\@k BETWEEN $k AND " . ($k + rnd(8)),
		"\@k BETWEEN $k AND " . ($k + rnd($r->{multi} ? 20 : 400)),
		"\@k > $k AND \@v % 7 = " . rnd(7),
		"\@s = 's" . rnd(5) . "' AND \@k % 3 = " . rnd(3),
		"\@s = 's" . rnd(5) . "' AND \@ts BETWEEN " . time_literal() . ' AND ' . time_literal(),
		"\@ts < timestamptz '2024-01-01 00:00:00+00' + interval '" . rnd(300) . " min'",
		"\@v = " . rnd(100),
		'@v IS NULL',
		"upper(\@s) = 'S" . rnd(5) . "' AND \@k < " . rnd(100),
		"\@v % 10 = " . rnd(10) . ' AND @v > 50',
		"\@k IN (SELECT o.k FROM $other->{name} o WHERE o.v % 9 = " . rnd(9) . ')',
		"EXISTS (SELECT 1 FROM $other->{name} o WHERE o.k = \@k AND o.s = 's" . rnd(5) . "')",
		"\@k = (SELECT max(o.k) FROM $other->{name} o WHERE o.k < $k)",
		"\@k IN (SELECT o.k FROM $t->{name} o ORDER BY o.k LIMIT " . (1 + rnd(5)) . ')',
	);
	push @many, "\@d LIKE 'w1%'", 'length(@d) > 2000', '@d IS NULL AND @k % 4 = 1' if has($t, 'd');
	push @many, "\@f > " . rnd(50), "\@f = 'NaN'" if has($t, 'f');
	push @many, "\@n = " . rnd(10) if has($t, 'n') && !$t->{n_text};
	push @many, 'true' if chance(0.15);
	# several sessions are to meet
	push @many, '@k < 4', '@k % 2 = 1 AND @k < 12', '@k BETWEEN 2 AND 6', "\@s = 's" . rnd(3) . "' AND \@k < 10", '@v % 3 = 1 AND @k < 20', '@k IN (1, 2)' if $r->{multi};
	splice @many, 0, 8 if $r->{multi} && chance(0.6);
	return (pick(@many), '*');
}

sub qualified { my ($text, $prefix) = @_; $text =~ s/\@/$prefix/g; return $text; }

# Assignments.  Those that could make a row meet another row of the same statement are for single rows.
sub assignments
{
	my ($r, $t, $one, $expr_prefix) = @_;
	my @columns = grep { $_->{name} ne 'k' } writable($t);
	my (@list, %seen);
	for (1 .. 1 + rnd(3))
	{
		my $col = pick(@columns);
		my $name = $col->{name};
		next if $seen{$name}++;
		my $value = literal($r, $t, $col);
		my $free = $one || !$t->{unique_st} || ($name ne 's' && $name ne 'ts');
		$value = "\@v + " . rnd(5) if $name eq 'v' && chance(0.6);
		$value = "\@ts + interval '" . rnd(90) . " min'" if $name eq 'ts' && chance(0.5) && $free;
		$value = '@f + 1.25' if $name eq 'f' && chance(0.5);
		$value = '@n + 0.01' if $name eq 'n' && chance(0.5) && !$t->{n_text};
		$value = "\@d || 'z'" if $name eq 'd' && chance(0.2);
		push @list, "$name = " . qualified($value, $expr_prefix);
	}
	return join ', ', @list;
}

# With RETURNING, rows come sorted, and long ones as their digest.
sub returning
{
	my ($r, $t, $sql) = @_;
	return "$sql;" if chance(0.6);
	return "WITH w AS ($sql RETURNING $t->{name}.*) SELECT count(*), md5(string_agg(w::text, ' ' ORDER BY w::text)) FROM w;" if chance(0.5);
	return "WITH w AS ($sql RETURNING $t->{name}.k, $t->{name}.v, $t->{name}.s) SELECT * FROM w ORDER BY w::text;";
}

# Rows of other tables that a change of this one may lock.
sub locks
{
	my ($r, $t, $key, %what) = @_;
	my @locks = ([ $t->{name}, $key ]);
	push @locks, [ $t->{child}, '*' ] if $t->{child} && ($what{delete} || $what{key});
	push @locks, [ $t->{parent}, '*' ] if $t->{parent} && !$what{delete} && !$what{lock};
	my $keyshare = $what{keyshare} || ($t->{parent} && !$what{delete} && !$what{lock});
	return (locks => \@locks, keyshare => $keyshare, multi => $key eq '*' || ($t->{child} && ($what{delete} || $what{key})) ? 1 : 0);
}

sub any_table
{
	my ($r) = @_;
	return $r->{t}{ $r->{focus} } if $r->{multi} && chance(0.6);
	return pick(map { ($_) x ($_->{weight} || 1) } map { $r->{t}{$_} } sort keys %{ $r->{t} });
}

# Tables that statements write to; the triggers' log is for looking at.
sub data_table
{
	my ($r) = @_;
	return $r->{t}{ $r->{focus} } if $r->{multi} && chance(0.6);
	return pick(map { $r->{t}{$_} } grep { $_ ne 'l' } sort keys %{ $r->{t} });
}

sub unique_table
{
	my ($r) = @_;
	my @list = grep { $_->{unique} } map { $r->{t}{$_} } sort keys %{ $r->{t} };
	return @list ? pick(@list) : undef;
}

#--------------------------------------------------------------------- generators: rows

sub values_list
{
	my ($r, $t, $columns, $key) = @_;
	return '(' . join(', ', map { $_->{name} eq 'k' && defined $key ? $key : literal($r, $t, $_) } @$columns) . ')';
}

sub gen_insert
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my @columns = insert_columns($t);
	my $names = join ', ', map { $_->{name} } @columns;
	my @keys = chance(0.6) ? (key($r)) : map { key($r) } 1 .. 2 + rnd(5);
	if ($t->{unique} && chance(0.5))
	{
		# mostly new ones
		$_ += 4000 + rnd(100000) for @keys;
	}
	my $sql = "INSERT INTO $t->{name} ($names) VALUES " . join(', ', map { values_list($r, $t, \@columns, $_) } @keys);
	return statement('dml', returning($r, $t, $sql), locks($r, $t, @keys == 1 && $t->{unique} ? $keys[0] : '*'));
}

sub gen_bulk
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	return gen_delete_many($r, $s, $t) if ($t->{rows} || 0) > $r->{row_limit};
	my @columns = insert_columns($t);
	my $names = join ', ', map { $_->{name} } @columns;
	my $from = $t->{unique} ? 3000 + 1000 * rnd(60) : 1 + rnd(2000);
	my $n = pick(3, 40, 300, 1000, 1000, 1500);
	my $sql;
	if ($r->{multi} && chance(0.7))
	{
		# back to what most statements look for
		($from, $n) = (1, $r->{keys} + rnd(20));
	}
	if (chance(0.25))
	{
		# from the table itself, and what it reads must not be what it writes
		my $limit = 1 + rnd(1500);
		my $shift = 200000 + rnd(1000000);
		$sql = "INSERT INTO $t->{name} ($names) SELECT " . join(', ', map { $_->{name} eq 'k' ? "k + $shift" : $_->{name} eq 'ts' && $t->{unique_st} ? "ts + interval '$shift min'" : $_->{name} } @columns)
			. " FROM $t->{name} WHERE k BETWEEN 1 AND $limit";
	}
	else
	{
		$sql = "INSERT INTO $t->{name} ($names) SELECT " . join(', ', map { expression($r, $t, $_) } @columns)
			. " FROM generate_series($from, " . ($from + $n - 1) . ") i";
	}
	$sql .= ' ON CONFLICT DO NOTHING' if chance($r->{multi} && $t->{unique} ? 0.8 : 0.15);
	return statement('dml', "$sql;", locks($r, $t, '*'));
}

sub gen_copy
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my @columns = grep { $_->{name} =~ /^(k|s|v|ts|f)$/ } writable($t);
	my $from = 100000 + rnd(1000000);
	my $lines = '';
	for my $i ($from .. $from + pick(1, 20, 1100) - 1)
	{
		$lines .= join("\t", map { $_->{name} eq 'k' ? $i : $_->{name} eq 's' ? 's' . $i % 5 : $_->{name} eq 'v' ? ($i % 11 ? $i % 100 : '\N')
			: $_->{name} eq 'ts' ? sprintf('2024-%02d-%02d %02d:%02d:00+00', 1 + int($i / 28 / 1440) % 12, 1 + int($i / 1440) % 28, int($i / 60) % 24, $i % 60)
			: $i / 16 } @columns) . "\n";
	}
	my $sql = "COPY $t->{name} (" . join(', ', map { $_->{name} } @columns) . ") FROM stdin;\n$lines\\.";
	return statement('copy', $sql, locks($r, $t, '*'));
}

sub gen_update
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my ($where, $key) = condition($r, $t);
	my $sql;
	if (chance($t->{partitions} ? 0.5 : 0.15))
	{
		# keys: one row to anywhere, or a range shifted by more than its length
		if ($key ne '*' || chance(0.5))
		{
			my $k = key($r);
			my $to = pick(key($r), key($r) + 100000, -key($r), 50 + rnd(200));
			$sql = "UPDATE $t->{name} SET k = $to WHERE k = $k";
		}
		else
		{
			my $from = pick(1, 1, 100001) + rnd(50);
			my $to = $from + rnd(60);
			my $new = $from > 100000 ? 'k - 100000' : pick('k + 100000', '-k');
			$sql = "UPDATE $t->{name} SET k = $new, v = v + 1 WHERE k BETWEEN $from AND $to";
		}
		return statement('dml', returning($r, $t, $sql), locks($r, $t, '*', key => 1));
	}
	my $set = assignments($r, $t, $key ne '*', '');
	return statement('dml', returning($r, $t, "UPDATE $t->{name} SET $set WHERE " . qualified($where, '')), locks($r, $t, $key));
}

sub gen_update_from
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my $o = data_table($r);
	my ($where) = condition($r, $t);
	my $from;
	my $what = pick('values', 'table', 'group');
	if ($what eq 'values')
	{
		my %keys = map { key($r) => rnd(100) } 1 .. 1 + rnd(4);
		$from = '(VALUES ' . join(', ', map { "($_, $keys{$_})" } sort { $a <=> $b } keys %keys) . ') o(k, v)';
		$where = 'true';
	}
	elsif ($what eq 'table' && $o->{unique})
	{
		$from = "$o->{name} o";
	}
	else
	{
		$from = "(SELECT k, max(v) AS v FROM $o->{name} GROUP BY k) o";
	}
	my $target = pick("v = o.v", "v = $t->{name}.v + 1", assignments($r, $t, 0, "$t->{name}."));
	return statement('dml', returning($r, $t, "UPDATE $t->{name} SET $target FROM $from WHERE o.k = $t->{name}.k AND " . qualified($where, "$t->{name}.")),
		locks($r, $t, '*'));
}

sub gen_delete
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	if (chance(0.2))
	{
		my $o = data_table($r);
		my $k = key($r);
		my $sql = "DELETE FROM $t->{name} USING $o->{name} o WHERE o.k = $t->{name}.k AND o.k BETWEEN $k AND " . ($k + rnd(10)) . ' AND o.v % 2 = 0';
		# a join on keys that are not unique would still return each row once, but which pair is open
		return statement('dml', "$sql;", locks($r, $t, '*', delete => 1));
	}
	my ($where, $key) = condition($r, $t, chance(0.4));
	$where = "($where) AND \@k % 3 = 0" if $key eq '*' && chance(0.5);
	return statement('dml', returning($r, $t, "DELETE FROM $t->{name} WHERE " . qualified($where, '')), locks($r, $t, $key, delete => 1));
}

sub gen_delete_many
{
	my ($r, $s, $t) = @_;
	$t ||= data_table($r);
	my $from = rnd(3000);
	my $where = pick("s = 's" . rnd(5) . "'", "k > $from", 'k % 2 = 0', 'true', 's IN (SELECT s FROM ' . $t->{name} . ' WHERE v = ' . rnd(100) . ')', 'k > 2000');
	return statement('dml', "DELETE FROM $t->{name} WHERE $where;", locks($r, $t, '*', delete => 1));
}

sub gen_merge
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my @columns = insert_columns($t);
	my %keys = map { (chance(0.7) ? key($r) : 5000 + rnd(90000)) => rnd(100) } 1 .. 1 + rnd(5);
	my $o = unique_table($r);
	my $source = '(VALUES ' . join(', ', map { "($_, $keys{$_})" } sort { $a <=> $b } keys %keys) . ')';
	$source = "(SELECT k, v FROM $o->{name} WHERE k BETWEEN " . key($r) . ' AND ' . (key($r) + 5) . ')' if $o && chance(0.3);
	my @when;
	push @when, 'WHEN MATCHED AND o.v % 3 = 0 THEN DELETE' if chance(0.4);
	push @when, 'WHEN MATCHED AND t.v > 40 THEN DO NOTHING' if chance(0.3);
	push @when, 'WHEN MATCHED THEN UPDATE SET ' . (chance(0.5) ? 'v = o.v' : assignments($r, $t, 0, 't.')) if chance(0.8);
	push @when, 'WHEN NOT MATCHED AND o.v < 20 THEN DO NOTHING' if chance(0.3);
	push @when, 'WHEN NOT MATCHED THEN INSERT (' . join(', ', map { $_->{name} } @columns) . ') VALUES ('
		. join(', ', map { $_->{name} eq 'k' ? 'o.k' : literal($r, $t, $_) } @columns) . ')'
		if chance(0.7) || !@when;
	return statement('dml', "MERGE INTO $t->{name} t USING $source o(k, v) ON t.k = o.k " . join(' ', @when) . ';', locks($r, $t, '*', delete => 1));
}

sub gen_upsert
{
	my ($r, $s) = @_;
	my $t = unique_table($r) or return gen_insert($r, $s);
	my @columns = insert_columns($t);
	my @keys = map { key($r) } 1 .. pick(1, 1, 1, 3);
	my $what = 'DO NOTHING';
	my $arbiter = chance(0.8) ? '(k)' : '';
	if (chance(0.7))
	{
		$arbiter = '(k)';
		$what = 'DO UPDATE SET ' . pick('v = excluded.v', "v = $t->{name}.v + 1", 's = excluded.s, ts = excluded.ts', has($t, 'd') ? 'd = excluded.d' : 'v = 5');
		$what .= " WHERE $t->{name}.v < " . rnd(100) if chance(0.3);
	}
	my $sql = "INSERT INTO $t->{name} (" . join(', ', map { $_->{name} } @columns) . ') VALUES '
		. join(', ', map { values_list($r, $t, \@columns, $_) } @keys) . " ON CONFLICT $arbiter $what";
	return statement('dml', returning($r, $t, $sql), locks($r, $t, @keys == 1 && !$t->{unique_st} ? $keys[0] : '*'));
}

#--------------------------------------------------------------------- generators: looking, locking, cursors, prepared statements

sub gen_select
{
	my ($r, $s) = @_;
	my $t = any_table($r);
	return statement('query', "SELECT count(*), md5(string_agg(l::text, ' ' ORDER BY l::text)) FROM l;") if $t->{name} eq 'l';
	my $o = data_table($r);
	my ($where) = condition($r, $t);
	my $w = qualified($where, 't.');
	my $sql = pick(
		"SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM $t->{name} t WHERE $w",
		"SELECT t.k, t.v, t.s FROM $t->{name} t WHERE $w ORDER BY t.k, t.v, t.s, t::text LIMIT 7",
		"SELECT s, count(*), min(k), max(ts), sum(v) FROM $t->{name} t WHERE $w GROUP BY s ORDER BY s",
		"SELECT count(*), count(o.v), md5(string_agg(o::text, ' ' ORDER BY o::text)) FROM $t->{name} t LEFT JOIN $o->{name} o ON o.k = t.k AND o.v > 30 WHERE $w",
		"SELECT t.s, t.ts, t.k FROM $t->{name} t WHERE t.s = 's1' ORDER BY t.s, t.ts DESC, t.k, t.v LIMIT 5",
		"SELECT k FROM $t->{name} t WHERE k IS NOT NULL ORDER BY k DESC LIMIT 3",
		"SELECT count(*) FROM $t->{name} t WHERE NOT EXISTS (SELECT 1 FROM $o->{name} o WHERE o.k = t.k)",
		"COPY (SELECT * FROM $t->{name} t WHERE $w ORDER BY t::text LIMIT 5) TO stdout",
	);
	return statement('query', "$sql;");
}

sub gen_lock
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my ($where, $key) = condition($r, $t, chance(0.3));
	my $strength = pick('FOR UPDATE', 'FOR NO KEY UPDATE', 'FOR SHARE', 'FOR KEY SHARE', 'FOR KEY SHARE');
	my $wait = chance(0.7) ? '' : pick(' NOWAIT', ' SKIP LOCKED');
	my $o = unique_table($r);
	my $sql;
	if ($o && $o->{name} ne $t->{name} && chance(0.2))
	{
		$sql = "SELECT t.k, t.v, o.v AS ov FROM $t->{name} t JOIN $o->{name} o ON o.k = t.k WHERE " . qualified($where, 't.') . " $strength OF t$wait";
	}
	else
	{
		$sql = "SELECT t.k, t.v, t.s FROM $t->{name} t WHERE " . qualified($where, 't.') . " $strength$wait";
	}
	$sql = "WITH w AS MATERIALIZED ($sql) SELECT count(*), md5(string_agg(w::text, ' ' ORDER BY w::text)) FROM w";
	return statement('lock', "$sql;", locks($r, $t, $key, lock => 1, keyshare => $strength eq 'FOR KEY SHARE'), nowait => $wait ne '');
}

# Cursors are named by table and row; "row" is the key of a cursor that shows one row and can be used with CURRENT OF.
sub gen_cursor
{
	my ($r, $s) = @_;
	my @open = sort keys %{ $s->{cursors} };
	if (!$s->{tx})
	{
		@open = sort keys %{ $s->{held} };
		if (!@open || chance(0.3))
		{
			my $t = data_table($r);
			my ($where) = condition($r, $t);
			my $name = 'h' . ++$s->{cursor_number};
			return statement('cursor', "DECLARE $name SCROLL CURSOR WITH HOLD FOR SELECT t.k, t.v, t.s FROM $t->{name} t WHERE " . qualified($where, 't.')
				. ' ORDER BY t.k, t.v, t.s, t::text;', done => sub { $s->{held}{$name} = 1 });
		}
		my $name = pick(@open);
		return statement('cursor', "CLOSE $name;", done => sub { delete $s->{held}{$name} }) if chance(0.3);
		return statement('cursor', "FETCH " . pick('NEXT', 5, 'BACKWARD 3', 'ALL', 'FIRST', 'LAST') . " FROM $name;");
	}
	if (@open && chance(0.75))
	{
		my $name = pick(@open);
		my $cursor = $s->{cursors}{$name};
		return statement('cursor', "CLOSE $name;", done => sub { delete $s->{cursors}{$name} }) if chance(0.1);
		my $t = $r->{t}{ $cursor->{table} };
		if (defined $cursor->{row} && $cursor->{fetched} && chance(0.75))
		{
			my $sql = pick("UPDATE $t->{name} SET " . assignments($r, $t, 1, '') . ", k = k WHERE CURRENT OF $name", "UPDATE $t->{name} SET v = v + 1 WHERE CURRENT OF $name",
				"DELETE FROM $t->{name} WHERE CURRENT OF $name");
			return statement('cursor', returning($r, $t, $sql), locks($r, $t, $cursor->{row}, delete => 1));
		}
		my $sql = "FETCH " . (defined $cursor->{row} ? 'NEXT' : pick('NEXT', 3, 10)) . " FROM $name;";
		return statement('cursor', $sql, $cursor->{lock} ? locks($r, $t, $cursor->{row} // '*', lock => 1) : (), done => sub { $cursor->{fetched} = 1 });
	}
	my $t = data_table($r);
	my $name = 'c' . ++$s->{cursor_number};
	my $cursor = { table => $t->{name}, fetched => 0 };
	my $sql;
	if ($t->{unique} && chance(0.6))
	{
		$cursor->{row} = key($r);
		$sql = "SELECT t.k, t.v, t.s FROM $t->{name} t WHERE t.k = $cursor->{row}";
	}
	else
	{
		my ($where) = condition($r, $t);
		$sql = "SELECT t.k, t.v, t.s FROM $t->{name} t WHERE " . qualified($where, 't.') . ' ORDER BY t.k, t.v, t.s, t::text';
	}
	$cursor->{lock} = 1, $sql .= pick(' FOR UPDATE', ' FOR SHARE') if chance(0.4);
	return statement('cursor', "DECLARE $name CURSOR FOR $sql;", done => sub { $s->{cursors}{$name} = $cursor; $s->{had_cursor} = 1 });
}

sub gen_prepared
{
	my ($r, $s) = @_;
	my @names = sort keys %{ $s->{prepared} };
	if (@names < 4 && (!@names || chance(0.3)))
	{
		my $t = data_table($r);
		my $name = 'p' . ++$s->{prepared_number};
		my $n = $t->{name};
		my @kinds = (
			[ "UPDATE $n SET v = \$2 WHERE k = \$1", '' ], [ "DELETE FROM $n WHERE k = \$1 AND v <> \$2", 'delete' ],
			[ "SELECT count(*), sum(v) FROM $n WHERE k BETWEEN \$1 AND \$1 + \$2", 'read' ],
			[ "SELECT v, s FROM $n WHERE k = \$1 AND v < \$2 ORDER BY v, s, k FOR UPDATE", 'lock' ],
		);
		push @kinds, [ "INSERT INTO $n (k, v, s, ts) VALUES (\$1 + 4000, \$2, 's1', timestamptz '2024-06-01 00:00:00+00' + \$1 * interval '1 min')", 'insert' ];
		my $kind = pick(@kinds);
		return statement('prepared', "PREPARE $name (bigint, int) AS $kind->[0];", done => sub { $s->{prepared}{$name} = [ $n, $kind->[1] ] });
	}
	my $name = pick(@names);
	my ($n, $kind) = @{ $s->{prepared}{$name} };
	return statement('prepared', "DEALLOCATE $name;", done => sub { delete $s->{prepared}{$name} }) if chance(0.05);
	my $k = key($r);
	my $t = $r->{t}{$n};
	my %what = $kind eq 'read' ? () : locks($r, $t, $kind eq 'insert' || !$t->{unique} ? '*' : $k, $kind => 1);
	return statement('prepared', "EXECUTE $name ($k, " . rnd(100) . ');', %what);
}

# Several sessions at one row for a while, mostly in a chunk: every strength of lock and change, foreign keys, a key
# that goes and comes back.
sub gen_at_one_row
{
	my ($r, $s) = @_;
	my $t = $r->{t}{ $r->{burst}{table} };
	my $n = $t->{name};
	my $k = $r->{burst}{key};
	my $one = $t->{unique} ? $k : '*';
	my $what = pick_weighted([ 5, 'KEY SHARE' ], [ 2, 'SHARE' ], [ 2, 'NO KEY UPDATE' ], [ 2, 'UPDATE' ], [ 7, 'update' ], [ $t->{partitions} ? 10 : 2, 'key' ], [ 2, 'delete' ], [ 2, 'insert' ], [ 1, 'range' ],
		[ $t->{child} ? 5 : 0, 'child' ]);
	if ($what =~ /[A-Z]/)
	{
		my $wait = chance(0.6) ? '' : pick(' NOWAIT', ' SKIP LOCKED');
		return statement('lock', "SELECT v, s FROM $n WHERE k = $k ORDER BY v, s, $n\::text FOR $what$wait;", locks($r, $t, $one, lock => 1, keyshare => $what eq 'KEY SHARE'),
			nowait => $wait ne '') if $t->{unique};
		return statement('lock', "WITH w AS MATERIALIZED (SELECT v, s FROM $n WHERE k = $k FOR $what$wait) SELECT * FROM w ORDER BY v, s;",
			locks($r, $t, $one, lock => 1, keyshare => $what eq 'KEY SHARE'), nowait => $wait ne '');
	}
	return statement('dml', returning($r, $t, "UPDATE $n SET " . assignments($r, $t, 1, '') . " WHERE k = $k"), locks($r, $t, $one)) if $what eq 'update';
	return statement('dml', returning($r, $t, "UPDATE $n SET v = coalesce(v, 0) + 1 WHERE k BETWEEN $k AND " . ($k + rnd(3))), locks($r, $t, '*')) if $what eq 'range';
	return statement('dml', returning($r, $t, "UPDATE $n SET k = " . pick("k + 100000 WHERE k = $k", "$k WHERE k = " . ($k + 100000))), locks($r, $t, '*', key => 1)) if $what eq 'key';
	return statement('dml', returning($r, $t, "DELETE FROM $n WHERE k = $k"), locks($r, $t, $one, delete => 1)) if $what eq 'delete';
	if ($what eq 'child')
	{
		my $child = $r->{t}{ $t->{child} };
		my $sql = pick("INSERT INTO ch (k, v, pk) VALUES (" . (5000 + rnd(1000000)) . ", 1, $k)", "UPDATE ch SET pk = $k WHERE k = " . key($r));
		return statement('dml', "$sql;", locks($r, $child, '*'));
	}
	my @columns = insert_columns($t);
	my $conflict = $t->{unique} ? pick('', ' ON CONFLICT DO NOTHING', ' ON CONFLICT (k) DO UPDATE SET v = excluded.v') : '';
	my $sql = "INSERT INTO $n (" . join(', ', map { $_->{name} } @columns) . ') VALUES ' . values_list($r, $t, \@columns, $k) . $conflict;
	return statement('dml', returning($r, $t, $sql), locks($r, $t, $t->{unique_st} ? '*' : $one));
}

# Now and then a burst begins.  Its rows go into chunks first, if that can be.
sub begin_burst
{
	my ($r) = @_;
	my $t = data_table($r);
	$r->{burst} = { left => 6 + rnd(12), table => $t->{name}, key => 1 + rnd($r->{keys}) };
	my $m = $r->{m};
	return if $heap_twin || $m->{tx} || $m->{pend} || chance(0.3);
	step($r, $m, statement('tsdb', [ undef, "SET lock_timeout = '50ms'; SELECT tsdb.compress('$t->{name}'); RESET lock_timeout;" ], mover => 1));
	return;
}

#--------------------------------------------------------------------- generators: transactions, settings

sub gen_begin
{
	my ($r, $s) = @_;
	my $iso = pick_weighted([ 65, 'READ COMMITTED' ], [ 30, 'REPEATABLE READ' ], [ $r->{multi} ? 0 : 5, 'SERIALIZABLE' ]);
	# (a move may come first, and take the snapshot in tsdb alone)
	my $snapshot = $r->{multi} && $iso ne 'READ COMMITTED' ? ' SELECT 1;' : '';
	return statement('tx', "BEGIN ISOLATION LEVEL $iso;$snapshot", tx => 'begin', iso => $iso);
}

sub gen_end
{
	my ($r, $s) = @_;
	my $end = $s->{aborted} || chance(0.35) ? 'rollback' : 'commit';
	return statement('tx', uc($end) . ';', tx => $end);
}

sub gen_savepoint
{
	my ($r, $s) = @_;
	my @names = map { $_->[0] } @{ $s->{saves} };
	my $name = 's' . (1 + rnd(3));
	return statement('tx', "SAVEPOINT $name;", tx => 'save', name => $name) if !$s->{aborted} && (!@names || chance(0.5));
	return gen_end($r, $s) unless @names;
	$name = pick(@names);
	return statement('tx', "ROLLBACK TO $name;", tx => 'rollback_to', name => $name) if $s->{aborted} || chance(0.7);
	return statement('tx', "RELEASE $name;", tx => 'release', name => $name);
}

sub gen_set
{
	my ($r, $s) = @_;
	my $sql = pick(
		'SET enable_seqscan = off; SET enable_bitmapscan = off', 'SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = off',
		'RESET enable_seqscan; SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off',
		'RESET enable_seqscan; RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan',
		'RESET enable_seqscan; RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan',
		'SET enable_hashjoin = off', 'SET enable_nestloop = off', 'RESET enable_hashjoin; RESET enable_nestloop',
		"SET work_mem = '64kB'", 'RESET work_mem', 'SET plan_cache_mode = force_generic_plan', 'RESET plan_cache_mode',
		'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0', 'RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size',
	);
	$sql = pick(1, 0, 1000), $sql = "SET tsdb_am.direct_load_rows = $sql" if chance(0.4);
	$sql = 'SET tsdb_am.write_buffer = ' . pick("'1MB'", "'32MB'") if chance(0.08);
	return statement('set', "$sql;");
}

#--------------------------------------------------------------------- generators: DDL, maintenance

# [definition, columns, condition that can use it]
my @index_kinds = (
	[ '(v)', 'v', 'v IS NOT NULL' ],
	[ '(s, ts)', 's ts', "s >= ''" ],
	[ '(ts DESC, k)', 'ts k', "ts > '-infinity'" ],
	[ '(v, k)', 'v k', 'v > -1000000' ],
	[ '(s) INCLUDE (v)', 's v', "s > ''" ],
	[ '((v % 10))', 'v', 'v % 10 = 3' ],
	[ '(upper(s))', 's', "upper(s) = 'S2'" ],
	[ '(k) WHERE v > 50', 'k v', 'v > 50' ],
	[ '(k) WHERE d IS NOT NULL', 'k d', 'd IS NOT NULL AND k IS NOT NULL' ],
	[ '(f, n)', 'f n', 'f IS NOT NULL' ],
	[ 'USING hash (s)', 's', "s = 's2'" ],
	[ 'USING brin (ts) WITH (pages_per_range = 4)', 'ts', "ts < '2024-01-02'" ],
	[ 'USING gin (string_to_array(s, NULL))', 's', "string_to_array(s, NULL) @> ARRAY['3']" ],
);

# New indexes that only tables with unique keys can have, so that no order of rows can matter to them.
my @unique_kinds = ([ '(k, s)', 'k s', 'k IS NOT NULL' ], [ '(k) INCLUDE (v)', 'k v', 'k IS NOT NULL' ], [ '((-k))', 'k', '-k < 0' ], [ '(k) WHERE v > 30', 'k v', 'v > 30 AND k IS NOT NULL' ]);

sub create_index
{
	my ($r, $t) = @_;
	my $name = "$t->{name}_i" . ++$r->{index_number};
	my $unique = $t->{unique} && !$t->{deferrable} && chance(0.2);
	my $kind = pick(grep { my $k = $_; !grep { !has($t, $_) } split / /, $k->[1] } $unique ? @unique_kinds : @index_kinds);
	my $concurrently = !$t->{partitions} && chance(0.2) ? ' CONCURRENTLY' : '';
	return statement('ddl', 'CREATE ' . ($unique ? 'UNIQUE ' : '') . "INDEX$concurrently $name ON $t->{name} $kind->[0];", alone => 1,
		$concurrently ? (notx => 1) : (),
		done => sub { $r->{t}{ $t->{name} }{indexes}{$name} = { probe => $kind->[2], columns => $kind->[1] } });
}

sub gen_ddl
{
	my ($r, $s) = @_;
	my $t = data_table($r);
	my $n = $t->{name};
	my @indexes = sort keys %{ $t->{indexes} };
	my @extra = grep { $_->{name} =~ /^x/ } @{ $t->{columns} };
	my $what = pick_weighted(
		[ @{ $t->{columns} } < 11 ? 5 : 0, 'add' ], [ 3, 'drop' ], [ @indexes < 4 ? 6 : 0, 'index' ], [ @indexes ? 3 : 0, 'drop_index' ],
		[ 2, 'truncate' ], [ 4, 'type' ], [ 1, 'notnull' ], [ 1, 'check' ], [ 1, 'rename' ], [ 1, 'default' ]);
	if ($what eq 'add')
	{
		my $name = 'x' . ++$r->{column_number};
		my $type = pick(sort keys %extra_types);
		my $col = { name => $name, type => $type };
		my $more = '';
		if (chance(0.15) && !$t->{partitions})
		{
			$col->{type} = $type = 'int';
			$col->{generated} = 1;
			$more = ' GENERATED ALWAYS AS (coalesce(v, 1)::int % 1000 + 7) STORED';
		}
		elsif (chance(0.5))
		{
			$more = ' DEFAULT ' . $extra_types{$type}[0]->();
			$more .= ' NOT NULL', $col->{notnull} = 1 if chance(0.3);
		}
		return statement('ddl', "ALTER TABLE $n ADD COLUMN $name $type$more;", alone => 1, done => sub { push @{ $r->{t}{$n}{columns} }, $col });
	}
	if ($what eq 'drop')
	{
		my ($col) = @extra && chance(0.7) ? pick(@extra) : pick(grep { $_->{name} =~ /^[fnd]$/ } @{ $t->{columns} });
		return gen_set($r, $s) unless $col;
		return statement('ddl', "ALTER TABLE $n DROP COLUMN $col->{name};", alone => 1, done => sub {
			my $now = $r->{t}{$n};
			$now->{columns} = [ grep { $_->{name} ne $col->{name} } @{ $now->{columns} } ];
			for (keys %{ $now->{indexes} })
			{
				delete $now->{indexes}{$_} if " $now->{indexes}{$_}{columns} " =~ / $col->{name} /;
			}
		});
	}
	return create_index($r, $t) if $what eq 'index';
	if ($what eq 'drop_index')
	{
		my $name = pick(@indexes);
		return statement('ddl', "DROP INDEX $name;", alone => 1, noindexuse => 1, done => sub { delete $r->{t}{$n}{indexes}{$name} });
	}
	return statement('ddl', "TRUNCATE $n" . ($t->{child} && chance(0.7) ? ' CASCADE' : '') . ';', alone => 1) if $what eq 'truncate';
	if ($what eq 'type')
	{
		my ($name, $type) = @{ pick([ 'v', pick('int', 'bigint', 'numeric') ], [ 's', pick('text', 'varchar(20)') ], [ 'n', pick('numeric', 'numeric(40,3)', 'text') ],
			[ 'f', pick('float8', 'float8', 'numeric') ], [ 'k', 'bigint' ], [ 'd', pick('text', 'varchar') ]) };
		return gen_set($r, $s) unless has($t, $name);
		# (a float8 beyond numeric's notation never turns up again as another value)
		my $using = $name eq 'f' && $type eq 'numeric' ? ' USING CASE WHEN abs(f) < 1e9 THEN f::numeric END' : $name eq 'n' && $type ne 'text' ? " USING n::numeric::$type" : '';
		return statement('ddl', "ALTER TABLE $n ALTER COLUMN $name TYPE $type$using;", alone => 1, done => sub { $r->{t}{$n}{n_text} = $type eq 'text' if $name eq 'n' });
	}
	if ($what eq 'notnull')
	{
		my $how = pick('SET', 'DROP');
		return statement('ddl', "ALTER TABLE $n ALTER COLUMN ts $how NOT NULL;", alone => 1, done => sub {
			$_->{notnull} = $how eq 'SET' ? 1 : 0 for grep { $_->{name} eq 'ts' } @{ $r->{t}{$n}{columns} };
		});
	}
	return statement('ddl', pick("ALTER TABLE $n ADD CONSTRAINT checked CHECK (v < " . (80 + rnd(200)) . ');', "ALTER TABLE $n DROP CONSTRAINT IF EXISTS checked;"), alone => 1) if $what eq 'check';
	return statement('ddl', "ALTER TABLE $n ALTER COLUMN v SET DEFAULT " . rnd(50) . ';', alone => 1) if $what eq 'default';
	return statement('ddl', "ALTER TABLE $n RENAME COLUMN v TO w; ALTER TABLE $n RENAME COLUMN w TO v;", alone => 1);
}

sub leaves { my ($t) = @_; return $t->{partitions} ? @{ $t->{partitions} } : ($t->{name}); }

sub gen_maintenance
{
	my ($r, $s) = @_;
	my $t = any_table($r);
	my $leaf = pick(leaves($t));
	my $what = pick_weighted([ 6, 'VACUUM' ], [ 2, 'VACUUM (FREEZE)' ], [ 2, 'VACUUM (INDEX_CLEANUP on, ANALYZE)' ], [ 3, 'ANALYZE' ], [ 2, 'VACUUM FULL' ], [ 2, 'CLUSTER' ], [ 2, 'REINDEX TABLE' ],
		[ 1, 'REINDEX TABLE CONCURRENTLY' ]);
	my %how = (alone => 1, nopin => 1, $what =~ /VACUUM|CONCURRENTLY/ ? (notx => 1) : ());
	$how{noindexuse} = 1 if $what =~ /REINDEX/;
	return statement('maintenance', "$what $t->{name};", %how, notx => 1) if $what =~ /REINDEX/ && $t->{partitions};
	return statement('maintenance', "$what $leaf;", %how) if $what ne 'CLUSTER';
	my @names = grep { $t->{indexes}{$_}{cluster} } sort keys %{ $t->{indexes} };
	return statement('maintenance', "VACUUM $leaf;", %how, notx => 1) unless @names && !$t->{partitions};
	return statement('maintenance', "CLUSTER $t->{name} USING " . pick(@names) . ';', %how);
}

# On tsdb only.  In a transaction of one of several sessions it may have to wait for others: not for long.
sub gen_mover
{
	my ($r, $s) = @_;
	my $t = $r->{burst} && chance(0.8) ? $r->{t}{ $r->{burst}{table} } : any_table($r);
	my @tables = $t->{partitions} ? ($t->{name}, grep { !$t->{heap_leaf}{$_} } @{ $t->{partitions} }) : ($t->{name});
	my $name = pick(@tables);
	my $call = pick_weighted([ 45, 'compress' ], [ 22, 'recompress' ], [ 22, 'decompress' ]);
	my $sql = "SELECT tsdb.$call('$name');";
	my %how = (mover => 1, fate => pick('COMMIT', 'COMMIT', 'ROLLBACK'));
	if ($heap_twin)
	{
		# shuffles the rows instead
		return statement('tsdb', [ undef, pick("VACUUM FULL $name;", "ALTER TABLE $name ADD COLUMN zzz int DEFAULT (random() * 2); ALTER TABLE $name DROP COLUMN zzz;") ], alone => 1, notx => 1)
			if !$t->{partitions};
		return gen_set($r, $s);
	}
	if ($s->{tx} || $r->{multi})
	{
		$sql = "SET lock_timeout = '50ms'; $sql RESET lock_timeout;" if $r->{multi} && !$s->{tx};
		$sql = "SET LOCAL lock_timeout = '50ms'; $sql SET LOCAL lock_timeout = 0;" if $r->{multi} && $s->{tx};
		return statement('tsdb', [ undef, $sql ], %how);
	}
	my $kind = rnd(20);
	return statement('tsdb', [ undef, "ALTER TABLE $name SET ACCESS METHOD heap; ALTER TABLE $name SET ACCESS METHOD tsdb;" ], alone => 1, notx => 1) if $kind == 0 && !$t->{partitions};
	return statement('tsdb', [ undef, "ALTER TABLE $name SET (segmentby = '" . pick('s', 's, v') . "');" ], alone => 1, may => { 22023 => 1 }) if $kind == 1 && !$t->{partitions} && $name ne 'l';
	return statement('tsdb', [ undef, "ALTER TABLE $name SET (orderby = '" . pick('ts', 'k') . "');" ], alone => 1, may => { 22023 => 1 }) if $kind == 2 && !$t->{partitions} && $name ne 'l';
	return statement('tsdb', [ undef, "VACUUM $name;" ], notx => 1) if $kind == 3;
	return statement('tsdb', [ undef, $sql ], %how);
}

# The whole of every table, by each kind of scan.
sub gen_compare
{
	my ($r) = @_;
	my $sql = '';
	my $digest = "count(*), md5(string_agg(r, ' ' ORDER BY r COLLATE \"C\"))";
	$sql .= 'RESET enable_seqscan; SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;';
	for my $name (sort keys %{ $r->{t} })
	{
		$sql .= "\nSELECT '$name all', $digest FROM (SELECT t::text AS r FROM $name t) x;";
	}
	$sql .= "\nSET enable_seqscan = off; RESET enable_indexscan; RESET enable_indexonlyscan;";
	for my $name (sort keys %{ $r->{t} })
	{
		my $t = $r->{t}{$name};
		for my $index (sort keys %{ $t->{indexes} })
		{
			my $i = $t->{indexes}{$index};
			$sql .= "\nSELECT '$name $index', $digest FROM (SELECT t::text AS r FROM $name t WHERE $i->{probe}) x;";
			$sql .= "\nSELECT '$name $index only', $digest FROM (SELECT k::text AS r FROM $name t WHERE $i->{probe}) x;" if $i->{columns} =~ /\bk\b/;
		}
	}
	$sql .= "\nRESET enable_bitmapscan; SET enable_indexscan = off; SET enable_indexonlyscan = off;";
	for my $name (sort keys %{ $r->{t} })
	{
		my $t = $r->{t}{$name};
		my @indexes = sort keys %{ $t->{indexes} };
		next unless @indexes;
		my $index = pick(@indexes);
		$sql .= "\nSELECT '$name $index bitmap', $digest FROM (SELECT t::text AS r FROM $name t WHERE $t->{indexes}{$index}{probe}) x;";
	}
	$sql .= "\nRESET enable_seqscan; RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan;";
	return statement('compare', $sql);
}

# The rows behind the first digest that differs.
sub explain_difference
{
	my ($s) = @_;
	my @lines = map { [ split /\n/, $_ ] } @{ $s->{pend}{out} };
	my $label;
	for my $i (0 .. $#{ $lines[0] })
	{
		next if $lines[0][$i] eq ($lines[1][$i] // '');
		($label) = $lines[0][$i] =~ /^([^|]*)\|/;
		last;
	}
	return '' unless defined $label;
	my $text = "\nfirst difference: $label";
	# statements and settings as far as that one, which then shows its rows
	my $sql = $s->{pend}{st}{sql}[1];
	$sql =~ s/SELECT '\Q$label\E', count\(\*\), md5\(.*?\) FROM (\(.*?\)) x;.*/SELECT r FROM $1 x ORDER BY r COLLATE "C";/s or return $text;
	my (@rows, @count);
	for my $w (0, 1)
	{
		my $answer = $s->{c}[$w]->ask($sql);
		my %rows;
		$rows{$_}++ for grep { !/^(RESET|SET)$/ && !/^\w+ [\w ]+\|\d+\|\w*$/ } split /\n/, $answer;
		$rows[$w] = \%rows;
	}
	for my $w (0, 1)
	{
		my @only = grep { $rows[$w]{$_} > ($rows[1 - $w]{$_} || 0) } sort keys %{ $rows[$w] };
		$text .= "\nonly or more often in " . ('heap', 'tsdb')[$w] . ': ' . @only . ' rows';
		$text .= "\n  $rows[$w]{$_} x " . (length > 200 ? substr($_, 0, 200) . '...' : $_) for @only > 5 ? @only[ 0 .. 4 ] : @only;
	}
	return $text;
}

# At the end of a round: the structure of every table and btree.
sub gen_verify
{
	my ($r) = @_;
	my @list;
	for my $name (map { leaves($r->{t}{$_}) } sort keys %{ $r->{t} })
	{
		my $heap = grep { $_->{heap_leaf} && $_->{heap_leaf}{$name} } values %{ $r->{t} };
		push @list, statement('verify', [ undef, "SELECT v::text FROM tsdb.verify('$name') v;" ], expect => qr/^$/) unless $heap || $heap_twin;
	}
	my $schema = 'c';
	push @list, statement('verify', [ undef, "SELECT c.relname, bt_index_check(c.oid, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	WHERE c.relnamespace = '$schema'::regnamespace AND c.relkind = 'i' AND i.indisvalid AND c.relam = 403 ORDER BY 1;" ], expect => qr/^(\w+\|\n?)*$/);
	return @list;
}

#--------------------------------------------------------------------- a round's tables

sub make_table
{
	my ($r, $name, %how) = @_;
	my $key_type = pick('int', 'bigint');
	my @columns = (
		{ name => 'k', type => $key_type, notnull => $how{unique} || $how{partitions} ? 1 : 0 }, { name => 's', type => 'text' }, { name => 'v', type => 'int' },
		{ name => 'ts', type => 'timestamptz' }, { name => 'f', type => 'float8' }, { name => 'n', type => 'numeric' }, { name => 'd', type => 'text' });
	# the order decides which columns have an offset of their own, and where the key lies
	for my $i (reverse 1 .. $#columns)
	{
		my $j = rnd($i + 1);
		@columns[ $i, $j ] = @columns[ $j, $i ];
	}
	push @columns, { name => 'pk', type => 'int' } if $how{parent};
	my $t = { name => $name, columns => \@columns, indexes => {}, rows => 0, weight => 3, %how };
	my @defs = map { "$_->{name} $_->{type}" . ($_->{notnull} ? ' NOT NULL' : '') } @columns;
	my $deferrable = $how{deferrable} ? ' DEFERRABLE INITIALLY ' . pick('DEFERRED', 'IMMEDIATE') : '';
	if ($how{unique})
	{
		push @defs, "CONSTRAINT ${name}_key " . pick('PRIMARY KEY', 'UNIQUE') . " (k)$deferrable";
		$t->{indexes}{"${name}_key"} = { probe => 'k IS NOT NULL', columns => 'k', cluster => !$how{partitions} };
	}
	if ($how{unique_st})
	{
		push @defs, "CONSTRAINT ${name}_st UNIQUE (s, ts)";
		$t->{indexes}{"${name}_st"} = { probe => "s >= ''", columns => 's ts', cluster => 1 };
	}
	push @defs, "FOREIGN KEY (pk) REFERENCES $how{parent} (k) ON DELETE $how{on_delete} ON UPDATE " . pick('CASCADE', 'NO ACTION') . $how{fk_deferrable} if $how{parent};
	my $create = "CREATE TABLE $name (" . join(', ', @defs) . ')';
	my @list;
	if ($how{partitions})
	{
		$create .= ' PARTITION BY RANGE (k);';
		push @list, statement('setup', $create);
		my @bounds = ('FROM (MINVALUE) TO (15)', 'FROM (15) TO (100)', 'FROM (100) TO (5000)', 'DEFAULT');
		for my $i (0 .. $#bounds)
		{
			my $leaf = $how{partitions}[$i];
			my $part = "CREATE TABLE $leaf PARTITION OF $name " . ($bounds[$i] eq 'DEFAULT' ? 'DEFAULT' : "FOR VALUES $bounds[$i]");
			push @list, statement('setup', [ "$part;", $part . ($how{heap_leaf}{$leaf} ? ' USING heap;' : ';') ]);
		}
	}
	else
	{
		my $options = chance(0.5) ? '' : " WITH (segmentby = 's', orderby = 'ts')";
		$options = '' if $heap_twin;
		push @list, statement('setup', [ "$create;", "$create$options;" ]);
	}
	$r->{t}{$name} = $t;
	return @list;
}

sub setup_statements
{
	my ($r) = @_;
	my @list;
	$r->{t} = {};
	push @list, statement('setup', 'CREATE TABLE l (op text, tab text, o text, n text);');
	push @list, statement('setup', <<'SQL');
CREATE FUNCTION tlog() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO l VALUES (TG_OP, TG_TABLE_NAME, md5(OLD::text), md5(NEW::text)); RETURN NULL; END $$;
CREATE FUNCTION tbefore() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF TG_OP = 'DELETE' THEN
		IF OLD.v % 17 = 3 THEN RETURN NULL; END IF;
		RETURN OLD;
	END IF;
	IF NEW.v % 19 = 4 THEN RETURN NULL; END IF;
	IF NEW.v % 5 = 1 THEN NEW.v := NEW.v + 2; END IF;
	RETURN NEW; END $$;
CREATE FUNCTION tinsert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO l SELECT TG_OP, TG_TABLE_NAME, count(*)::text, md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM new_rows x; RETURN NULL; END $$;
CREATE FUNCTION tdelete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO l SELECT TG_OP, TG_TABLE_NAME, count(*)::text, md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM old_rows x; RETURN NULL; END $$;
CREATE FUNCTION tupdate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO l SELECT TG_OP, TG_TABLE_NAME, count(*)::text, md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM old_rows x;
	INSERT INTO l SELECT TG_OP, TG_TABLE_NAME, count(*)::text, md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM new_rows x; RETURN NULL; END $$;
SQL
	my %kinds = map { $_ => 1 } @{ pick([ 'a' ], [ 'a', 'b' ], [ 'b', 'u' ], [ 'p' ], [ 'a', 'p' ], [ 'm' ], [ 'b', 'm' ], [ 'a', 'm' ], [ 'u', 'p' ]) };
	# at commit, deferred checks wait for and lock rows that no model knows of
	my $deferrable = !$r->{multi} && !$tolerate && chance(0.2) ? 1 : 0;
	push @list, make_table($r, 'a', unique => 1, deferrable => $deferrable) if $kinds{a};
	push @list, make_table($r, 'b') if $kinds{b};
	push @list, make_table($r, 'u', unique => 1, unique_st => 1) if $kinds{u};
	if ($kinds{p})
	{
		push @list, make_table($r, 'p', unique => 1, child => 'ch');
		push @list, make_table($r, 'ch', unique => chance(0.5), parent => 'p', on_delete => pick('CASCADE', 'CASCADE', 'SET NULL', 'NO ACTION', 'RESTRICT'),
			fk_deferrable => $r->{multi} || $tolerate ? '' : pick('', ' DEFERRABLE INITIALLY DEFERRED'));
	}
	if ($kinds{m})
	{
		my @leaves = map { "m$_" } 1 .. 4;
		push @list, make_table($r, 'm', unique => chance(0.7), partitions => \@leaves, heap_leaf => { chance(0.3) ? (pick(@leaves) => 1) : () });
	}
	for my $name (sort keys %{ $r->{t} })
	{
		my $t = $r->{t}{$name};
		push @list, statement('setup', "CREATE TRIGGER tlog AFTER INSERT OR UPDATE OR DELETE ON $name FOR EACH ROW EXECUTE FUNCTION tlog();") if chance(0.25);
		push @list, statement('setup', "CREATE TRIGGER tbefore BEFORE INSERT OR UPDATE OR DELETE ON $name FOR EACH ROW EXECUTE FUNCTION tbefore();") if chance(0.2);
		push @list, statement('setup', "CREATE TRIGGER tupdate AFTER UPDATE ON $name REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tupdate();
CREATE TRIGGER tdelete AFTER DELETE ON $name REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION tdelete();
CREATE TRIGGER tinsert AFTER INSERT ON $name REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION tinsert();") if chance(0.2);
	}
	push @list, statement('setup', 'CREATE INDEX ch_pk ON ch (pk);') if $kinds{p} && chance(0.8);
	my $rows = $kinds{p} ? pick(30, 200, 400) : pick(30, 200, 1000, 1200, $r->{multi} ? 60 : 1500);
	my @later;
	$r->{focus} = pick(sort keys %{ $r->{t} });
	for my $name ($kinds{p} ? ('p', grep { $_ ne 'p' } sort keys %{ $r->{t} }) : sort keys %{ $r->{t} })
	{
		my $t = $r->{t}{$name};
		my @columns = writable($t);
		push @list, statement('setup', "INSERT INTO $name (" . join(', ', map { $_->{name} } @columns) . ') SELECT ' . join(', ', map { expression($r, $t, $_) } @columns)
			. " FROM generate_series(1, $rows) i;");
		push @list, create_index($r, $t) for 1 .. rnd(3);
		# (a foreign key's check of a compressed row is something that could be refused)
		push @{ $tolerate ? \@later : \@list }, statement('setup', [ undef, "SELECT tsdb.compress('$name');" ], mover => 1) if !$heap_twin && chance(0.8);
	}
	push @list, @later;
	$r->{t}{l} = { name => 'l', columns => [], indexes => {}, weight => 1 };
	# (no room for more: they'd hide the work on rows)
	return @list;
}

#--------------------------------------------------------------------- a round

sub open_session
{
	my ($i) = @_;
	my @c;
	for my $w (0, 1)
	{
		my $schema = ('h', 'c')[$w];
		my $am = $w && !$heap_twin ? 'tsdb' : 'heap';
		my $options = "-c search_path=$schema,public -c default_table_access_method=$am -c client_min_messages=error -c jit=off";
		# as heap's twin: other plans
		$options .= ' -c enable_hashjoin=off -c enable_seqscan=off -c random_page_cost=1' if $w && $heap_twin;
		push @c, Psql->new("session $i of " . ('heap', 'tsdb')[$w], $options);
	}
	return { i => $i, c => \@c, tx => 0, aborted => 0, mover => 0, saves => [], cursors => {}, held => {}, prepared => {}, queue => [] };
}

sub open_round
{
	my ($seed, $nsessions) = @_;
	my $r = { seed => $seed, multi => $nsessions > 1, t => {}, history => [], statements => 0, seq => 0, doubts => 0, count => {} };
	control()->ask("DROP SCHEMA IF EXISTS h CASCADE; DROP SCHEMA IF EXISTS c CASCADE; CREATE SCHEMA h; CREATE SCHEMA c;");
	$r->{s} = [ map { open_session($_) } 1 .. $nsessions ];
	$r->{m} = open_session('M') if $nsessions > 1;
	return $r;
}

sub close_round
{
	my ($r) = @_;
	for my $c (map { @{ $_->{c} } } sessions($r))
	{
		eval { control()->ask("SELECT pg_terminate_backend($c->{pid});") } if $c->busy;
		$c->close;
	}
	return;
}

my @single = (
	[ 14, \&gen_insert ], [ 4, \&gen_bulk ], [ 1, \&gen_copy ], [ 20, \&gen_update ], [ 5, \&gen_update_from ], [ 10, \&gen_delete ], [ 1, \&gen_delete_many ], [ 5, \&gen_merge ], [ 6, \&gen_upsert ],
	[ 6, \&gen_select ], [ 7, \&gen_lock ], [ 7, \&gen_cursor ], [ 5, \&gen_prepared ], [ 4, \&gen_set ], [ 6, \&gen_ddl ], [ 6, \&gen_maintenance ], [ 14, \&gen_mover ],
);
my @several = (
	[ 10, \&gen_insert ], [ 6, \&gen_bulk ], [ 30, \&gen_update ], [ 6, \&gen_update_from ], [ 8, \&gen_delete ], [ 5, \&gen_merge ], [ 10, \&gen_upsert ],
	[ 4, \&gen_select ], [ 22, \&gen_lock ], [ 4, \&gen_cursor ], [ 3, \&gen_prepared ], [ 1, \&gen_set ], [ 2, \&gen_ddl ], [ 3, \&gen_maintenance ], [ 4, \&gen_mover ],
);

# The session's next statement, maybe with others queued behind it.
sub generate
{
	my ($r, $s) = @_;
	return shift @{ $s->{queue} } if @{ $s->{queue} };
	if ($s->{aborted})
	{
		return gen_savepoint($r, $s) if @{ $s->{saves} } && chance(0.6);
		return gen_end($r, $s) if chance(0.85);
	}
	elsif ($s->{tx})
	{
		return gen_end($r, $s) if chance($r->{multi} ? 0.18 : 0.12);
		return gen_savepoint($r, $s) if chance(0.13);
	}
	else
	{
		return gen_begin($r, $s) if chance($r->{multi} ? 0.7 : 0.15);
	}
	my $st = $r->{burst} && chance(0.85) ? gen_at_one_row($r, $s) : pick_weighted($r->{multi} ? @several : @single)->($r, $s);
	# what may have to be rolled back in doubt, in a transaction
	my $wrap = !$s->{tx} && ($r->{multi} && ($st->{multi} || ($st->{keyshare} && $st->{nowait})) || $tolerate && $st->{locks});
	if ($wrap)
	{
		push @{ $s->{queue} }, $st;
		return gen_begin($r, $s);
	}
	return $st;
}

# The session that only moves and vacuums.
sub generate_for_mover
{
	my ($r, $m) = @_;
	if ($m->{tx})
	{
		my $end = $m->{aborted} ? 'ROLLBACK' : $m->{fate} || 'COMMIT';
		return statement('tx', [ undef, "$end;" ], tx => lc $end) if $m->{mover} || $m->{aborted} || chance(0.3);
		return gen_mover($r, $m);
	}
	my $iso = pick('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ');
	return statement('tx', [ undef, "BEGIN ISOLATION LEVEL $iso;" ], tx => 'begin', iso => $iso) if chance(0.45) && !$heap_twin;
	# (to truncate, it would wait 5 s for others)
	return statement('maintenance', 'VACUUM (TRUNCATE off' . pick('', ', INDEX_CLEANUP on') . ') ' . pick(leaves(data_table($r))) . ';', notx => 1, nopin => 1) if chance(0.2);
	return gen_mover($r, $m);
}

# Rows seen by the last comparison, so that tables don't grow without end.
sub note_rows
{
	my ($r, $out) = @_;
	while ($out =~ /^(\w+) all\|(\d+)\|/mg)
	{
		$r->{t}{$1}{rows} = $2 if $r->{t}{$1};
	}
	return;
}

sub compare
{
	my ($r, $s) = @_;
	step($r, $s, gen_compare($r));
	note_rows($r, $s->{c}[0]{buf});
	return;
}

sub random_round
{
	my ($r, $nstatements) = @_;
	my @s = @{ $r->{s} };
	$r->{keys} = $r->{multi} ? pick(3, 6, 12) : pick(20, 60, 300);
	$r->{row_limit} = $r->{multi} ? 2500 : 5000;
	step($r, $s[0], $_) for setup_statements($r);
	compare($r, $s[0]);

	my $misses = 0;
	while ($r->{statements} < $nstatements && $misses < 1000)
	{
		begin_burst($r) if $r->{multi} && !$r->{burst} && chance(0.04);
		my $s = $r->{m} && chance(0.15) ? $r->{m} : pick(@s);
		$misses++, next if $s->{pend};
		my $st;
		for (1 .. 6)
		{
			$st = $s->{i} eq 'M' ? generate_for_mover($r, $s) : generate($r, $s);
			last if permitted($r, $s, $st);
			$st = undef;
		}
		# while somebody waits, all that can be done may be to let him go on
		$st = gen_end($r, $s) if !$st && $s->{tx} && $s->{i} ne 'M' && chance(0.3);
		$misses++, next if !$st;
		$misses = 0;
		step($r, $s, $st);
		delete $r->{burst} if $r->{burst} && --$r->{burst}{left} <= 0;
		if ($sabotage && chance(0.1) && !pending($r))
		{
			my $t = data_table($r);
			step($r, $s, statement('sabotage', [ undef, "SET lock_timeout = '50ms'; UPDATE $t->{name} SET v = 7654321; RESET lock_timeout;" ], mover => 1)) unless $s->{aborted};
		}
		if (chance(0.09))
		{
			my @able = grep { !$_->{pend} && !$_->{aborted} } @s;
			compare($r, $_) for chance(0.3) ? @able : @able ? pick(@able) : ();
		}
	}

	# the end: everybody ends, those that wait go on
	for (1 .. 50)
	{
		my @open = grep { $_->{tx} && !$_->{pend} } sessions($r);
		last unless @open || pending($r);
		fail('hang', 'nobody to end') unless @open;
		step($r, $open[0], gen_end($r, $open[0]));
	}
	compare($r, $s[0]);
	step($r, $s[0], $_) for gen_verify($r);
	return if $heap_twin;
	for my $name (sort keys %{ $r->{t} })
	{
		step($r, $s[0], statement('maintenance', "VACUUM $_;")) for grep { chance(0.5) } leaves($r->{t}{$name});
		step($r, $s[0], statement('tsdb', [ undef, "SELECT tsdb.$_('$name');" ], mover => 1)) for pick([ 'decompress' ], [ 'compress', 'recompress' ], [ 'recompress' ], [ 'compress' ])->@*;
	}
	compare($r, $s[0]);
	step($r, $s[0], $_) for gen_verify($r);
	return;
}

sub replay
{
	my ($r, $history) = @_;
	my %by_name = map { $_->{i} => $_ } sessions($r);
	$r->{replay} = 1;
	for (@$history)
	{
		my ($i, $st) = @$_;
		my $s = $by_name{$i};
		next if $st->{auto} || !$s || $s->{pend} || !permitted($r, $s, $st);
		step($r, $s, $st);
	}
	return;
}

# Runs a round, or a history again; returns (round, failure or undef).
sub run
{
	my ($seed, $nsessions, $nstatements, $history) = @_;
	my $r;
	my $ok = eval {
		srand($seed);
		$r = open_round($seed, $nsessions);
		$history ? replay($r, $history) : random_round($r, $nstatements);
		1;
	};
	my $failure = $ok ? undef : ref $@ ? $@ : { kind => 'script', signature => 'script', text => $@ };
	close_round($r) if $r;
	if ($failure && $failure->{kind} =~ /crash|hang/)
	{
		eval { $control->close } if $control;
		print "# the server does not come back\n" unless reconnect();
	}
	return ($r, $failure);
}

#--------------------------------------------------------------------- failures

sub show_history
{
	my ($history, $width) = @_;
	my @lines;
	for (@$history)
	{
		my ($i, $st) = @$_;
		my ($h, $c) = @{ $st->{sql} };
		my $where = !defined $h ? ' tsdb' : !defined $c ? ' heap' : '';
		my $text = $c // $h;
		$text = "$h\n-- in tsdb: $c" if defined $h && defined $c && $h ne $c;
		my $count = $st->{kind} eq 'compare' && $width ? '(comparison of all tables)' : $text;
		$count = substr($count, 0, $width) . '...' if $width && length $count > $width;
		$count =~ s/\n/\n      /g;
		push @lines, "[$i$where] $count" . ($st->{auto} ? '   -- by the driver' : '');
	}
	return @lines;
}

# Leaves out statements as long as the same kind of failure stays.
sub shrink
{
	my ($r, $failure, $seed, $nsessions) = @_;
	my @history = grep { !$_->[1]{auto} } @{ $r->{history} };
	my $size = int(@history / 2);
	my $deadline = time + ($ENV{RANDOM_SHRINK_SECONDS} || 300);
	while ($size >= 1 && time < $deadline)
	{
		my $removed = 0;
		for (my $at = $#history - $size; $at > -$size && time < $deadline; $at -= $size)
		{
			my @try = @history;
			my $from = $at < 0 ? 0 : $at;
			splice @try, $from, $at < 0 ? $size + $at : $size;
			next if @try == @history;
			my (undef, $f) = run($seed, $nsessions, 0, \@try);
			next unless $f && $f->{signature} eq $failure->{signature};
			@history = @try;
			$failure = $f;
			$removed = 1;
		}
		$size = $size == 1 && $removed ? 1 : int($size / 2);
	}
	note("shortened to " . @history . " statements:", show_history(\@history, 3000), $failure->{text});
	return;
}

#--------------------------------------------------------------------- the test

my %total;
my ($statements, $doubts, $rounds, $abandoned) = (0, 0, 0, 0);

# True if the round had no failure.  $expected: a failure is what we want.
sub test_round
{
	my ($base, $number, $nsessions, $nstatements, $quiet) = @_;
	# (each round can be run again alone)
	my $seed = ($base * 1000003 + $number * 7919 + $nsessions) % 2147483647;
	my ($r, $failure) = run($seed, $nsessions, $nstatements);
	if ($r)
	{
		$statements += $r->{statements};
		$doubts += $r->{doubts};
		$total{$_} += $r->{count}{$_} for keys %{ $r->{count} };
	}
	$rounds++;
	return 1 unless $failure;
	if ($failure->{kind} eq 'abandoned')
	{
		$abandoned++;
		$doubts++;
		return 1;
	}
	return 0 if $quiet;
	my @history = $r ? @{ $r->{history} } : ();
	note("seed $base round $number, $nsessions session(s): $failure->{kind}; RANDOM_SEED=$base RANDOM_ROUND=$number"
		. (join '', map { $ENV{$_} ? " $_=$ENV{$_}" : '' } qw(RANDOM_SESSIONS RANDOM_STEPS)) . ' runs it again', 'last statements:');
	note(show_history(@history > 40 ? [ @history[ -40 .. -1 ] ] : \@history, 700));
	note($failure->{text});
	if ($log_dir && $r)
	{
		open(my $f, '>', "$log_dir/random_${base}_$number.sql") or die;
		print $f "$_\n" for show_history(\@history, 0), "-- $failure->{text}";
		close $f;
	}
	shrink($r, $failure, $seed, $nsessions) if $ENV{RANDOM_SHRINK} && $r && $failure->{kind} ne 'script';
	return 0;
}

sub result { my ($ok, $name) = @_; print $ok ? "ok - $name\n" : "not ok - $name\n"; return; }

my @groups = (1, 2, 3);
my %label = (1 => 'one session', 2 => 'two sessions', 3 => 'three sessions');
my $steps = $ENV{RANDOM_STEPS} || 150;
sub nsessions_of { my ($number) = @_; return $ENV{RANDOM_SESSIONS} || $groups[ $number % 3 ]; }

my $base = $ENV{RANDOM_SEED};
my $end = time + ($ENV{RANDOM_SECONDS} // 120);

if (defined $ENV{RANDOM_ROUND})
{
	my $number = $ENV{RANDOM_ROUND};
	result(test_round($base, $number, nsessions_of($number), $steps), "seed $base round $number");
}
else
{
	my %failed = map { $_ => 0 } @groups;
	my %run = map { $_ => 0 } @groups;
	my $failures = 0;
	# the same ones each time, then others
	for my $fixed ([ 1, 0 ], [ 1, 1 ], [ 1, 2 ], [ 2, 0 ], [ 2, 1 ], [ 2, 2 ])
	{
		last if $ENV{RANDOM_NO_FIXED};
		my ($seed, $number) = @$fixed;
		my $n = nsessions_of($number);
		$run{$n}++;
		$failed{$n}++, $failures++ unless test_round($seed, $number, $n, $steps);
	}
	my $number = 0;
	while ((time < $end || $number < 3) && $failures < 5)
	{
		my $n = nsessions_of($number);
		$run{$n}++;
		$failed{$n}++, $failures++ unless test_round($base, $number, $n, $steps);
		$number++;
	}
	result(!$failed{$_}, "$label{$_}: $run{$_} rounds") for @groups;
	note("$rounds rounds, $statements statements, $doubts in doubt, $abandoned rounds abandoned");
	result($doubts <= 3 + $statements / 500, 'few statements in doubt');
	if (!$sabotage && !$tolerate)
	{
		# a difference is noticed
		$sabotage = 1;
		my $noticed = grep { !test_round(3, $_, nsessions_of($_), $steps, 1) } 0 .. 2;
		result($noticed == 3, 'a change in one twin only is noticed');
	}
}
note("$_: $total{$_}") for sort keys %total;
$control->close if $control;
