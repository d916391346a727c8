// Package setup serves the pages by which a customer's own administrator sets one
// connection up:
//
//	GET  /setup?token=…  the link: its token becomes a cookie, and leaves the URL
//	GET  /setup          all there is to see: what to tell the provider, what was
//	                     found there, what is missing, what was refused and why
//	POST /setup/…        choose the vendor, give the provider, look at it
//
// Whoever has the link can do that for the one connection, and nothing else
// (authz/connection, Setup). A connection that people sign in by can only be
// looked at. Putting it into use is not for here.
package setup
