#!/usr/bin/perl
# Damages chunk-store tuples in the file of a TOAST relation whose server is down.
#
#	corrupt.pl SEED MODE FILE
#
# MODE flip     some bits of one tuple's chunk_data
#      zero     a run of its bytes becomes zero
#      noise    a run becomes random bytes
#      swap     two tuples of about one length change their chunk_data
#      forge    as flip, noise or zero behind the checksum, which is then made right: only the readers' own
#               checks stand between these bytes and the decoders
#      newer    the root says that a later format version wrote it
#      section-WHAT   summaries of the first directory entry, its checksum made right: filter (empty), unlisted (the filter's column
#               is another one), later (both are of a later version), length (of the first), twice (one tag for both), columns (one
#               more than there are), bounds (the first column's least value is its greatest), lengths (of the first column's bounds)
# Prints what it did.  Keys and tuple headers stay whole: those are PostgreSQL's own.
use strict;
use warnings;
use FindBin;

use constant { PAGE => 8192, TUPLE_DATA => 36 };	# tuple header 24, chunk_id 4, chunk_seq 4, varlena header 4

my ($seed, $mode, $file) = @ARGV;
die "usage: corrupt.pl SEED MODE FILE\n" unless defined $file;
srand($seed);

require "$FindBin::Bin/crc32c.pl";

open(my $fh, '+<:raw', $file) or die "$file: $!\n";
my $bytes = do { local $/; <$fh> };

# every tuple: where its chunk_data lies
my @tuples;
for (my $page = 0; $page + PAGE <= length $bytes; $page += PAGE)
{
	my $lower = unpack('v', substr($bytes, $page + 12, 2));
	for (my $item = 24; $item < $lower; $item += 4)
	{
		my $pointer = unpack('V', substr($bytes, $page + $item, 4));
		my ($off, $flags, $len) = ($pointer & 0x7FFF, ($pointer >> 15) & 3, $pointer >> 17);
		next if $flags != 1 || $len <= TUPLE_DATA;
		my ($id, $seq) = unpack('Vl<', substr($bytes, $page + $off + 24, 8));
		push @tuples, { at => $page + $off + TUPLE_DATA, len => $len - TUPLE_DATA, id => $id, seq => $seq };
	}
}
die "no tuples\n" unless @tuples;

sub kind
{
	my $t = shift;
	return 'root' if $t->{id} == 2;
	return 'directory entry' if $t->{id} == 1;
	return $t->{seq} == 0 ? 'header' : $t->{seq} < 0 ? 'tombstone' : 'segment or header';
}

# a kind first, so that the few small tuples get their share
sub pick
{
	my %by_kind;
	push @{ $by_kind{ kind($_) } }, $_ for @tuples;
	my @kinds = sort keys %by_kind;
	my $of = $by_kind{ $kinds[ int rand @kinds ] };
	return $of->[ int rand @$of ];
}

# changes bytes of $t from $from on
sub damage
{
	my ($t, $how, $from) = @_;
	if ($how eq 'flip')
	{
		for (0 .. int rand 4)
		{
			my $at = $t->{at} + $from + int rand($t->{len} - $from);
			substr($bytes, $at, 1) ^= chr(1 << int rand 8);
		}
	}
	else
	{
		my $len = 1 + int rand($t->{len} - $from < 64 ? $t->{len} - $from : 64);
		my $at = $t->{at} + $from + int rand($t->{len} - $from - $len + 1);
		substr($bytes, $at, $len) = $how eq 'zero' ? "\0" x $len : join '', map { chr int rand 256 } 1 .. $len;
	}
}

my $t = pick();
my $what = $mode;
if ($mode eq 'newer')
{
	($t) = grep { $_->{id} == 2 } @tuples;
	die "no root\n" unless $t;
	substr($bytes, $t->{at} + 4, 2) = pack('v', 999);
	substr($bytes, $t->{at}, 4) = pack('V', crc32c(substr($bytes, $t->{at} + 4, $t->{len} - 4)));
}
elsif ($mode =~ /^section-(.*)/)
{
	($t) = grep { $_->{id} == 1 } @tuples;
	die "no directory entry\n" unless $t;
	my $data = substr($bytes, $t->{at}, $t->{len});
	# sections begin at 128: a filter that covers one column (74 bytes), then ranges
	my $ranges = 128 + 74;
	die "unexpected sections\n" unless unpack('v', substr($data, 128, 2)) == 1 && unpack('v', substr($data, $ranges, 2)) == 2;
	if ($1 eq 'filter') { substr($data, 138, 64) = "\0" x 64; }
	elsif ($1 eq 'unlisted') { substr($data, 136, 2) = pack('v', 0); }
	elsif ($1 eq 'later') { substr($data, $_, 2) = pack('v', 2) for 132, $ranges + 4; }
	elsif ($1 eq 'length') { substr($data, 130, 2) = pack('v', 71); }
	elsif ($1 eq 'twice') { substr($data, $ranges, 2) = pack('v', 1); }
	elsif ($1 eq 'columns') { substr($data, $ranges + 6, 2) = pack('v', 1 + unpack('v', substr($data, $ranges + 6, 2))); }
	elsif ($1 eq 'bounds')
	{
		my ($min, $max) = unpack('CC', substr($data, $ranges + 11, 2));
		die "unexpected bounds\n" unless $min == $max;
		substr($data, $ranges + 18, $min) = substr($data, $ranges + 18 + $min, $max);
	}
	elsif ($1 eq 'lengths') { substr($data, $ranges + 11, 2) = pack('CC', 0, 14); }
	else { die "unknown mode $mode\n"; }
	substr($data, 0, 4) = pack('V', crc32c(substr($data, 4)));
	substr($bytes, $t->{at}, $t->{len}) = $data;
}
elsif ($mode eq 'swap')
{
	my @others = grep { $_ != $t && $_->{len} == $t->{len} } @tuples;
	exit print "nothing to swap\n" unless @others;
	my $other = $others[ int rand @others ];
	my $mine = substr($bytes, $t->{at}, $t->{len});
	substr($bytes, $t->{at}, $t->{len}) = substr($bytes, $other->{at}, $other->{len});
	substr($bytes, $other->{at}, $other->{len}) = $mine;
}
elsif ($mode eq 'forge')
{
	my $how = ('flip', 'zero', 'noise')[ int rand 3 ];
	damage($t, $how, 4);
	substr($bytes, $t->{at}, 4) = pack('V', crc32c(substr($bytes, $t->{at} + 4, $t->{len} - 4)));
	$what = "forge ($how)";
}
else
{
	damage($t, $mode, 0);
}
seek($fh, 0, 0) or die;
print $fh $bytes or die;
close($fh) or die;
printf "%s: %s, key (%d, %d), %d bytes\n", $what, kind($t), $t->{id}, $t->{seq}, $t->{len};
