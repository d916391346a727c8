// An MCP server as a protected resource, by the server SDK of the Model Context
// Protocol: metadata of RFC 9728, bearer tokens checked by introspection (RFC
// 7662), one tool. Line 1 in: settings; out: {"ready": true}. It ends with its
// standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import {
  createMcpHandler, getOAuthProtectedResourceMetadataUrl, McpServer, oauthMetadataResponse, OAuthError, OAuthErrorCode, requireBearerAuth,
} from '@modelcontextprotocol/server';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
const resource = new URL(settings.resource);
const metadata = await (await fetch(`${settings.issuer}/.well-known/oauth-authorization-server`)).json();

const verifier = {
  async verifyAccessToken(token) {
    const answer = await fetch(metadata.introspection_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${settings.client_id}:${settings.client_secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    const found = await answer.json();
    if (!found.active || !found.aud.includes(settings.resource)) throw new OAuthError(OAuthErrorCode.InvalidToken, 'not for this server');
    return { token, clientId: found.client_id, scopes: found.scope.split(' '), expiresAt: found.exp, resource: new URL(settings.resource), extra: { sub: found.sub } };
  },
};
const gate = requireBearerAuth({ verifier, resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource), expectedResource: resource });
const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'tools', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Who calls' }, async (ctx) => {
    const { clientId, scopes, extra } = ctx.http.authInfo;
    return { content: [{ type: 'text', text: JSON.stringify({ client_id: clientId, scopes, sub: extra.sub }) }] };
  });
  return server;
}, { legacy: 'reject', onerror: (err) => console.error(err) });

async function serve(request) {
  const document = oauthMetadataResponse(request, { oauthMetadata: metadata, resourceServerUrl: resource, scopesSupported: settings.scopes });
  if (document) return document;
  const caller = await gate(request);
  return caller instanceof Response ? caller : mcp.fetch(request, { authInfo: caller });
}

createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const response = await serve(new Request(new URL(req.url, resource), { method: req.method, headers: req.headers, body }));
  res.writeHead(response.status, Object.fromEntries(response.headers));
  res.end(Buffer.from(await response.arrayBuffer()));
}).listen(resource.port, resource.hostname, () => console.log(JSON.stringify({ ready: true })));

await lines.next();
process.exit(0);
