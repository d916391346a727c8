// Upstream identity providers of SAML 2.0 on loopback, by npm's samlp (Auth0's
// own) and samlify. Settings come as one JSON line on standard input; {"url": …}
// is printed when it listens, and it ends when standard input does. Below the
// address each variant has /metadata and /sso, which signs the one user in.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { inflateRawSync } from 'node:zlib';
import samlp from 'samlp';
import samlify from 'samlify';

const lines = createInterface({ input: process.stdin });
const { key, certificate, user } = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
process.stdin.on('end', () => process.exit(0)).resume();

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}`;

const pem = (base64) => `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
// Each variant stands for a customer with a domain of their own.
const emailAt = (variant) => `ada@${variant}.example`;
const metadataOf = async (entityID) => (await fetch(`${entityID}/metadata`)).text();

// samlp signs the assertion, or both; encryption and algorithms by variant.
const bySamlp = {
  'samlp': {},
  'samlp-both': { signResponse: true },
  'samlp-gcm': { signResponse: true, encrypt: 'http://www.w3.org/2009/xmlenc11#aes256-gcm' },
  'samlp-sha1': { signatureAlgorithm: 'rsa-sha1', digestAlgorithm: 'sha1' },
};

async function answerOfSamlp(variant, query) {
  const { encrypt, ...more } = bySamlp[variant];
  const asked = await new Promise((done, failed) => samlp.parseRequest({ method: 'GET', query }, {}, (e, r) => (e ? failed(e) : done(r))));
  const options = {
    issuer: `${url}/${variant}/metadata`, key, cert: certificate, inResponseTo: asked.id, audience: asked.issuer,
    destination: asked.assertionConsumerServiceURL, recipient: asked.assertionConsumerServiceURL,
    signatureAlgorithm: 'rsa-sha256', digestAlgorithm: 'sha256', sessionIndex: `_${variant}`, ...more,
  };
  if (encrypt) {
    const ours = (await metadataOf(asked.issuer)).match(/use="encryption".*?X509Certificate>([^<]+)</s)[1].replace(/\s/g, '');
    options.encryptionCert = pem(ours);
    options.encryptionPublicKey = pem(ours);
    options.encryptionAlgorithm = encrypt;
  }
  const person = {
    id: user.subject, displayName: user.name, emails: [{ value: emailAt(variant) }],
    name: { givenName: user.name.split(' ')[0], familyName: user.name.split(' ')[1] },
  };
  const response = await new Promise((done, failed) => samlp.getSamlResponse(options, person, (e, r) => (e ? failed(e) : done(r))));
  return { acs: asked.assertionConsumerServiceURL, response: Buffer.from(response).toString('base64') };
}

// samlify signs both and encrypts with AES-256-GCM. Its own template says
// nothing of how the person authenticated.
const statement = '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}"><saml:AuthnContext>'
  + '<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>';
const bySamlify = { 'samlify': statement, 'samlify-bare': '' };

samlify.setSchemaValidator({ validate: async () => 'not looked at' });

const providerOfSamlify = (variant) => samlify.IdentityProvider({
  entityID: `${url}/${variant}/metadata`, privateKey: key, signingCert: certificate, isAssertionEncrypted: true,
  dataEncryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm', messageSigningOrder: 'encrypt-then-sign',
  requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  nameIDFormat: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
  singleSignOnService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', Location: `${url}/${variant}/sso` }],
  loginResponseTemplate: {
    context: samlify.SamlLib.defaultLoginResponseTemplate.context.replace('{AuthnStatement}', bySamlify[variant]),
    attributes: [{ name: 'mail', valueTag: 'user.email', nameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic', valueXsiType: 'xs:string' }],
  },
});

async function answerOfSamlify(variant, query) {
  const provider = providerOfSamlify(variant);
  const request = inflateRawSync(Buffer.from(query.SAMLRequest, 'base64')).toString();
  const entityID = request.match(/Issuer[^>]*>([^<]+)</)[1];
  const sp = samlify.ServiceProvider({ metadata: await metadataOf(entityID), wantMessageSigned: true });
  const { extract } = await provider.parseLoginRequest(sp, 'redirect', { query });
  const now = new Date();
  const later = new Date(now.getTime() + 5 * 60_000);
  const { context } = await provider.createLoginResponse(sp, { extract }, 'post', user, (template) => {
    const id = `_${crypto.randomUUID()}`;
    const acs = sp.entityMeta.getAssertionConsumerService('post');
    return {
      id,
      context: samlify.SamlLib.replaceTagsByValue(template, {
        ID: id, AssertionID: `_${crypto.randomUUID()}`, Destination: acs, Audience: entityID, EntityID: entityID, SubjectRecipient: acs,
        Issuer: provider.entityMeta.getEntityID(), IssueInstant: now.toISOString(), AssertionConsumerServiceURL: acs,
        StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success', ConditionsNotBefore: now.toISOString(),
        ConditionsNotOnOrAfter: later.toISOString(), SubjectConfirmationDataNotOnOrAfter: later.toISOString(),
        NameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent', NameID: user.subject, InResponseTo: extract.request.id,
        AuthnStatement: '', attrUserEmail: emailAt(variant),
      }),
    };
  }, true);
  return { acs: sp.entityMeta.getAssertionConsumerService('post'), response: context };
}

const metadata = (variant) => {
  if (variant in bySamlify) return providerOfSamlify(variant).getMetadata();
  const base64 = certificate.replace(/-----[^-]+-----|\s/g, '');
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${url}/${variant}/metadata">`
    + '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">'
    + `<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${base64}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
    + `<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${url}/${variant}/sso"/></IDPSSODescriptor></EntityDescriptor>`;
};

server.on('request', async (req, res) => {
  const at = new URL(req.url, url);
  const [, variant, what] = at.pathname.split('/');
  try {
    if (!(variant in bySamlp) && !(variant in bySamlify)) throw new Error('no such variant');
    if (what === 'metadata') {
      const text = metadata(variant);
      res.writeHead(200, { 'Content-Type': 'application/samlmetadata+xml' }).end(text);
      return;
    }
    const query = Object.fromEntries(at.searchParams);
    const { acs, response } = await (variant in bySamlp ? answerOfSamlp : answerOfSamlify)(variant, query);
    res.writeHead(200, { 'Content-Type': 'text/html' }).end(`<form method="post" action="${acs}">`
      + `<input type="hidden" name="SAMLResponse" value="${response}"><input type="hidden" name="RelayState" value="${query.RelayState}">`
      + '<button id="continue">Continue</button></form>');
  } catch (e) {
    console.error(e);
    res.writeHead(500).end(String(e));
  }
});

console.log(JSON.stringify({ url }));
