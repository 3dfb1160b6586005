// Package bet holds the fair bets the sequential judge is made of, and the bookkeeping of their wealth.
//
// A bet is fair against a null when, whatever the null allows, the expected factor by which it multiplies the stake
// is at most 1. Its wealth is then a test supermartingale: it may be looked at after every scrape, and the chance that
// it ever reaches 1/alpha is at most alpha (Ville's inequality). Fairness is proved in the comments and checked by
// exact summation in the tests.
//
//   - Worse and WorseExact bet that the canary fails more than tolerated: null p_c <= ratio*p_b + plus.
//   - Harmless bets that it does not do harm: null p_c >= ratio*p_b + plus.
//   - WorseInBursts and HarmlessInBursts are the same bets for events that come in bursts.
//   - Slower bets that a whole distribution, read through bucket bounds, lies further out than tolerated.
//   - Above bets that one rate exceeds an absolute limit: null p <= max.
//
// In the two-arm bets the stable rate p_b is free: it may jump, drift and react to the past, so what both arms share
// (an outage, a busy hour) cancels. Counts are numbers of requests, rates are per request, logarithms are natural.
//
// Sources: Turner, Ly, Grünwald (arXiv 2106.02693) for two-sample e-variables; Waudby-Smith, Ramdas (arXiv 2010.09686)
// for betting and inversion; Howard et al. (arXiv 1810.08240) for confidence sequences; Shin, Ramdas, Rinaldo
// (arXiv 2203.03532) for starts at unknown times.
package bet
