// Package hands is how serin works on objects that are not its alone, routes for instance: it reads them no older than it wrote
// them and finds the one that a target has its hands on (Objects), refuses one that another tool writes as well (Taken), and
// gives the ownership of fields back to those who had it (Owner).
package hands
