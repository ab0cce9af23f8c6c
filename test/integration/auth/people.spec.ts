import type { MeDto } from '../../../src/api-keys/dto/api-key.dto.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { TestIssuer } from '../../support/issuer.js';

let app: TestApp;
let issuer: TestIssuer;
let acme: { id: string; slug: string };
beforeAll(async () => {
  issuer = await TestIssuer.reserve();
  await issuer.start();
  app = await startTestApp({ ROLES: 'api', ...issuer.env });
  acme = await app.tenant('Acme');
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

it('works', async () => {
  const key = await issuer.token({ realm_access: { roles: ['edge-admins'] }, tenant: 'acme' });
  console.log(Buffer.from(key.split('.')[0]!, 'base64url').toString(), Buffer.from(key.split('.')[1]!, 'base64url').toString());
  console.log(await app.admin.as({ key }).get<MeDto>('/me'), acme.id);
  const { access_token, id_token } = await issuer.signIn('erika', { realm_access: { roles: ['edge-viewers'] }, tenant: 'acme', name: 'Erika' });
  console.log(Buffer.from(id_token.split('.')[1]!, 'base64url').toString(), Buffer.from(access_token.split('.')[1]!, 'base64url').toString());
  console.log(await app.admin.as({ key: access_token }).get<MeDto>('/me'), acme.id);
});
