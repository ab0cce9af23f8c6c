import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { joinChain, parseCertificate, planAgent, planLeaf, planLeafListener } from './index.js';
import { type EndEntity, issueTo, TestAuthority } from './test-authority.js';

const acme = new TestAuthority('acme');
const other = new TestAuthority('other');
const ca = acme.root.certificatePem;
const listener = issueTo(planLeafListener({ tenant: 'acme', site: 'nyc', hosts: [], issuer: acme.tenant }, acme.context), acme.tenant);
const agent = issueTo(planAgent({ tenant: 'acme', site: 'nyc', agentId: 'a1', issuer: acme.tenant }, acme.context), acme.tenant);
const foreign = issueTo(planAgent({ tenant: 'other', site: 'nyc', agentId: 'a1', issuer: other.tenant }, other.context), other.tenant);
const leaf = issueTo(planLeaf({ tenant: 'acme', site: 'nyc', issuer: acme.tenant }, acme.context), acme.tenant);

const shown = ({ certificatePem, key }: EndEntity, issuerPem: string) => ({
  cert: joinChain(certificatePem, issuerPem),
  key: key.privateKeyPem.reveal(),
});

/** Greets each client with the identity in its certificate, or with why the certificate is not good. */
async function listen(show: EndEntity): Promise<Server> {
  const verification = { ca, requestCert: true, rejectUnauthorized: false };
  const server = createServer({ ...verification, ...shown(show, acme.tenant.certificatePem) }, (socket) => {
    socket.on('error', () => undefined);
    const { authorized, authorizationError } = socket;
    socket.end(authorized ? parseCertificate(socket.getPeerCertificate().raw).spiffeId ?? 'nobody' : String(authorizationError));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function greeting(server: Server, client: object, host = '127.0.0.1'): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername: host === '127.0.0.1' ? '' : host, ca, ...client });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks).toString();
}

describe('mutual TLS in Node', () => {
  let server: Server;
  beforeAll(async () => (server = await listen(listener)));
  afterAll(() => server.close());

  it("shows the server the client's identity", async () => {
    const id = 'spiffe://serviceradar.local/agent/acme/nyc/a1';
    expect(await greeting(server, shown(agent, acme.tenant.certificatePem))).toBe(id);
    expect(await greeting(server, shown(agent, acme.tenant.certificatePem), 'nats-server.nyc.acme.serviceradar')).toBe(id);
  });

  it('refuses a name that the listener does not have', async () => {
    const wrong = greeting(server, shown(agent, acme.tenant.certificatePem), 'nats-server.lax.acme.serviceradar');
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it.each<[string, object, string]>([
    ['without a certificate', {}, 'UNABLE_TO_GET_ISSUER_CERT'],
    ['of another root', shown(foreign, other.tenant.certificatePem), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    ["that shows a listener's certificate", shown(listener, acme.tenant.certificatePem), 'INVALID_PURPOSE'],
  ])('refuses a client %s', async (_what, client, why) => expect(await greeting(server, client)).toBe(why));

  it('refuses a server that shows a client certificate', async () => {
    const impostor = await listen(leaf);
    try {
      const answer = greeting(impostor, shown(agent, acme.tenant.certificatePem), 'leaf.nyc.acme.serviceradar');
      await expect(answer).rejects.toMatchObject({ code: 'INVALID_PURPOSE' });
    } finally {
      impostor.close();
    }
  });
});
