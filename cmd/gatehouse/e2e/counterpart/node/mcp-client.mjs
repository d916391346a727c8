// An MCP client that knows the address of an MCP server and nothing else, by the
// client SDK of the Model Context Protocol (revision 2026-07-28). Its client_id is
// the address of its metadata document. Line 1 in: settings; out: the URL a
// person must open; line 2 in: the URL the browser was sent back to; out: what
// came of it.
import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const say = (value) => console.log(JSON.stringify(value));

const kept = {};
let opened;
const provider = {
  redirectUrl: settings.redirect_uri,
  clientMetadataUrl: settings.client_id,
  clientMetadata: { client_name: 'MCP client', redirect_uris: [settings.redirect_uri], grant_types: ['authorization_code', 'refresh_token'] },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  redirectToAuthorization: (url) => { opened = url; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
};
const transport = () => new StreamableHTTPClientTransport(new URL(settings.server), { authProvider: provider });
const client = () => new Client({ name: 'client', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });

const first = transport();
try {
  await client().connect(first);
  throw new Error('the server asked for no token');
} catch (err) {
  if (!(err instanceof UnauthorizedError)) throw err;
}
say({ authorization_url: opened.href });

const callback = new URL((await lines.next()).value);
if (callback.searchParams.get('state') !== kept.state) throw new Error('another state');
await first.finishAuth(callback.searchParams);
const tokens = kept.tokens;
const connected = client();
await connected.connect(transport());
const { tools } = await connected.listTools();
const answer = await connected.callTool({ name: 'whoami', arguments: {} });

// The access token is gone: the next request refreshes by itself.
kept.tokens = { ...tokens, access_token: 'lost' };
const again = client();
await again.connect(transport());
const refreshed = await again.callTool({ name: 'whoami', arguments: {} });
say({
  client_id: kept.client.client_id, tools: tools.map((t) => t.name), whoami: JSON.parse(answer.content[0].text),
  whoami_refreshed: JSON.parse(refreshed.content[0].text), tokens, refreshed: kept.tokens, protocol: connected.getNegotiatedProtocolVersion?.(),
});
process.exit(0);
