import { type Api, ok } from '../../../lab/api.js';
import { until } from '../../../lab/until.js';
import type { MeDto } from '../../../src/api-keys/dto/api-key.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { newKey, TestIssuer } from '../../support/issuer.js';

interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let issuer: TestIssuer;
let tenant: { id: string; slug: string; api: Api };
beforeAll(async () => {
  issuer = await TestIssuer.reserve();
  app = await startTestApp({ ROLES: 'api', ...issuer.env });
  tenant = await app.tenant('Acme');
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

const token = () => issuer.token({ realm_access: { roles: ['edge-viewers'] }, tenant: tenant.slug });
const statusFor = async (key: string) => (await app.admin.as({ key }).get('/me')).status;

describe('the issuer of access tokens', () => {
  it('need not be there for the service to start and to take API keys; tokens wait for it', async () => {
    await issuer.start();
    const shown = await token();
    await issuer.stop();
    expect((await ok(tenant.api.get<MeDto>('/me'))).tenant_id).toBe(tenant.id);
    const { status, body, headers } = await app.admin.as({ key: shown }).get<Problem>('/me');
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '5']);

    await issuer.start(issuer.key);
    await until('the token is taken', async () => (await statusFor(shown)) === 200);
  });

  it('may go away: who is known by its keys gets in, and whether others should nobody knows', async () => {
    const shown = await token();
    expect(await statusFor(shown)).toBe(200);
    const other = await issuer.forge({}, {}, await newKey('ES256', 'other'));
    await issuer.stop();
    expect(await statusFor(shown)).toBe(200);
    await until('nothing is said of other keys', async () => (await statusFor(other)) === 503);
    expect(await statusFor(shown)).toBe(200);
    await issuer.start(issuer.key);
    await until('other keys are refused again', async () => (await statusFor(other)) === 401);
  });

  it.each(['ES256', 'EdDSA'] as const)('may sign with another key, of %s: old tokens do not work any more, new ones do', async (alg) => {
    const old = await token();
    expect(await statusFor(old)).toBe(200);
    await issuer.stop();
    await issuer.start(await newKey(alg, `key-of-${alg}`));
    const shown = await token();
    await until('the new key is known', async () => (await statusFor(shown)) === 200);
    expect(await statusFor(old)).toBe(401);
  });
});

describe('a service without an issuer', () => {
  it('takes no access token, and says so', async () => {
    const shown = await token();
    await app.restart(Object.fromEntries(Object.keys(issuer.env).map((name) => [name, ''])));
    const { status, body } = await app.admin.as({ key: shown }).get<Problem>('/me');
    expect([status, body.detail]).toEqual([401, 'Access tokens are not taken here, as no issuer is configured. Show an API key: Authorization: Bearer sr_….']);
  });
});
