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
# Prints what it did.  Keys and tuple headers stay whole: those are PostgreSQL's own.
use strict;
use warnings;

use constant { PAGE => 8192, TUPLE_DATA => 36 };	# tuple header 24, chunk_id 4, chunk_seq 4, varlena header 4

my ($seed, $mode, $file) = @ARGV;
die "usage: corrupt.pl SEED MODE FILE\n" unless defined $file;
srand($seed);

my @crc_table = map {
	my $c = $_;
	$c = $c & 1 ? ($c >> 1) ^ 0x82F63B78 : $c >> 1 for 1 .. 8;
	$c;
} 0 .. 255;

sub crc32c
{
	my $crc = 0xFFFFFFFF;
	$crc = $crc_table[($crc ^ $_) & 0xFF] ^ ($crc >> 8) for unpack('C*', shift);
	return $crc ^ 0xFFFFFFFF;
}

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
