// Package upstream is the workload that runs nothing: its instances are servers at fixed URLs that somebody else keeps,
// for instance a monolith and the service that strangles it. serin asks them how they are and tells the router where to
// send requests.
//
// Every URL is one instance, under the same name as long as the revision names it at the same place: its counters go on
// whatever serin does. Replicas in an order are not counted out, for nothing can be started: 0 means that the
// revision is not used, any other number that all its URLs are. So that a healthy upstream is fully ready, Ready is the
// part of the wanted replicas that the healthy URLs make up, rounded down but at least 1 while one of them is healthy;
// Endpoints and Running count URLs.
//
// The last order of each target is kept in Env.Dir (orders/*.json), so that the next serin knows at once where
// requests may go. URLs must not hold passwords.
package upstream
