# The simulator's targets stand beside it.
include internal/gslbtest/sim.mk
