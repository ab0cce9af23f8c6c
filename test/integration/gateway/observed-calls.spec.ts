import { ok } from '../../../lab/api.js';
import { freePort } from '../../../lab/free-port.js';
import { until } from '../../../lab/until.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type OtlpReceiver, startOtlpReceiver } from '../../support/otlp-receiver.js';
import { Scraped } from '../../support/scraped.js';
import { Agent, type AgentIdentity, identityOf } from './agent.js';

describe('a call of an agent', () => {
  let receiver: OtlpReceiver;
  let app: TestApp;
  let metrics: Scraped;
  let identity: AgentIdentity;
  let agent: Agent;
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    const port = await freePort();
    app = await startTestApp({ METRICS_PORT: String(port), OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    metrics = new Scraped(port);
    const { api } = await app.tenant('Acme');
    const { id: edge_site_id } = await ok(api.post<{ id: string }>('/admin/edge-sites', { name: 'Hamburg' }));
    const asked = { label: 'An agent', component_type: 'agent', component_id: 'agent-1', edge_site_id };
    identity = await identityOf(api, await ok(api.post<OnboardingPackageDto>('/admin/edge-packages', asked)));
    agent = new Agent(identity, identity);
  });
  afterAll(async () => {
    agent.close();
    await app.close();
    await receiver.close();
  });

  const counted = (code: string) => metrics.value('gateway_call_duration_seconds_count', { method: 'Hello', code });

  it('is counted by its method and what came of it', async () => {
    await agent.hello({});
    expect(await counted('OK')).toBe(1);
    await expect(agent.hello({ agent_id: 'made-up-agent' })).rejects.toMatchObject({ code: 7 });
    expect(await counted('PERMISSION_DENIED')).toBe(1);
    expect(await counted('OK')).toBe(1);
  });

  it('is a span, in which nothing stands that the agent says', async () => {
    const span = await until('the spans are there', () => receiver.spans().find(({ attributes }) => Number(attributes['rpc.grpc.status_code']) === 7));
    expect(span).toMatchObject({ name: 'gateway Hello', kind: 2, attributes: { 'rpc.system': 'grpc', 'rpc.method': 'Hello' } });
    expect(JSON.stringify(receiver.requests.map(({ body }) => body))).not.toContain('made-up');
  });
});
