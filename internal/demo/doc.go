// Package demo shows the main job on one machine: a real application is released in a good and in a bad new version, under
// real load, with the very program `serin run` is. It writes the user's file, changes it twice, watches over the socket as
// any client does, and counts with the load tester what the users got.
package demo
