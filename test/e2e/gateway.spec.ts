import { randomBytes } from 'node:crypto';
import { DeliverPolicy, jetstream, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ok } from '../../lab/api.js';
import { freePort } from '../../lab/free-port.js';
import { count, streamReady } from '../../lab/messages.js';
import { connectToHub } from '../../lab/nats-client.js';
import type { Service } from '../../lab/service.js';
import { until } from '../../lab/until.js';
import { Agent, refusalOf } from '../integration/gateway/agent.js';
import { AgentsOfSite, type IssuedAgent } from '../integration/gateway/agents-of-site.js';
import { withDeployment } from './laboratory.js';

const RESULTS = 'agent.results.>';
const SUBJECT = 'agent.results.hamburg.scan';
const PIECE = 200 * 1024;

describe('agents at two gateways, and a hub', () => {
  let other: Service;
  let hub: NatsConnection;
  let agents: AgentsOfSite;
  let issued: IssuedAgent & { agent: Agent };
  let atOther: Agent;
  let number = 0;

  const lab = withDeployment(async (deployment) => {
    const tenant = await deployment.tenant('Acme');
    agents = new AgentsOfSite(tenant.api);
    const site = await tenant.createSite('Hamburg');
    issued = await agents.greeted(site.id);
    const port = await freePort();
    other = await deployment.startAnother('gateway-2', { ROLES: 'gateway', PORT: '0', GATEWAY_PORT: String(port) });
    atOther = agents.keep(new Agent({ ...issued.identity, address: `127.0.0.1:${port}` }, issued.identity));
    return { tenant, site, otherAddress: `127.0.0.1:${port}` };
  });

  afterAll(async () => {
    agents.close();
    await hub?.close();
    await other?.stop();
  });

  const result = (payload: Buffer, changed: object = {}) => ({ result_id: `r${++number}`, result_type: 'scan', payload, content_type: 'text/plain', timestamp: 1_790_000_000, ...changed });
  const published = () => count(hub, RESULTS);
  /** The newest of the tenant's results. */
  const newest = async (messages: number): Promise<JsMsg[]> => {
    const consumer = await jetstream(hub).consumers.get('events', { filter_subjects: RESULTS, deliver_policy: DeliverPolicy.All });
    const found: JsMsg[] = [];
    for await (const message of await consumer.consume({ max_messages: 1_000 })) {
      found.push(message);
      if (message.info.pending === 0) break;
    }
    return found.slice(-messages);
  };
  const pieces = (whole: { payload: Buffer }) => {
    const total = Math.ceil(whole.payload.length / PIECE);
    return Array.from({ length: total }, (_, index) => ({
      ...whole,
      payload: whole.payload.subarray(index * PIECE, (index + 1) * PIECE),
      chunk_index: index,
      total_chunks: total,
      is_final: index === total - 1,
    }));
  };
  const stream = async (messages: readonly object[]) => {
    const sent = issued.agent.streamResults();
    for (const message of messages) await sent.send(message);
    sent.end();
    return sent.answer;
  };

  it('are told to wait with results while the tenant has no stream', lab(async ({ deployment, arranged: { tenant, site } }) => {
    expect(await refusalOf(issued.agent.pushResults(result(Buffer.from('x'))))).toBe('UNAVAILABLE');
    await site.install();
    hub = await connectToHub({ url: deployment.hub.clientUrl, creds: await tenant.credentials({ subscribe: [RESULTS] }) });
    await streamReady(hub);
    // The same one each time: it may have been taken, and the answer late.
    const first = result(Buffer.from('x'));
    await until('the stream takes results', async () => (await refusalOf(issued.agent.pushResults(first))) === 'answered');
    expect(await published()).toBe(1);
  }));

  it('have a result in the tenant’s stream when they are answered, and once however often they send it', lab(async () => {
    const before = await published();
    const one = result(Buffer.from('found: 3'));
    expect(await issued.agent.pushResults(one)).toEqual({ received: true });
    const [message] = await newest(1);
    expect([message!.subject, message!.string()]).toEqual([SUBJECT, 'found: 3']);
    expect(['Agent-Id', 'Result-Id', 'Content-Type', 'Result-Time', 'Result-Piece'].map((name) => message!.headers!.get(name))).toEqual([
      issued.package.component_id,
      one.result_id,
      'text/plain',
      '1790000000',
      '',
    ]);
    expect(await issued.agent.pushResults(one)).toEqual({ received: true });
    expect(await atOther.pushResults(one)).toEqual({ received: true });
    expect(await published()).toBe(before + 1);
  }));

  it('may send a result in pieces, and several on one stream', lab(async () => {
    const before = await published();
    const payload = randomBytes(5 * PIECE + 1);
    expect(await stream([...pieces(result(payload)), ...pieces(result(Buffer.from('small')))])).toEqual({ received: true });
    const found = await newest(2);
    expect([found[0]!.data.length, Buffer.from(found[0]!.data).equals(payload), found[1]!.string()]).toEqual([payload.length, true, 'small']);
    expect(await published()).toBe(before + 2);
  }));

  it('find what is larger than a message of the hub in several', lab(async () => {
    const payload = randomBytes(8 * 1024 * 1024);
    expect(await stream(pieces(result(payload)))).toEqual({ received: true });
    const found = await newest(2);
    expect(found.map(({ headers }) => headers!.get('Result-Piece'))).toEqual(['1/2', '2/2']);
    expect(Buffer.concat(found.map(({ data }) => data)).equals(payload)).toBe(true);
  }));

  it('have nothing in the stream of a result that was not whole', lab(async () => {
    const before = await published();
    const all = pieces(result(randomBytes(3 * PIECE)));
    expect(await refusalOf(stream(all.slice(0, 2)))).toBe('INVALID_ARGUMENT');
    expect(await refusalOf(stream([all[0]!, all[2]!]))).toBe('INVALID_ARGUMENT');
    expect(await refusalOf(stream([all[0]!, { ...all[1], total_chunks: 4 }]))).toBe('INVALID_ARGUMENT');
    const brokenOff = issued.agent.streamResults();
    await brokenOff.send(all[0]!);
    brokenOff.cancel();
    expect(await refusalOf(brokenOff.answer)).toBe('CANCELLED');
    expect(await refusalOf(stream(pieces(result(randomBytes(8 * 1024 * 1024 + 1)))))).toBe('RESOURCE_EXHAUSTED');
    expect(await published()).toBe(before);
    expect(await stream(all)).toEqual({ received: true });
    expect(await published()).toBe(before + 1);
  }));

  it.each<[string, object, string]>([
    ['an id with a line break', { result_id: 'a\nb' }, 'INVALID_ARGUMENT'],
    ['no id', { result_id: '' }, 'INVALID_ARGUMENT'],
    ['a type of two tokens', { result_type: 'scan.all' }, 'INVALID_ARGUMENT'],
    ['a type that is a wildcard', { result_type: '>' }, 'INVALID_ARGUMENT'],
    ['a content type with a header in it', { content_type: 'a\r\nNats-Rollup: all' }, 'INVALID_ARGUMENT'],
    ['another agent’s id', { agent_id: 'another' }, 'PERMISSION_DENIED'],
    ['another site', { partition: 'bremen' }, 'PERMISSION_DENIED'],
  ])('are refused with %s', (_what, changed, refusal) =>
    lab(async () => {
      const before = await published();
      const one = result(Buffer.from('x'), changed);
      expect(await refusalOf(issued.agent.pushResults(one))).toBe(refusal);
      expect(await refusalOf(stream(pieces(one)))).toBe(refusal);
      expect(await published()).toBe(before);
    })(),
  );

  it('are told to wait with results while the hub is away', lab(async ({ deployment }) => {
    await deployment.hub.stop('SIGKILL');
    const one = result(Buffer.from('later'));
    expect(await refusalOf(issued.agent.pushResults(one))).toBe('UNAVAILABLE');
    await deployment.hub.start();
    await until('it is taken', async () => (await refusalOf(issued.agent.pushResults(one))) === 'answered');
    await until('it is in the stream', async () => (await newest(1))[0]!.string() === 'later');
  }));

  it('lose their streams at each gateway when their package is revoked', lab(async ({ arranged: { tenant, site, otherAddress } }) => {
    const revoked = await agents.greeted(site.id);
    const there = agents.keep(new Agent({ ...revoked.identity, address: otherAddress }, revoked.identity));
    const streams = [revoked.agent, there].flatMap((agent) => [agent.streamStatus(), agent.streamResults()]);
    const kept = atOther.streamStatus();
    for (const one of [...streams, kept]) await one.send({ result_id: 'r', result_type: 'scan', total_chunks: 2 });
    // Both gateways know them by now, and need no look at their certificates.
    await Promise.all([revoked.agent, there].map((agent) => agent.pushStatus({})));
    await ok(tenant.api.post(`/admin/edge-packages/${revoked.package.id}/revoke`));
    expect(await Promise.all(streams.map(({ answer }) => refusalOf(answer)))).toEqual(Array(4).fill('UNAUTHENTICATED'));
    expect(await Promise.all([revoked.agent, there].map((agent) => refusalOf(agent.pushStatus({}))))).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    kept.end();
    expect(await kept.answer).toEqual({ received: true });
  }));

  it('are told to dial another when a gateway stops', lab(async () => {
    const open = atOther.streamStatus();
    await open.send({});
    await atOther.pushStatus({});
    const stopped = other.stop();
    expect(await refusalOf(open.answer)).toBe('UNAVAILABLE');
    expect(await stopped).toBe(0);
    expect(await refusalOf(issued.agent.pushStatus({}))).toBe('answered');
  }));
});
