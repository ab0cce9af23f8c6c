import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent as AgentRow, AgentService, EdgeSite, NatsLeafServer } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { temporaryDirectory } from '../../../lab/temporary-directory.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { endConnections, whileReadOnly } from '../../support/database-faults.js';
import { Agent, refusalOf } from './agent.js';
import { AgentsOfSite, type IssuedAgent } from './agents-of-site.js';

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;
let agents: AgentsOfSite;
let issued: IssuedAgent;
let agent: Agent;

beforeAll(async () => {
  app = await startTestApp();
  acme = await app.tenant('Acme');
  site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
  agents = new AgentsOfSite(acme.api);
});
beforeEach(async () => {
  const greeted = await agents.greeted(site.id);
  [issued, agent] = [greeted, greeted.agent];
});
afterEach(() => agents.close());
afterAll(() => app.close());

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const status = (name: string, changed: object = {}) => ({ service_name: name, service_type: 'tcp', available: true, message: json({ ms: 3 }), response_time: 3_000_000, ...changed });
const em = () => app.database.database.em('platform');
const row = () => em().findOneOrFail(AgentRow, { agentId: issued.package.component_id });
const services = async () => em().find(AgentService, { agentId: (await row()).id }, { orderBy: { serviceName: 'asc' } });
const names = async () => (await services()).map(({ serviceName }) => serviceName);
const invalid = (changed: object) => refusalOf(agent.pushStatus({ services: [status('good'), status('web', changed)] }));

