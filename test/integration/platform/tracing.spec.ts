import { ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../../support/otlp-receiver.js';
import { startTestApp, type TestApp } from '../../support/app.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

describe('a process with a collector for traces', () => {
  let receiver: OtlpReceiver;
  let app: TestApp;
  let acme: Awaited<ReturnType<TestApp['tenant']>>;
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    app = await startTestApp({ OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.url}/`, OTEL_EXPORTER_OTLP_HEADERS: 'x-scope=edge%20team', NODE_ENV: 'test' });
    acme = await app.tenant('Acme');
  });
  afterAll(async () => {
    await app.close();
    await receiver.close();
  });

  const found = (what: string, matches: (span: ReceivedSpan) => boolean) => until(what, () => receiver.spans().find(matches));
  const call = (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`${app.service.url}/api${path}`, { ...init, headers: { authorization: `Bearer ${acme.api.credentials.key}`, 'content-type': 'application/json', ...headers } });

  it('continues the trace of the caller from the request to the job that it causes', async () => {
    const answer = await call('/admin/edge-sites', { traceparent: `00-${TRACE}-${CALLER}-01` }, { method: 'POST', body: JSON.stringify({ name: 'New York' }) });
    expect(answer.status).toBe(201);
    const request = await found('the request', ({ traceId, name }) => traceId === TRACE && name === 'POST /api/admin/edge-sites');
    expect(request).toMatchObject({
      parentSpanId: CALLER,
      kind: 2,
      attributes: { 'http.request.method': 'POST', 'http.route': '/api/admin/edge-sites', 'http.response.status_code': 201, 'serviceradar.tenant_id': acme.id },
      resource: { 'service.name': 'serviceradar-edge', 'deployment.environment.name': 'test' },
    });
    const job = await found('the job', ({ traceId, name }) => traceId === TRACE && name.startsWith('provisioning '));
    expect(job).toMatchObject({ parentSpanId: request.spanId, kind: 5, attributes: { 'messaging.destination.name': 'provisioning', 'serviceradar.attempt': 1 } });
    expect(receiver.requests[0]).toMatchObject({ url: '/v1/traces', headers: { 'content-type': 'application/json', 'x-scope': 'edge team' } });
  });

  it('keeps requests that are answered at the same time apart', async () => {
    const traces = ['1', '2', '3'].map((digit) => digit.repeat(32));
    await Promise.all(traces.map((trace) => call('/admin/edge-sites', { traceparent: `00-${trace}-${CALLER}-01` }, { method: 'POST', body: JSON.stringify({ name: `Site ${trace}` }) })));
    for (const trace of traces) {
      const request = await found('the request', ({ traceId, kind }) => traceId === trace && kind === 2);
      const job = await found('its job', ({ traceId, name }) => traceId === trace && name.startsWith('provisioning '));
      expect(job.parentSpanId).toBe(request.spanId);
    }
  });

  it('begins a trace of its own where the header is not well-formed', async () => {
    await ok(acme.api.get('/me'));
    await call('/admin/tenants', { traceparent: `00-${TRACE}-${CALLER}-01-more` });
    const { traceId, parentSpanId } = await found('the request', ({ name }) => name === 'GET /api/admin/tenants');
    expect(traceId).not.toBe(TRACE);
    expect(parentSpanId ?? '').toBe('');
  });

  it('sends nothing of a trace that the caller does not keep, or of requests for health', async () => {
    await call('/admin/api-keys', { traceparent: `00-${'5'.repeat(32)}-${CALLER}-00` });
    await call('/health/live', { traceparent: `00-${'6'.repeat(32)}-${CALLER}-01` });
    await call('/admin/api-keys', { traceparent: `00-${'7'.repeat(32)}-${CALLER}-01` });
    await found('what came last', ({ traceId }) => traceId === '7'.repeat(32));
    expect(receiver.spans().filter(({ traceId }) => /^[56]+$/.test(traceId))).toEqual([]);
  });

  it('sends no path, query, header or message', async () => {
    await call('/admin/edge-sites/made-up-id?token=made-up-token', { 'x-request-id': 'made-up-request', tracestate: 'made=up' });
    await call('/nothing/made-up-path', {});
    const { attributes } = await found('what is no operation', ({ name }) => name === 'GET none');
    expect(attributes).toMatchObject({ 'http.route': 'none', 'http.response.status_code': 404 });
    await found('the refused', ({ attributes }) => attributes['http.route'] === '/api/admin/edge-sites/:id');
    expect(JSON.stringify(receiver.requests.map(({ body }) => body))).not.toContain('made-up');
  });

  it('marks a job that failed, by the kind of its error alone', async () => {
    await app.database.asSuperuser(async (client) => {
      await client.query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'injected secret'; end $$`);
      await client.query('create trigger refuse before update on collector_packages for each row execute function refuse()');
    });
    const site = await ok(acme.api.post<{ id: string }>('/admin/edge-sites', { name: 'Paris' }));
    await ok(acme.api.post('/admin/collectors', { collector_type: 'flowgger', edge_site_id: site.id }));
    const failed = await found('the failed run', ({ name, status }) => name.startsWith('collectors ') && status.code === 2);
    expect(failed.attributes['error.type']).toEqual(expect.any(String));
    await app.database.asSuperuser((client) => client.query('drop function refuse cascade'));
    const again = await found('the next run', ({ traceId, attributes }) => traceId === failed.traceId && attributes['serviceradar.attempt'] === 2);
    expect(again.parentSpanId).toBe(failed.parentSpanId);
    expect(JSON.stringify(receiver.requests.map(({ body }) => body))).not.toContain('injected');
  });

  it('works on while the collector refuses, and sends what is left when it stops', async () => {
    receiver.status = 400;
    const refused = receiver.requests.length;
    await ok(acme.api.get('/admin/edge-sites'));
    await until('it was refused', () => receiver.requests.length > refused);
    receiver.status = 200;
    await call('/admin/edge-sites', { traceparent: `00-${'8'.repeat(32)}-${CALLER}-01` });
    await app.restart({ OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_HEADERS: '' });
    expect(receiver.spans()).toContainEqual(expect.objectContaining({ traceId: '8'.repeat(32) }));
  });

  it('sends nothing any more without one', async () => {
    const before = receiver.requests.length;
    await call('/admin/edge-sites', { traceparent: `00-${'9'.repeat(32)}-${CALLER}-01` });
    await app.restart({});
    expect(receiver.requests).toHaveLength(before);
  });
});
