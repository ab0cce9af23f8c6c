import { connect, type PeerCertificate } from 'node:tls';
import { jest } from '@jest/globals';
import { parseCertificate } from '#libs/pki';
import { AgentService } from '#libs/model';
import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import { GatewayCertificate, isUsedUp } from '../../../src/gateway/gateway-certificate.js';
import { CLOCK } from '../../../src/platform/clock.js';
import { Metrics } from '../../../src/platform/metrics/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type Agent, refusalOf } from './agent.js';
import { AgentsOfSite, type IssuedAgent } from './agents-of-site.js';

const PER_MINUTE = 30;
const DAY = 24 * 60 * 60 * 1000;

let app: TestApp;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;
let agents: AgentsOfSite;
let issued: IssuedAgent;
let agent: Agent;

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,gateway', GATEWAY_RATE_LIMIT: String(PER_MINUTE), GATEWAY_STREAM_IDLE: '15' });
  acme = await app.tenant('Acme');
  site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
  agents = new AgentsOfSite(acme.api);
});
beforeEach(async () => {
  const greeted = await agents.greeted(site.id);
  [issued, agent] = [greeted, greeted.agent];
});
afterEach(() => {
  agents.close();
  jest.restoreAllMocks();
});
afterAll(() => app.close());

/** Calls for as long as calls are let through. */
const useUp = () => until('nothing is left', async () => (await refusalOf(agent.pushStatus({}))) === 'RESOURCE_EXHAUSTED', { interval: 0 });
/** A stream that says nothing, and is over. */
const opened = () => {
  const stream = agent.streamStatus();
  stream.end();
  return stream;
};

describe('an agent that calls too often', () => {
  it('is refused, and others are not', async () => {
    const { agent: other } = await agents.greeted(site.id);
    const answers = await Promise.all(Array.from({ length: PER_MINUTE + 10 }, () => refusalOf(agent.pushStatus({}))));
    // What comes back meanwhile is let through, too.
    expect(answers.filter((answer) => answer === 'answered').length).toBeGreaterThanOrEqual(PER_MINUTE - 1);
    expect(new Set(answers)).toEqual(new Set(['answered', 'RESOURCE_EXHAUSTED']));
    await until('a stream is refused', async () => {
      await useUp();
      return (await refusalOf(opened().answer)) === 'RESOURCE_EXHAUSTED';
    });
    expect(await refusalOf(other.pushStatus({}))).toBe('answered');
  });
});

describe('a stream', () => {
  it('on which nothing comes is ended', async () => {
    const stream = agent.streamStatus();
    await stream.send({ services: [{ service_name: 'a', service_type: 'tcp' }] });
    expect(await refusalOf(stream.answer)).toBe('DEADLINE_EXCEEDED');
    expect(await app.database.database.em('platform').count(AgentService, { serviceName: 'a' })).toBe(1);
  });

  it('is not ended for being made to wait', async () => {
    const stream = agent.streamStatus();
    await stream.send({ services: [{ service_name: 'b', service_type: 'tcp' }] });
    await until('the first message is taken', () => app.database.database.em('platform').count(AgentService, { serviceName: 'b' }));
    await useUp();
    await stream.send({});
    stream.end();
    // It is let on when ten have come back, the seven among them that are left to single calls: 20 s.
    for (const one of ['one', 'another']) await until(`${one} that has come back is used up`, async () => (await refusalOf(agent.pushStatus({}))) === 'answered');
    expect(await stream.answer).toEqual({ received: true });
  });

  it('is counted while it is open, and calls are by how they were answered', async () => {
    const metrics = app.service.app.get(Metrics, { strict: false });
    const streams = async () => Number(/^serviceradar_edge_gateway_streams (\d+)$/m.exec(await metrics.text())![1]);
    const stream = agent.streamStatus();
    await until('it is open', async () => (await streams()) === 1);
    stream.cancel();
    await until('it is not', async () => (await streams()) === 0);
    await refusalOf(agent.hello({ agent_id: 'another' }));
    const text = await metrics.text();
    expect(text).toMatch(/^serviceradar_edge_gateway_call_duration_seconds_count\{method="Hello",code="OK"\} [1-9]/m);
    expect(text).toMatch(/^serviceradar_edge_gateway_call_duration_seconds_count\{method="Hello",code="PERMISSION_DENIED"\} [1-9]/m);
  });
});

describe('the gateway’s own certificate', () => {
  const shown = () =>
    new Promise<PeerCertificate>((resolve, reject) => {
      const { address, serverName, ca, cert, key } = issued.identity;
      const [host, port] = address.split(':');
      const socket = connect({ host, port: Number(port), servername: serverName, ca, cert, key, ALPNProtocols: ['h2'] }, () => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      }).on('error', reject);
    });

  it('is replaced when it is good no more, for those who dial then; who is connected stays', async () => {
    const certificate = app.service.app.get(GatewayCertificate, { strict: false });
    const before = (await shown()).serialNumber;
    await certificate.renew();
    expect((await shown()).serialNumber).toBe(before);
    const stream = agent.streamStatus();
    await stream.send({});
    await app.database.asSuperuser((client) => client.query(`update certificates set status = 'revoked', revoked_at = now(), revocation_reason = 'superseded' where kind = 'service' and common_name = 'agent-gateway.serviceradar'`));
    await certificate.renew();
    expect((await shown()).serialNumber).not.toBe(before);
    await stream.send({});
    stream.end();
    expect(await stream.answer).toEqual({ received: true });
    expect(await refusalOf(issued.connect().pushStatus({}))).toBe('answered');
  });

  it('is used up before two thirds of its life', async () => {
    const pem = `-----BEGIN CERTIFICATE-----\n${(await shown()).raw.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const { notBefore, notAfter } = parseCertificate(pem);
    const after = (share: number) => new Date(notBefore.getTime() + share * (notAfter.getTime() - notBefore.getTime()));
    expect([isUsedUp(pem, notBefore), isUsedUp(pem, after(0.5)), isUsedUp(pem, after(2 / 3)), isUsedUp(pem, notAfter)]).toEqual([false, false, true, true]);
  });
});

describe('an agent whose certificate is over', () => {
  it('is refused, and its streams end', async () => {
    const stream = agent.streamStatus();
    await stream.send({});
    await agent.pushStatus({});
    const over = new Date(Date.now() + 400 * DAY);
    jest.spyOn(app.service.app.get<{ now(): Date }>(CLOCK, { strict: false }), 'now').mockImplementation(() => over);
    expect(await refusalOf(agent.pushStatus({}))).toBe('UNAUTHENTICATED');
    const send = setInterval(() => void stream.send({}), 300);
    expect(await refusalOf(stream.answer)).toBe('UNAUTHENTICATED');
    clearInterval(send);
  });
});