describe('an agent that pushes statuses', () => {
  it('finds them on record when it is answered, and itself seen', async () => {
    const before = await row();
    expect(await agent.pushStatus({ services: [status('web'), status('dns', { available: false, service_type: 'icmp' })] })).toEqual({ received: true });
    expect(await services()).toMatchObject([
      { serviceName: 'dns', serviceType: 'icmp', available: false, details: { ms: 3 }, responseTimeNs: 3_000_000, tenantId: acme.id, edgeSiteId: site.id },
      { serviceName: 'web', serviceType: 'tcp', available: true },
    ]);
    const after = await row();
    expect(after.lastSeenAt.getTime()).toBeGreaterThan(before.lastSeenAt.getTime());
    expect((await services())[0]!.reportedAt).toEqual(after.lastSeenAt);
    await until('the site was seen', async () => (await em().findOneOrFail(EdgeSite, { id: site.id })).lastSeenAt !== null);
  });

  it('is seen when it has nothing to tell', async () => {
    const before = await row();
    expect(await agent.pushStatus({})).toEqual({ received: true });
    expect((await row()).lastSeenAt.getTime()).toBeGreaterThan(before.lastSeenAt.getTime());
  });

  it('changes the time of a service’s change only with its availability', async () => {
    const push = async (available: boolean, ms: number) => {
      await agent.pushStatus({ services: [status('web', { available, message: json({ ms }) })] });
      return (await services())[0]!;
    };
    const first = await push(true, 1);
    expect(first.changedAt).toEqual(first.reportedAt);
    const same = await push(true, 2);
    expect([same.changedAt, same.details]).toEqual([first.changedAt, { ms: 2 }]);
    expect(same.reportedAt.getTime()).toBeGreaterThan(first.reportedAt.getTime());
    const down = await push(false, 3);
    expect(down.changedAt).toEqual(down.reportedAt);
  });

  it('is taken at its last word when it says two things at once', async () => {
    expect(await agent.pushStatus({ services: [status('web'), status('dns'), status('web', { available: false })] })).toEqual({ received: true });
    expect((await services()).map(({ serviceName, available }) => [serviceName, available])).toEqual([['dns', true], ['web', false]]);
  });

  it.each<[string, Buffer, object]>([
    ['nothing', Buffer.alloc(0), {}],
    ['an object', Buffer.from(' {"a": [1, null, {"b": "😀"}]}'), { a: [1, null, { b: '😀' }] }],
    ['a text', Buffer.from('connection refused'), { text: 'connection refused' }],
    ['a list', Buffer.from('[1]'), { text: '[1]' }],
    ['what is no JSON', Buffer.from('{"a":'), { text: '{"a":' }],
    ['what is nested too deep', Buffer.from(`{"a":${'['.repeat(17)}${']'.repeat(17)}}`), { text: `{"a":${'['.repeat(17)}${']'.repeat(17)}}` }],
    ['what PostgreSQL does not take', Buffer.from(String.raw`{"a\u0000b": "\ud800x\u0000", "__proto__": "p"}`), Object.fromEntries([['ab', '\ufffdx'], ['__proto__', 'p']])],
    ['what is no UTF-8', Buffer.from([0xff, 0x00, 0x41]), { text: '\ufffdA' }],
    ['what means something elsewhere', json({ x: `a"b $(touch x) \`id\` '; rm %n ? \\` }), { x: `a"b $(touch x) \`id\` '; rm %n ? \\` }],
  ])('may send %s', async (_what, message, details) => {
    await agent.pushStatus({ services: [status('web', { message })] });
    expect((await services())[0]!.details).toEqual(details);
  });

  it('may call a service what it likes', async () => {
    const name = `a"b $(touch x) \`id\` '; rm %n ? 😀`;
    await agent.pushStatus({ services: [status(name)] });
    expect(await names()).toEqual([name]);
  });

  it.each<[string, object]>([
    ['without a name', { service_name: '' }],
    ['with a name too long', { service_name: 'x'.repeat(201) }],
    ['with a control character in its name', { service_name: 'a\u0000b' }],
    ['without a type', { service_type: '' }],
    ['of a type that is none', { service_type: 'a b' }],
    ['with a message too long', { message: Buffer.alloc(16 * 1024 + 1, 0x20) }],
    ['with a response time below zero', { response_time: -1 }],
  ])('is refused with a service %s, and none of the message is kept', async (_what, changed) => {
    expect(await invalid(changed)).toBe('INVALID_ARGUMENT');
    expect(await names()).toEqual([]);
  });

  it('is told what was wrong', async () => {
    await expect(agent.pushStatus({ services: [status('web', { service_type: '', response_time: -5 })] })).rejects.toMatchObject({
      details: expect.stringMatching(/\/services\/0\/service_type: .*\/services\/0\/response_time: /),
    });
  });

  it('is refused with more services than a message has', async () => {
    const many = Array.from({ length: 257 }, (_, index) => status(`s${index}`, { message: '' }));
    expect(await refusalOf(agent.pushStatus({ services: many }))).toBe('INVALID_ARGUMENT');
    expect(await refusalOf(agent.pushStatus({ services: many.slice(1) }))).toBe('answered');
  });

  it('is refused with a message that is too large', async () => {
    const large = Array.from({ length: 20 }, (_, index) => status(`s${index}`, { message: Buffer.alloc(16 * 1024, 0x20) }));
    expect(await refusalOf(agent.pushStatus({ services: large }))).toBe('RESOURCE_EXHAUSTED');
  });

  it('has a thousand services and no more', async () => {
    const push = (from: number) => agent.pushStatus({ services: Array.from({ length: 250 }, (_, index) => status(`s${from + index}`)) });
    for (const from of [0, 250, 500, 750]) await push(from);
    expect(await refusalOf(push(1_000))).toBe('RESOURCE_EXHAUSTED');
    expect(await refusalOf(push(500))).toBe('answered');
    expect(await names()).toHaveLength(1_000);
  });

  it.each<[string, object]>([
    ['agent', { agent_id: 'another' }],
    ['site', { partition: 'bremen' }],
  ])('may not speak for another %s', async (_what, said) => {
    expect(await refusalOf(agent.pushStatus({ ...said, services: [status('web')] }))).toBe('PERMISSION_DENIED');
    expect(await refusalOf(agent.pushStatus({ services: [status('dns'), status('web', said)] }))).toBe('PERMISSION_DENIED');
    expect(await names()).toEqual([]);
    const own = { agent_id: issued.package.component_id, partition: 'hamburg' };
    expect(await refusalOf(agent.pushStatus({ ...own, services: [status('web', own)] }))).toBe('answered');
  });

  it('is asked to say hello first', async () => {
    const silent = (await agents.issue(site.id)).connect();
    expect(await refusalOf(silent.pushStatus({ services: [status('web')] }))).toBe('FAILED_PRECONDITION');
    // Others that are written with it are not kept from it.
    const both = await Promise.all([refusalOf(silent.pushStatus({ services: [status('web')] })), refusalOf(agent.pushStatus({ services: [status('web')] }))]);
    expect(both).toEqual(['FAILED_PRECONDITION', 'answered']);
  });

  it('of another tenant is on its own record, whatever its site and name are', async () => {
    const other = await app.tenant('Other');
    const theirs = await ok(other.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
    const their = new AgentsOfSite(other.api);
    const { agent: stranger } = await their.greeted(theirs.id, issued.package.component_id);
    await Promise.all([stranger.pushStatus({ services: [status('theirs')] }), agent.pushStatus({ services: [status('ours')] })]);
    their.close();
    const kept = await em().find(AgentService, { serviceName: ['theirs', 'ours'] }, { orderBy: { serviceName: 'asc' } });
    expect(kept.map(({ serviceName, tenantId, edgeSiteId }) => [serviceName, tenantId, edgeSiteId])).toEqual([['ours', acme.id, site.id], ['theirs', other.id, theirs.id]]);
  });

  it('is refused once its package is revoked, at its next call', async () => {
    await ok(acme.api.post(`/admin/edge-packages/${issued.package.id}/revoke`));
    expect(await refusalOf(agent.pushStatus({ services: [status('web')] }))).toBe('UNAUTHENTICATED');
  });

  it('may know of fields that the gateway does not', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'later.proto');
    const text = readFileSync('libs/contracts/agent_gateway.proto', 'utf8');
    writeFileSync(file, text.replace('message GatewayServiceStatus {', 'message GatewayServiceStatus {\n  string mood = 900;\n').replace('message GatewayStatusRequest {', 'message GatewayStatusRequest {\n  bytes more = 901;\n'));
    const later = agents.keep(new Agent(issued.identity, issued.identity, file));
    rmSync(directory, { recursive: true });
    expect(await later.pushStatus({ more: Buffer.from('x'), services: [status('web', { mood: 'good' })] })).toEqual({ received: true });
    expect(await names()).toEqual(['web']);
  });
});

