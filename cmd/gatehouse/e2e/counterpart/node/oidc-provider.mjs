// An upstream OpenID provider on loopback, by npm's oidc-provider. Settings
// come as one JSON line on standard input; {"issuer": …} is printed when it
// listens, and it ends when standard input does.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
process.stdin.on('end', () => process.exit(0)).resume();

const people = new Map(settings.users.map((user) => [user.login, user]));
const bySubject = new Map(settings.users.map((user) => [user.subject, user]));

// Who left the directory: nobody's account is found by their subject any more.
const forgotten = new Set();

const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  use: 'sig', alg, kid: alg.toLowerCase(),
});

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: settings.clients.map((client) => ({
    client_id: client.id,
    client_secret: client.secret,
    redirect_uris: client.redirect_uris,
    post_logout_redirect_uris: client.post_logout_redirect_uris ?? [],
    ...(client.backchannel_logout_uri && {
      backchannel_logout_uri: client.backchannel_logout_uri,
      backchannel_logout_session_required: true,
    }),
    id_token_signed_response_alg: client.id_token_alg || 'RS256',
    grant_types: ['authorization_code', 'refresh_token'],
  })),
  jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  // acr, amr and auth_time without being asked, as the larger vendors send them.
  claims: {
    openid: ['sub', 'acr', 'amr', 'auth_time'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'groups'],
  },
  conformIdTokenClaims: !settings.claims_in_id_token,
  pkce: { required: () => settings.require_pkce },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
  },
  // The library's own dispatcher refuses loopback, where all of this lives.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  findAccount: (ctx, subject) => (forgotten.has(subject) ? undefined : {
    accountId: subject,
    claims: () => ({ ...bySubject.get(subject)?.claims, sub: subject }),
  }),
  loadExistingGrant: consentToEverything,
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (ctx, client, code) => code.scopes.has('offline_access'),
});

async function consentToEverything(ctx) {
  const { client, session, params } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant = (known && await provider.Grant.find(known))
    || new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

const form = `<!doctype html><title>Upstream</title>
<form method="post"><label>Login <input id="login" name="login" autofocus></label>
<button id="sign-in">Sign in</button></form>`;

async function interact(req, res) {
  const { params, prompt } = await provider.interactionDetails(req, res);
  if (prompt.name === 'consent') return provider.interactionFinished(req, res, { consent: {} });
  const login = req.method === 'POST' ? (await body(req)).get('login') : params.login_hint;
  const user = people.get(login);
  if (!user) {
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(form);
    return;
  }
  const result = user.denies
    ? { error: 'access_denied', error_description: 'the person said no' }
    : { login: { accountId: user.subject, acr: user.acr || undefined, amr: user.amr ?? undefined } };
  await provider.interactionFinished(req, res, result);
}

async function body(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

let refreshes = 0;
provider.on('grant.success', (ctx) => {
  if (ctx.oidc.params.grant_type === 'refresh_token') refreshes += 1;
});

const answer = provider.callback();
server.on('request', (req, res) => {
  if (req.url === '/refreshes') return res.writeHead(200).end(String(refreshes));
  const leaver = req.method === 'POST' && people.get(req.url.match(/^\/forget\/(.+)$/)?.[1]);
  if (leaver) {
    forgotten.add(leaver.subject);
    return res.writeHead(204).end();
  }
  if (!req.url.startsWith('/interaction/')) return answer(req, res);
  return interact(req, res).catch((err) => res.writeHead(400).end(String(err)));
});
provider.on('server_error', (ctx, err) => console.error(err));
console.log(JSON.stringify({ issuer }));
