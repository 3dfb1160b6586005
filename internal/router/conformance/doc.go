// Package conformance is the suite that every router passes: the contract of package router, said in tests.
//
// A router names itself in a Subject and says how its data plane is reached. The suite starts real backends, orders traffic,
// sends real requests and looks who answered them. What a router has no Feature for is skipped, and the skip says so; a
// router whose data plane cannot run in the test at hand (URL is nil) is held to the tests of orders alone, and each test of
// traffic says that it was not run.
//
// Shares are tested against chance: a share is wrong when the count of requests lies further from it than 4.5 standard
// deviations of the binomial distribution, which a right router exceeds about once in 150,000 tests.
package conformance
