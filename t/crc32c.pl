# crc32c(BYTES), as chunks have it: for the scripts that damage or forge their files.
use strict;
use warnings;

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

1;
