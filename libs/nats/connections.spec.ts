import { systemRandom } from '#libs/kernel';
import { connectionsRequest, parseConnections } from './connections.js';
import { createKeyPair } from './nkeys.js';

const message = (value: unknown) => Buffer.from(JSON.stringify(value));
const unreachable = expect.objectContaining({ code: 'hub_unreachable' });

const account = createKeyPair('account', systemRandom).publicKey;
const user = createKeyPair('user', systemRandom).publicKey;
const server = { name: 'nats-new-york', id: 'NLEAF', ver: '2.15.1' };

describe('the connections of an account', () => {
  const asked = (question: { offset: number; limit: number; serverName?: string }) => {
    const { subject, payload } = connectionsRequest({ account, ...question });
    return { subject, payload: JSON.parse(payload.toString()) as unknown };
  };
  const subject = `$SYS.REQ.ACCOUNT.${account}.CONNZ`;

  it('are asked for with their users, some at a time', () => {
    expect(asked({ offset: 128, limit: 64 })).toEqual({ subject, payload: { auth: true, offset: 128, limit: 64 } });
  });

  it('are asked for at one server', () => {
    const payload = { auth: true, offset: 0, limit: 64, server_name: 'nats-new-york', exact_match: true };
    expect(asked({ offset: 0, limit: 64, serverName: 'nats-new-york' })).toEqual({ subject, payload });
  });

  it.each(['*', '', 'acme', user])('are not asked for of an account called %j', (name) => {
    expect(() => connectionsRequest({ account: name, offset: 0, limit: 1 })).toThrow(expect.objectContaining({ code: 'invalid_configuration' }));
  });

  // As 2.10.27 and 2.15.1 answer, without what is of no interest.
  const link = { cid: 7, kind: 'Leafnode', ip: '127.0.0.1', account };
  const client = { cid: 8, kind: 'Client', type: 'nats', authorized_user: user, account, jwt: 'a.b.c', name_tag: 'flowgger-new-york' };
  const list = (connections: unknown, { offset = 0, total = Array.isArray(connections) ? connections.length : 0 } = {}) =>
    message({ server, data: { server_id: 'NLEAF', num_connections: 1, total, offset, limit: 2, connections } });

  it('are listed by their users; a leaf’s link has none', () => {
    expect(parseConnections(list([link, client, client]))).toEqual({ serverName: 'nats-new-york', users: [user, user], more: false });
  });

  it('are all listed when the last of them is', () => {
    expect(parseConnections(list([client, client], { offset: 0, total: 3 })).more).toBe(true);
    expect(parseConnections(list([client], { offset: 2, total: 3 })).more).toBe(false);
  });

  it('are all listed when a list is empty, however many there are said to be', () => {
    expect(parseConnections(list([], { offset: 4, total: 1_000_000 })).more).toBe(false);
  });

  it.each([[[]], [null], [undefined]])('may be none, as %j', (connections) => {
    expect(parseConnections(list(connections))).toEqual({ serverName: 'nats-new-york', users: [], more: false });
  });

  it.each([account, 'U', '', '__proto__', 5, null, ['x']])('are nobody’s with the user %j', (name) => {
    expect(parseConnections(list([{ ...client, authorized_user: name }])).users).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no object', 'x'],
    ['without a server', { data: { total: 0, offset: 0, connections: [] } }],
    ['of a server without a name', { server: {}, data: { total: 0, offset: 0, connections: [] } }],
    ['refused', { server, error: { code: 500, description: 'x' } }],
    ['no list', { server, data: { total: 1, offset: 0, connections: 'x' } }],
    ['a list of texts', { server, data: { total: 1, offset: 0, connections: ['x'] } }],
    ['without a total', { server, data: { offset: 0, connections: [client] } }],
  ])('are refused: %s', (_what, value) => {
    expect(() => parseConnections(message(value))).toThrow(unreachable);
  });
});
