// Package forecast says before a release what its native judge will be able to find: at each step, with the traffic there is,
// the smallest rise of failures that is found while the step is held, how soon, and how many requests that costs; and when there
// will be leave to promote.
//
// Nothing here is a second judge. The evidence is that of sequential.Steady, which plays the judge's own bets on what steady
// traffic adds up to; chance is what is left: how many requests of the canary fail (Poisson), and of stable. So the price of the
// mixture of bets, of tolerances and of the stakes of other metrics is in it to the last digit, where the usual formula
// n = (ln(1/alpha) + C) / KL has a constant.
//
// What is assumed: stable fails at the given rate, known from its past, one request at a time; pods are alike; users are dealt to
// tracks at random; one look goes by before anything counts, because new pods and moved weights are left out. A step is taken by
// itself: evidence of earlier steps comes on top. Where failures come in bursts of b, times and costs grow b times.
//
// The tests hold forecasts against measured releases: times and costs within a factor of 1.5.
package forecast
