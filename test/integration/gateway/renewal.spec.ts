import { createPrivateKey, X509Certificate } from 'node:crypto';
import { generateKeyPair, type KeyPair } from '#libs/pki';
import { type Api, ok } from '../../../lab/api.js';
import { requestFor } from '../../../libs/pki/test-authority.js';
import type { TenantCaDto } from '../../../src/ca-roll-over/dto/tenant-ca.dto.js';
import type { EdgeSiteDto } from '../../../src/edge-sites/dto/edge-site.dto.js';
import type { OnboardingEventDto, OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { CertificateService, type SigningRequest } from '../../../src/pki/index.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { NthWrite } from '../../support/nth-write.js';
import { Agent, type AgentIdentity, identityOf, refusalOf } from './agent.js';

interface Renewed {
  certificate_pem: string;
  ca_chain_pem: string;
  not_after: string;
}

let app: TestApp;
let writes: NthWrite;
let acme: { id: string; slug: string; api: Api };
let site: EdgeSiteDto;
const agents: Agent[] = [];
/** What was signed without being on record as intended. */
const unrecorded: string[] = [];

beforeAll(async () => {
  app = await startTestApp({ ROLES: 'api,gateway' });
  writes = await NthWrite.install(app.database.ownerUrl);
  watchSigning();
  acme = await app.tenant('Acme');
  site = await ok(acme.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Hamburg' }));
});
afterEach(() => agents.splice(0).forEach((agent) => agent.close()));
afterAll(async () => {
  await writes.close();
  await app.close();
});

const sql = <T = unknown>(statement: string, ...values: unknown[]) => app.database.database.em('platform').execute<T[]>(statement, values);

/** Whenever something is signed, looks, on another connection, whether it is on record. */
function watchSigning(): void {
  const signing = app.service.app.get(CertificateService, { strict: false }) as { signAll(requests: readonly SigningRequest[], within?: never): Promise<unknown> };
  const original = signing.signAll.bind(signing);
  signing.signAll = async (requests, within) => {
    const signed = await original(requests, within);
    const ids = requests.map(({ certificate }) => certificate.id);
    // Another request for the same may have given them up by now; on record they were all the same.
    const found = await sql(`select id from certificates where id in (?) and status in ('intended', 'abandoned')`, ids);
    if (found.length !== ids.length) unrecorded.push(...ids);
    return signed;
  };
}

/** An agent, its package, and what is on record of both. */
class Component {
  private constructor(
    readonly api: Api,
    readonly id: string,
    readonly name: string,
    readonly identity: AgentIdentity,
  ) {}

  static async issue({ api } = acme, edge_site_id = site.id): Promise<Component> {
    const asked = { label: 'An agent', component_type: 'agent', component_id: `agent-${++count}`, edge_site_id };
    const issued = await ok(api.post<OnboardingPackageDto>('/admin/edge-packages', asked));
    return new Component(api, issued.id, issued.component_id, await identityOf(api, issued));
  }

  /** One that has come, with a certificate whose life is half over. */
  static async aged(...of: Parameters<typeof Component.issue>): Promise<Component> {
    const made = await Component.issue(...of);
    await made.as().hello({});
    await made.age();
    return made;
  }

  age = () => sql(`update certificates set not_before = not_before - interval '180 days', not_after = not_after - interval '180 days' where onboarding_package_id = ?`, this.id);
  /** As who has this certificate; the one of the bundle when absent. */
  as(shown: { cert: string; key: string } = this.identity): Agent {
    const agent = new Agent(this.identity, shown);
    agents.push(agent);
    return agent;
  }
  renew = (key: KeyPair | Buffer, { shown, ...said }: { shown?: { cert: string; key: string }; agent_id?: string } = {}): Promise<Renewed> => {
    const csr = Buffer.isBuffer(key) ? key : requestFor(key);
    return this.as(shown).unary('RenewCertificate')({ csr, ...said }) as Promise<unknown> as Promise<Renewed>;
  };
  now = () => ok(this.api.get<OnboardingPackageDto>(`/admin/edge-packages/${this.id}`));
  /** Oldest first. */
  certificates = () =>
    sql<{ status: string; generation: number | null; revocation_reason: string | null }>(
      `select status, generation, revocation_reason from certificates where onboarding_package_id = ? and status <> 'abandoned' order by id`,
      this.id,
    );
  statuses = async () => (await this.certificates()).map(({ status }) => status);
  events = async () =>
    (await ok(this.api.get<{ data: OnboardingEventDto[] }>(`/admin/edge-packages/${this.id}/events`))).data.map(({ event }) => event).reverse();
}

let count = 0;
const shownOf = ({ certificate_pem: cert }: Renewed, { privateKeyPem }: KeyPair) => ({ cert, key: privateKeyPem.reveal() });

describe('an agent that asks for a new certificate', () => {
  it('gets one of the same identity for its new key, by the CA of its tenant, for a year', async () => {
    const component = await Component.aged();
    const key = generateKeyPair();
    const renewed = await component.renew(key, { agent_id: component.name });
    const [before, after] = [new X509Certificate(component.identity.cert), new X509Certificate(renewed.certificate_pem)];
    expect([after.subject, after.subjectAltName, after.issuer, after.keyUsage]).toEqual([before.subject, before.subjectAltName, before.issuer, before.keyUsage]);
    expect(after.checkPrivateKey(createPrivateKey(key.privateKeyPem.reveal()))).toBe(true);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(Number(renewed.not_after) * 1000).toBe(after.validToDate.getTime());
    expect(after.validToDate.getTime()).toBeGreaterThan(Date.now() + 364 * 24 * 60 * 60 * 1000);
    expect(renewed.ca_chain_pem).toBe(component.identity.ca);
    expect((await component.now()).cert_expires_at).toBe(after.validToDate.toISOString());
    expect(await component.events()).toEqual(['issued', 'delivered', 'activated', 'renewed']);
  });

  it('may use both until it has come with the new one: the one before is revoked then', async () => {
    const component = await Component.aged();
    const key = generateKeyPair();
    const next = shownOf(await component.renew(key), key);
    expect(await refusalOf(component.as().hello({}))).toBe('answered');
    expect(await component.statuses()).toEqual(['issued', 'issued']);
    expect(await refusalOf(component.as(next).hello({}))).toBe('answered');
    expect(await component.certificates()).toMatchObject([{ status: 'revoked', revocation_reason: 'superseded' }, { status: 'issued', generation: 2 }]);
    expect(await refusalOf(component.as().hello({}))).toBe('UNAUTHENTICATED');
    expect(await refusalOf(component.as(next).hello({}))).toBe('answered');
  });

  it('renews again and again', async () => {
    const component = await Component.aged();
    let shown: { cert: string; key: string } = component.identity;
    for (let generation = 2; generation <= 4; generation++) {
      const key = generateKeyPair();
      shown = shownOf(await component.renew(key, { shown }), key);
      await component.as(shown).hello({});
      await component.age();
    }
    expect((await component.certificates()).map(({ status, generation }) => [status, generation])).toEqual([['revoked', null], ['revoked', 2], ['revoked', 3], ['issued', 4]]);
  });

  it('is answered the same when it asks again with the same request, since the answer was lost', async () => {
    const component = await Component.aged();
    const csr = requestFor(generateKeyPair());
    const first = await component.renew(csr);
    expect(await component.renew(csr)).toEqual(first);
    expect(await component.statuses()).toEqual(['issued', 'issued']);
  });

  it('gets one certificate from many requests at the same time', async () => {
    const component = await Component.aged();
    const csr = requestFor(generateKeyPair());
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => component.renew(csr)));
    const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.certificate_pem] : []));
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(await refusalOf(Promise.reject(outcome.reason as Error))).toBe('ABORTED');
    const { certificate_pem: last } = await component.renew(csr);
    expect(new Set([...answers, last]).size).toBe(1);
    expect(await component.statuses()).toEqual(['issued', 'issued']);
  });

  it('that has lost its new key gets another one an hour later: it has two certificates at most', async () => {
    const component = await Component.aged();
    const lost = generateKeyPair();
    const unused = shownOf(await component.renew(lost), lost);
    expect(await refusalOf(component.renew(generateKeyPair()))).toBe('FAILED_PRECONDITION');
    await sql(`update certificates set created_at = created_at - interval '61 minutes' where onboarding_package_id = ?`, component.id);
    const key = generateKeyPair();
    const next = shownOf(await component.renew(key), key);
    expect(await component.certificates()).toMatchObject([{ status: 'issued' }, { status: 'revoked', revocation_reason: 'superseded' }, { status: 'issued' }]);
    expect(await refusalOf(component.as(unused).hello({}))).toBe('UNAUTHENTICATED');
    expect(await refusalOf(component.as(next).hello({}))).toBe('answered');
  });
});

