// Package ui holds the pages a person sees: server-rendered templates and one
// style sheet, embedded. Pages work without script, by keyboard, in light and
// dark, and load nothing from anywhere else.
//
// The stable element ids are part of the contract: #username #password
// #submit on a form that signs in, #allow #deny on consent, #confirm on the
// question whether to sign out, #signed_out after it, #error #error_code on an
// error page.
package ui
