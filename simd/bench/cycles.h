/*-------------------------------------------------------------------------
 * cycles.h
 *	  Time in core cycles, for benches.
 *
 * A chain of dependent subtractions takes a cycle each, whatever the clock does; so it tells the length of a
 * cycle, in the very process that measures.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CYCLES_H
#define TSDB_CYCLES_H

#include <stdint.h>
#include <time.h>

/* Seconds since some moment. */
static inline double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}

/* Seconds of one core cycle: the shortest of so many rounds. */
static inline double
cycle_seconds(int rounds)
{
	double		best = 1;
	int			round;

	for (round = 0; round < rounds; round++)
	{
		uint64_t	x = 400000;
		double		t = now();

		while (x != 0)
		{
			x--;
			/* keeps the compiler from counting for us */
			__asm__ volatile ("" : "+r" (x));
		}
		t = (now() - t) / 400000;
		best = t < best ? t : best;
	}
	return best;
}

/*
 * Best time of "body" over so many rounds of "loops" each, in cycles of this length per value of a vector of
 * 1,024.
 */
#define MEASURE_BEST(result, rounds, loops, cycle, body) \
	do { \
		double		best_ = 1e9; \
		int			round_; \
		for (round_ = 0; round_ < (rounds); round_++) \
		{ \
			double		t_ = now(); \
			int			loop_; \
			for (loop_ = 0; loop_ < (loops); loop_++) \
			{ \
				body; \
				__asm__ volatile ("" : : : "memory"); \
			} \
			t_ = (now() - t_) / (loops); \
			best_ = t_ < best_ ? t_ : best_; \
		} \
		(result) = best_ / (cycle) / 1024; \
	} while (0)

#endif							/* TSDB_CYCLES_H */
