"""Upstream identity providers of SAML 2.0 on loopback, by Debian's pysaml2.

Settings come as one JSON line on standard input; {"url": ...} is printed when
it listens, and it ends when standard input does. Below the address each variant
has /metadata and /sso, which signs the one user in.
"""
import json
import os
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORD
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256

SHA256 = {"sign_alg": SIG_RSA_SHA256, "digest_alg": DIGEST_SHA256}
SHA1 = {"sign_alg": SIG_RSA_SHA1, "digest_alg": DIGEST_SHA1}
VARIANTS = {
    "sha256": dict(SHA256, sign_response=True, sign_assertion=True),
    "sha1": dict(SHA1, sign_response=True, sign_assertion=True),  # its default
    # Its encryption is 3DES.
    "tripledes": dict(SHA256, sign_response=True, encrypt_assertion=True),
}

settings = json.loads(sys.stdin.readline())
folder = tempfile.TemporaryDirectory()
KEY, CERTIFICATE = (os.path.join(folder.name, name) for name in ("key.pem", "certificate.pem"))
for name, text in ((KEY, settings["key"]), (CERTIFICATE, settings["certificate"])):
    with open(name, "w", encoding="ascii") as file:
        file.write(text)


def provider(variant, inline=None):
    base = f"{URL}/{variant}"
    config = {
        "entityid": f"{base}/metadata",
        "key_file": KEY,
        "cert_file": CERTIFICATE,
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "service": {"idp": {
            "endpoints": {"single_sign_on_service": [(f"{base}/sso", BINDING_HTTP_REDIRECT)]},
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
            "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}},
        }},
    }
    if inline:
        config["metadata"] = {"inline": [inline]}
    return IdPConfig().load(config)


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        at = urllib.parse.urlsplit(self.path)
        _, variant, what = at.path.split("/")
        if variant not in VARIANTS:
            self.send_error(404)
        elif what == "metadata":
            self.say("application/samlmetadata+xml", str(entity_descriptor(provider(variant))))
        else:
            self.sso(variant, dict(urllib.parse.parse_qsl(at.query)))

    def sso(self, variant, query):
        unknown = Server(config=provider(variant))
        request = unknown.parse_authn_request(query["SAMLRequest"], BINDING_HTTP_REDIRECT).message
        with urllib.request.urlopen(request.issuer.text.strip() + "/metadata") as answer:
            server = Server(config=provider(variant, answer.read().decode()))
        response = server.create_authn_response(
            {"mail": [f"ada@{variant}.example"], "displayName": [settings["user"]["name"]]},
            in_response_to=request.id, destination=request.assertion_consumer_service_url, sp_entity_id=request.issuer.text.strip(),
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=settings["user"]["subject"]),
            authn={"class_ref": PASSWORD, "authn_auth": "pysaml2"}, **VARIANTS[variant])
        form = server.apply_binding(BINDING_HTTP_POST, str(response), request.assertion_consumer_service_url, query["RelayState"], response=True)
        message = form["data"] if isinstance(form["data"], str) else "".join(form["data"])
        self.say("text/html", message.replace("</form>", '<button id="continue">Continue</button></form>'))

    def say(self, kind, text):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())


http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
URL = f"http://127.0.0.1:{http.server_port}"
threading.Thread(target=http.serve_forever, daemon=True).start()
print(json.dumps({"url": URL}), flush=True)
sys.stdin.read()
folder.cleanup()
