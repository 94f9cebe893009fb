#!/usr/bin/perl
# For 052_format.sh: files of a table whose server is down.
#
#	format_file.pl settle FILE       no page has an LSN: the file can go into another cluster; nor old bytes between its tuples
#	format_file.pl newer KIND FILE   the first tuple of this kind says, with a right checksum, that a later format
#	                                 version wrote it: root, entry, header, segment, tombstone
use strict;
use warnings;
use FindBin;

use constant { PAGE => 8192, TUPLE_DATA => 36 };	# tuple header 24, chunk_id 4, chunk_seq 4, varlena header 4

my $mode = shift // '';
my $kind = $mode eq 'newer' ? shift : undef;
my $file = shift // die "usage: format_file.pl settle FILE | newer KIND FILE\n";

require "$FindBin::Bin/crc32c.pl";

open(my $fh, '+<:raw', $file) or die "$file: $!\n";
my $bytes = do { local $/; <$fh> };
my @tuples;
my %nheader;
for (my $page = 0; $page + PAGE <= length $bytes; $page += PAGE)
{
	substr($bytes, $page, 8) = "\0" x 8 if $mode eq 'settle';
	my ($lower, $upper) = unpack('vv', substr($bytes, $page + 12, 4));
	substr($bytes, $page + $lower, $upper - $lower) = "\0" x ($upper - $lower) if $mode eq 'settle' && $upper > $lower;
	for (my $item = 24; $item < $lower; $item += 4)
	{
		my $pointer = unpack('V', substr($bytes, $page + $item, 4));
		my ($off, $flags, $len) = ($pointer & 0x7FFF, ($pointer >> 15) & 3, $pointer >> 17);
		next if $flags != 1 || $len <= TUPLE_DATA;
		my ($id, $seq) = unpack('Vl<', substr($bytes, $page + $off + 24, 8));
		my $t = { at => $page + $off + TUPLE_DATA, len => $len - TUPLE_DATA, id => $id, seq => $seq };
		push @tuples, $t;
		$nheader{unpack('V', substr($bytes, $t->{at} + 8, 4))} = unpack('v', substr($bytes, $t->{at} + 20, 2)) if $id == 1;
	}
}

sub kind
{
	my $t = shift;
	return 'root' if $t->{id} == 2;
	return 'entry' if $t->{id} == 1;
	return 'other' unless exists $nheader{$t->{id}};
	return 'tombstone' if $t->{seq} < 0;
	# (the checksum of a header covers all its pieces: only one in one piece will do)
	return $nheader{$t->{id}} == 1 ? 'header' : 'other' if $t->{seq} < $nheader{$t->{id}};
	return $t->{seq} < 0x40000000 ? 'segment' : 'forward';
}

if ($mode eq 'newer')
{
	my ($t) = grep { kind($_) eq $kind } @tuples;
	die "no $kind\n" unless $t;
	substr($bytes, $t->{at} + 4, 2) = pack('v', 99);
	substr($bytes, $t->{at}, 4) = pack('V', crc32c(substr($bytes, $t->{at} + 4, $t->{len} - 4)));
}
seek($fh, 0, 0);
print $fh $bytes;
close($fh) or die "$file: $!\n";
