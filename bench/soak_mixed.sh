#!/usr/bin/env bash
# An hour of everything at once: bench/soak.sh with all its clients.  Environment: that of bench/soak.sh; MINUTES (60), RATE (500).
MIXED=1 MINUTES=${MINUTES:-60} RATE=${RATE:-500} exec bash "$(dirname "$0")/soak.sh"
