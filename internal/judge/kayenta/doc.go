// Package kayenta is Kayenta's judge.
package kayenta
