// Package cli shows releases on a terminal and acts on them: the views (block, list, explanation, history, live), the client
// of a running serin, and the commands made of both.
//
// Views take a progress.Release and nothing else; they work out no facts of their own. Every view fits the width it is
// given, measures text in terminal cells (Unicode Standard Annexes 11 and 29, by github.com/rivo/uniseg), drops control
// characters from texts of others, and says in words what it says in colour or by a glyph. There is no colour when the
// output is no terminal, NO_COLOR is set (https://no-color.org) or TERM is dumb; glyphs are ASCII where the locale is not
// UTF-8.
//
// # Talking to serin
//
// A running `serin run` answers HTTP/1.1 with JSON on a unix socket (flag --socket, else SERIN_SOCKET, else
// DefaultSocket under the working directory). NAME is a Canary's name, which means its latest release, or a release's:
//
//	GET  /v1/releases              {"items": [progress.Release...]}, the latest of each target
//	GET  /v1/releases/NAME         progress.Release
//	GET  /v1/releases/NAME/watch   JSON lines: a progress.Release now and whenever it changes, until the client leaves
//	POST /v1/releases/NAME/acts    progress.Act; 204, or 400, 404, 409 with {"error": "..."}
//	GET  /v1/version               {"version": "..."}
//
// # Errors
//
// Commands return plain errors, whose text says what was tried and what to do. Those whose exit status has a meaning of
// its own return an Exit, which the program turns into its exit status.
package cli
