// A relying party, by npm's openid-client. Settings come as one JSON line on
// standard input. It prints {"authorization_url": …}, reads the callback URL as
// the second line, then uses everything it was given and prints the outcome.
// A step that fails after sign-in is reported under "errors", not fatal.
import { createInterface } from 'node:readline';
import * as oidc from 'openid-client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const authentication = {
  client_secret_basic: () => oidc.ClientSecretBasic(settings.client_secret),
  client_secret_post: () => oidc.ClientSecretPost(settings.client_secret),
  none: () => oidc.None(),
}[settings.auth_method]();

const config = await oidc.discovery(
  new URL(settings.issuer),
  settings.client_id,
  { id_token_signed_response_alg: settings.id_token_alg },
  authentication,
  { execute: [oidc.allowInsecureRequests] },
);

const verifier = oidc.randomPKCECodeVerifier();
const checks = {
  pkceCodeVerifier: verifier,
  expectedState: oidc.randomState(),
  expectedNonce: oidc.randomNonce(),
  idTokenExpected: true,
};
const url = oidc.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  ...settings.parameters,
});
say({ authorization_url: url.href });

const callback = new URL((await lines.next()).value);
const tokens = await oidc.authorizationCodeGrant(config, callback, checks);
const outcome = { tokens, claims: tokens.claims(), errors: {} };

async function step(name, wanted, run) {
  if (!wanted) return;
  try {
    outcome[name] = await run();
  } catch (err) {
    outcome.errors[name] = [err.error ?? err.code ?? err.name, err.error_description ?? err.message].join(': ');
  }
}

const server = config.serverMetadata();
await step('userinfo', server.userinfo_endpoint, () =>
  oidc.fetchUserInfo(config, tokens.access_token, outcome.claims.sub));
await step('refreshed', tokens.refresh_token, () =>
  oidc.refreshTokenGrant(config, tokens.refresh_token));
const { access_token: access } = outcome.refreshed ?? tokens;
await step('introspection', server.introspection_endpoint, () => oidc.tokenIntrospection(config, access));
await step('revoked', server.revocation_endpoint, async () => {
  await oidc.tokenRevocation(config, access);
  return true;
});
await step('introspection_after', server.introspection_endpoint, () => oidc.tokenIntrospection(config, access));
say(outcome);
process.exit(0);
