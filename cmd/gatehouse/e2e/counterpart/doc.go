// Package counterpart runs other people's OpenID Connect software next to ours.
//
// What two independent implementations agree on is worth more than what we
// agree on with ourselves: an upstream provider (npm's oidc-provider), relying
// parties (npm's openid-client, Apache's mod_auth_openidc) and a browser
// (Chromium), and beside them what a deployment has: a gateway (nginx) and a
// Redis server. Each lives on loopback for one test and ends with it, also when
// the test process is killed. What this machine lacks is said in one line.
package counterpart
