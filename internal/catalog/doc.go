// Package catalog lists the back ends this program is built with, one explicit line each. A back end that is not listed
// here does not exist; one that is, is known to the compiler, to the documentation and to the wiring alike.
package catalog
