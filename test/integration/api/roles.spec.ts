import { Api } from '../../../lab/api.js';
import { startTestApp, type TestApp } from '../../support/app.js';

describe('a process without the role api', () => {
  let app: TestApp;
  let api: Api;
  beforeAll(async () => {
    app = await startTestApp({ ROLES: 'worker,monitor' });
    api = new Api(app.service.url, app.admin.credentials);
  });
  afterAll(() => app.close());

  it('answers for its health', async () => {
    expect((await api.get('/health/live')).status).toBe(200);
    expect((await api.get('/health/ready?verbose')).body).toHaveProperty('checks');
  });

  it.each(['/me', '/admin/tenants', '/admin/edge-sites', '/docs', '/openapi.json', '/pki/tenants/acme/crl', '/health', '/health/../me'])(
    'serves no %s, not even to a platform admin',
    async (path) => {
      const { status, body } = await api.get<{ code: string; detail: string }>(path);
      expect([status, body.code, body.detail]).toEqual([404, 'not_found', 'This process answers for its health only: the API is served by others.']);
    },
  );
});
