import { systemRandom } from '#libs/kernel';
import { claimsUpdate, parseClaimsUpdateAnswer } from './claims-update.js';
import { createKeyPair } from './nkeys.js';
import { parseLeafLinks, parsePresenceEvent } from './presence.js';

const account = createKeyPair('account', systemRandom).publicKey;
const user = createKeyPair('user', systemRandom).publicKey;
const message = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const unreachable = expect.objectContaining({ code: 'hub_unreachable' });

// As 2.10.27 and 2.15.1 send them, shortened.
const client = { start: '2026-11-24T10:38:33.3Z', host: '127.0.0.1', id: 6, acc: account, user, name: 'nats-new-york', kind: 'Leafnode' };
const server = { name: 'nats-hub', id: 'NHUB', ver: '2.15.1', feature_flags: { js_ack_fc_v2: false } };
const connect = { type: 'io.nats.server.advisory.v1.client_connect', id: 'x', timestamp: '2026-11-24T10:38:33.309090435Z', server, client };
const disconnect = { ...connect, type: 'io.nats.server.advisory.v1.client_disconnect', reason: 'Client Closed', sent: { msgs: 5 } };

describe('an event of a connection', () => {
  it('says who came', () => {
    expect(parsePresenceEvent(message(connect))).toEqual({
      type: 'connected',
      kind: 'leafnode',
      account,
      userPublicKey: user,
      serverName: 'nats-new-york',
      hubServerId: 'NHUB',
      linkId: 'NHUB:6',
      reason: undefined,
      at: new Date('2026-11-24T10:38:33.309Z'),
    });
  });

  it('says who went, why, and of which link', () => {
    expect(parsePresenceEvent(message(disconnect))).toMatchObject({ type: 'disconnected', reason: 'Client Closed', linkId: 'NHUB:6' });
  });

  it.each([
    ['Client', 'client'],
    ['JetStream', 'other'],
  ])('tells the kind %s as %s', (kind, expected) => {
    expect(parsePresenceEvent(message({ ...connect, client: { ...client, kind } }))?.kind).toBe(expected);
  });

  it.each<[string, unknown]>([
    ['no JSON object', []],
    ['of another type', { ...connect, type: 'io.nats.server.advisory.v1.account_connections' }],
    ['without a client', { ...connect, client: undefined }],
    ['without a server', { ...connect, server: undefined }],
    ['of no account at all', { ...connect, client: { ...client, acc: undefined } }],
    ['of a user that is none', { ...connect, client: { ...client, user: 'bob' } }],
    ['without the number of its connection', { ...connect, client: { ...client, id: '6' } }],
    ['at no time', { ...connect, timestamp: 'yesterday' }],
  ])('is refused when it is %s', (_what, value) => {
    expect(() => parsePresenceEvent(message(value))).toThrow(unreachable);
  });

  it('is nothing when the hub refused the connection, though it claims the key of a user', () => {
    expect(parsePresenceEvent(message({ ...disconnect, client: { ...client, acc: '$G', kind: 'Client' } }))).toBeUndefined();
  });

  it('is refused when it is no JSON', () => {
    expect(() => parsePresenceEvent(Buffer.from('{'))).toThrow(unreachable);
  });
});

describe('a list of leaf nodes', () => {
  const leaf = { name: 'nats-new-york', is_spoke: false, account, ip: '127.0.0.1', port: 44106 };
  const list = (leafs: unknown) => message({ server, data: { server_id: 'NHUB', now: 'x', leafnodes: 1, leafs } });

  it('gives the same link as the events, where the server numbers its connections', () => {
    expect(parseLeafLinks(list([{ id: 6, ...leaf }, leaf]))).toEqual({
      hubServerId: 'NHUB',
      links: [
        { account, serverName: 'nats-new-york', hubServerId: 'NHUB', linkId: 'NHUB:6' },
        { account, serverName: 'nats-new-york', hubServerId: 'NHUB', linkId: undefined },
      ],
    });
  });

  it.each([[[]], [null], [undefined]])('may be empty, as %j', (leafs) => {
    expect(parseLeafLinks(list(leafs)).links).toEqual([]);
  });

  it.each<[unknown]>([[['x']], ['x'], [[{ ...leaf, account: 'x' }]], [[{ ...leaf, id: 'x' }]]])('is refused as %j', (leafs) => {
    expect(() => parseLeafLinks(list(leafs))).toThrow(unreachable);
  });

  it('is refused when the server refused', () => {
    expect(() => parseLeafLinks(message({ server, error: { code: 500 } }))).toThrow(unreachable);
  });
});

describe('a pushed account', () => {
  it('is requested as it is', () => {
    expect(claimsUpdate('a.b.c')).toEqual({ subject: '$SYS.REQ.CLAIMS.UPDATE', payload: Buffer.from('a.b.c') });
  });

  it('was taken over', () => {
    const answer = message({ server, data: { account, code: 200, message: 'jwt updated' } });
    expect(parseClaimsUpdateAnswer(answer)).toEqual({ accepted: true, serverName: 'nats-hub', account, message: 'jwt updated' });
  });

  it('was refused', () => {
    const answer = message({ server, error: { account: 'n/a', code: 500, description: 'expected 3 chunks' } });
    expect(parseClaimsUpdateAnswer(answer)).toMatchObject({ accepted: false, account: undefined, message: 'expected 3 chunks' });
  });

  it.each([{}, { server }, { server, data: {} }, { data: { code: 200, message: 'x' } }])('was answered by nobody known: %j', (value) => {
    expect(() => parseClaimsUpdateAnswer(message(value))).toThrow(unreachable);
  });
});