describe('the leaf’s own status', () => {
  const leaf = async () => em().findOneOrFail(NatsLeafServer, { edgeSiteId: site.id });
  const report = (config_checksum: unknown) => agent.pushStatus({ services: [status('nats-leaf', { service_type: 'nats_leaf', message: json({ healthz: 'ok', config_checksum }) })] });
  const reports = async () => {
    const { data } = await ok(acme.api.get<{ data: { action: string; actor: string }[] }>('/admin/audit-events?limit=200'));
    return data.filter(({ action }) => action === 'nats_leaf_server.report');
  };

  it('brings what the leaf runs to its record, and is audited when it changes', async () => {
    await report('nonsense');
    await report(null);
    for (const checksum of ['a'.repeat(64), 'a'.repeat(64), 'b'.repeat(64)]) {
      await report(checksum);
      await until(`${checksum} is on record`, async () => (await leaf()).runningChecksum === checksum);
    }
    expect((await leaf()).driftedSince).not.toBeNull();
    await until('both are audited', async () => (await reports()).length === 2);
    expect((await reports())[0]!.actor).toBe(`onboarding_package:${issued.package.id}`);
  });
});

describe('an agent that streams statuses', () => {
  const chunk = (index: number, total: number, name: string, changed: object = {}) => ({
    services: [status(name)],
    chunk_index: index,
    total_chunks: total,
    is_final: index === total - 1,
    ...changed,
  });

  it('is answered when all of them are on record', async () => {
    const stream = agent.streamStatus();
    for (const [index, name] of ['a', 'b', 'c'].entries()) await stream.send(chunk(index, 3, name));
    await stream.send(chunk(0, 1, 'd'));
    await stream.send({ services: [status('e')] });
    stream.end();
    expect(await stream.answer).toEqual({ received: true });
    expect(await names()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('finds on record what was whole when it breaks off', async () => {
    const stream = agent.streamStatus();
    await stream.send(chunk(0, 3, 'a'));
    await stream.send(chunk(1, 3, 'b'));
    await until('both are on record', async () => (await names()).length === 2);
    stream.cancel();
    expect(await refusalOf(stream.answer)).toBe('CANCELLED');
    expect(await names()).toEqual(['a', 'b']);
  });

  it.each<[string, object]>([
    ['leaves out a piece', chunk(2, 3, 'b')],
    ['sends one twice', chunk(0, 3, 'b')],
    ['sends one that is not valid', chunk(1, 3, 'b', { services: [status('')] })],
  ])('that %s is refused, and what came before is kept', async (_what, second) => {
    const stream = agent.streamStatus();
    await stream.send(chunk(0, 3, 'a'));
    await stream.send(second);
    expect(await refusalOf(stream.answer)).toBe('INVALID_ARGUMENT');
    await until('the first is on record', async () => (await names()).length === 1);
  });

  it('may not speak for another', async () => {
    const stream = agent.streamStatus();
    await stream.send(chunk(0, 2, 'a'));
    await stream.send(chunk(1, 2, 'b', { agent_id: 'another' }));
    expect(await refusalOf(stream.answer)).toBe('PERMISSION_DENIED');
  });

  it('may send more than is held in memory', async () => {
    const message = Buffer.alloc(16 * 1024, 0x20);
    const stream = agent.streamStatus();
    for (let index = 0; index < 200; index++) await stream.send({ services: Array.from({ length: 14 }, (_, at) => status(`s${at}`, { message })) });
    stream.end();
    expect(await stream.answer).toEqual({ received: true });
    expect(await names()).toHaveLength(14);
  });

  it('has four streams at a time', async () => {
    const streams = Array.from({ length: 4 }, () => agent.streamStatus());
    for (const [index, stream] of streams.entries()) await stream.send({ services: [status(`s${index}`)] });
    await until('all are open', async () => (await names()).length === 4);
    expect(await refusalOf(agent.streamStatus().answer)).toBe('RESOURCE_EXHAUSTED');
    streams.forEach((stream) => stream.end());
    await Promise.all(streams.map(({ answer }) => answer));
    const next = agent.streamStatus();
    next.end();
    expect(await next.answer).toEqual({ received: true });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['its package is revoked', () => ok(acme.api.post(`/admin/edge-packages/${issued.package.id}/revoke`))],
    ['its site is deleted', () => ok(acme.api.call('DELETE', `/admin/edge-sites/${site.id}?collectors=detach&buffered=discard`))],
  ])('is ended when %s', async (_what, work) => {
    const stream = agent.streamStatus();
    await stream.send({ services: [status('a')] });
    await until('it is open', async () => (await names()).length === 1);
    await work();
    expect(await refusalOf(stream.answer)).toBe('UNAUTHENTICATED');
  });
});

describe('while the database', () => {
  beforeAll(async () => {
    site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Bremen' }));
  });

  it('takes no changes, statuses are not received, and then they are', async () => {
    const stream = agent.streamStatus();
    await whileReadOnly(app.database, async () => {
      expect(await refusalOf(agent.pushStatus({ services: [status('web')] }))).toBe('UNAVAILABLE');
      await stream.send({ services: [status('web')] });
      stream.end();
      expect(await refusalOf(stream.answer)).toBe('UNAVAILABLE');
    });
    await until('they are received again', () => agent.pushStatus({ services: [status('web')] }));
    expect(await names()).toEqual(['web']);
  });

  it('loses connections, each status is answered as what became of it', async () => {
    const pushed: [string, Promise<string>][] = [];
    for (let round = 0; round < 10; round++) {
      for (let index = 0; index < 5; index++) pushed.push([`s${round}-${index}`, refusalOf(agent.pushStatus({ services: [status(`s${round}-${index}`)] }))]);
      await endConnections(app.database);
    }
    const answers = await Promise.all(pushed.map(async ([name, answer]) => [name, await answer] as const));
    const kept = new Set(await names());
    expect(answers.filter(([name, answer]) => answer === 'answered' && !kept.has(name))).toEqual([]);
    expect(answers.filter(([, answer]) => answer !== 'answered' && answer !== 'UNAVAILABLE')).toEqual([]);
  });
});