describe('an agent is refused a new certificate', () => {
  it('before a third of its own one’s life is over', async () => {
    const component = await Component.issue();
    await component.as().hello({});
    const refused = component.renew(generateKeyPair());
    await expect(refused).rejects.toThrow(/it can be renewed from \d{4}-/);
    expect(await refusalOf(refused)).toBe('FAILED_PRECONDITION');
  });

  it('before it has said hello', async () => {
    const component = await Component.issue();
    await component.age();
    expect(await refusalOf(component.renew(generateKeyPair()))).toBe('FAILED_PRECONDITION');
  });

  it('for the key that it has, for one that it does not hold, and for what is no request', async () => {
    const component = await Component.aged();
    const { key } = component.identity;
    const old = { publicKey: new X509Certificate(component.identity.cert).publicKey.export({ type: 'spki', format: 'der' }), privateKeyPem: { reveal: () => key } } as KeyPair;
    const requests = [requestFor(old), requestFor(generateKeyPair(), generateKeyPair()), Buffer.from('nonsense'), Buffer.alloc(0)];
    expect(await Promise.all(requests.map((csr) => refusalOf(component.renew(csr))))).toEqual(requests.map(() => 'INVALID_ARGUMENT'));
    expect(await component.statuses()).toEqual(['issued']);
  });

  it('when it says that it is another, and once its package is revoked, with all that it had', async () => {
    const component = await Component.aged();
    expect(await refusalOf(component.renew(generateKeyPair(), { agent_id: 'another' }))).toBe('PERMISSION_DENIED');
    const key = generateKeyPair();
    const next = shownOf(await component.renew(key), key);
    await ok(acme.api.post(`/admin/edge-packages/${component.id}/revoke`));
    expect(await component.statuses()).toEqual(['revoked', 'revoked']);
    for (const shown of [component.identity, next]) expect(await refusalOf(component.renew(generateKeyPair(), { shown }))).toBe('UNAUTHENTICATED');
  });
});

