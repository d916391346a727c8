// A FAPI 2.0 client, by npm's openid-client: private_key_jwt, pushed requests,
// DPoP; signed requests and responses where settings say so. The protocol with
// the test is openid-client.mjs's.
import { createInterface } from 'node:readline';
import * as oidc from 'openid-client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const key = {
  key: await crypto.subtle.importKey('jwk', settings.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  kid: settings.jwk.kid,
};
const config = await oidc.discovery(
  new URL(settings.issuer),
  settings.client_id,
  { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' },
  oidc.PrivateKeyJwt(key),
  { execute: [oidc.allowInsecureRequests, ...(settings.jarm ? [oidc.useJwtResponseMode] : [])] },
);
const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));

const verifier = oidc.randomPKCECodeVerifier();
const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true };
let parameters = {
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  ...settings.parameters,
};
if (settings.jar) {
  const signed = await oidc.buildAuthorizationUrlWithJAR(config, parameters, key);
  parameters = signed.searchParams;
}
const url = await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
say({ authorization_url: url.href });

const callback = new URL((await lines.next()).value);
const tokens = await oidc.authorizationCodeGrant(config, callback, checks, undefined, { DPoP });
const outcome = { tokens, claims: tokens.claims(), errors: {} };

async function step(name, run) {
  try {
    outcome[name] = await run();
  } catch (err) {
    outcome.errors[name] = [err.error ?? err.code ?? err.name, err.error_description ?? err.message].join(': ');
  }
}

await step('userinfo', () => oidc.fetchUserInfo(config, tokens.access_token, outcome.claims.sub, { DPoP }));
if (tokens.refresh_token) {
  await step('refreshed', () => oidc.refreshTokenGrant(config, tokens.refresh_token, {}, { DPoP }));
}
await step('introspection', () => oidc.tokenIntrospection(config, (outcome.refreshed ?? tokens).access_token));
say(outcome);
process.exit(0);
