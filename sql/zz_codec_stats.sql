-- After all other tests, in both runs of the suite: no encoder wrote a block that did not decode to what went in. (Such a block is
-- stored otherwise and no row is lost, so that nothing else would tell.)
SELECT encoding, blocks, fallbacks FROM tsdb.stat_codecs WHERE fallbacks <> 0;
SELECT sum(blocks) > 0 AS blocks, sum(fallbacks) AS fallbacks FROM tsdb.stat_codecs;