describe('when the tenant’s CA is another by now', () => {
  it('an agent gets a certificate of that at once, and trusts what is trusted', async () => {
    const globex = await app.tenant('Globex');
    const { id } = await ok(globex.api.post<EdgeSiteDto>('/admin/edge-sites', { name: 'Essen' }));
    const component = await Component.issue(globex, id);
    await component.as().hello({});
    const next = await ok(globex.api.post<TenantCaDto>('/admin/pki/authorities'));
    await ok(globex.api.post(`/admin/pki/authorities/${next.id}/activate`, { force: true }));
    const key = generateKeyPair();
    const renewed = await component.renew(key);
    const [own, issuer] = renewed.certificate_pem.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
    expect([issuer!.serialNumber.toLowerCase(), own!.checkIssued(issuer!)]).toEqual([next.serial_number, true]);
    expect(renewed.ca_chain_pem.match(/BEGIN/g)).toHaveLength(3);
    expect(await refusalOf(component.as(shownOf(renewed, key)).hello({}))).toBe('answered');
    expect(await component.statuses()).toEqual(['revoked', 'issued']);
    expect(await refusalOf(component.renew(generateKeyPair(), { shown: shownOf(renewed, key) }))).toBe('FAILED_PRECONDITION');
  });
});

describe('a renewal that fails at a write', () => {
  it.each(['statement', 'commit'] as const)('is done once when it is tried again, whichever %s it was, and nothing was signed that is not on record', async (moment) => {
    let failures = 0;
    for (let nth = 1, failed = true; failed; nth++) {
      const component = await Component.aged();
      const key = generateKeyPair();
      await writes.fail(moment, nth);
      const outcome = await refusalOf(component.renew(key));
      failed = await writes.stop();
      expect(outcome).toBe(failed ? 'INTERNAL' : 'answered');
      if (failed) failures++;
      const next = shownOf(await component.renew(key), key);
      expect(await component.statuses()).toEqual(['issued', 'issued']);
      expect(await refusalOf(component.as(next).hello({}))).toBe('answered');
      expect(await component.statuses()).toEqual(['revoked', 'issued']);
      expect((await component.events()).filter((event) => event === 'renewed')).toHaveLength(1);
    }
    expect(failures).toBeGreaterThanOrEqual(2);
    expect(unrecorded).toEqual([]);
  });
});
