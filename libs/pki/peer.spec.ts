import { DomainError } from '#libs/kernel';
import { parseCertificate } from './certificate.js';
import type { CertificateIntent } from './intent.js';
import { type PeerRefusal, type PeerTerms, verifyPeer } from './peer.js';
import { planAgent, planCollector, planLeaf } from './profiles.js';
import { issueTo, TestAuthority } from './test-authority.js';

const acme = new TestAuthority('acme');
const terms: PeerTerms<'agent'> = {
  authorities: [{ tenant: 'acme', certificate: acme.tenant.certificate }],
  kinds: ['agent'],
  usage: 'clientAuth',
  now: new Date(),
};

const issued = (intent: CertificateIntent, issuer = acme.tenant): Buffer => parseCertificate(issueTo(intent, issuer).certificatePem).der;

const agentOf = (tenant: string, issuer = acme.tenant): Buffer =>
  issued(planAgent({ tenant, site: 'nyc', agentId: 'Agent_1.nyc', issuer }, acme.context), issuer);

function refusalOf(presented: Uint8Array, changed: Partial<PeerTerms<'agent'>> = {}): PeerRefusal {
  try {
    verifyPeer(presented, { ...terms, ...changed });
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unauthenticated') return error.context.reason as PeerRefusal;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a certificate that is shown', () => {
  it('tells who shows it', () => {
    const der = agentOf('acme');
    const { identity, certificate } = verifyPeer(der, terms);
    expect(identity).toEqual({ kind: 'agent', tenant: 'acme', site: 'nyc', agentId: 'Agent_1.nyc' });
    expect(certificate.serialNumber).toBe(parseCertificate(der).serialNumber);
  });

  it('is taken from each kind that may come, however long its name is', () => {
    const [site, tenant] = ['s'.repeat(40), 'acme'];
    const shown = [
      issued(planLeaf({ tenant, site, issuer: acme.tenant }, acme.context)),
      issued(planCollector({ tenant, site, name: 'flow', issuer: acme.tenant }, acme.context)),
    ];
    const kinds = ['nats_leaf', 'collector'] as const;
    expect(shown.map((der) => verifyPeer(der, { ...terms, kinds }).identity.kind)).toEqual(kinds);
  });

  it('is taken from a CA that is coming or going, as long as it is among those of the tenant', () => {
    const next = new TestAuthority('acme');
    const both = [...terms.authorities, { tenant: 'acme', certificate: next.tenant.certificate }];
    expect(verifyPeer(agentOf('acme', next.tenant), { ...terms, authorities: both }).identity.tenant).toBe('acme');
    expect(refusalOf(agentOf('acme', next.tenant))).toBe('unknown_issuer');
  });

  it('is refused when a CA speaks for another tenant', () => {
    const authorities = [{ tenant: 'globex', certificate: acme.tenant.certificate }];
    expect(refusalOf(agentOf('acme'), { authorities })).toBe('other_tenant');
  });

  it('is refused before its time, after it, and when its CA’s is over', () => {
    const der = agentOf('acme');
    const { notBefore, notAfter } = parseCertificate(der);
    const ca = { ...acme.tenant.certificate, notBefore: new Date(0), notAfter: new Date(8_640_000_000_000_000) };
    const authorities = [{ tenant: 'acme', certificate: ca }];
    const at = (time: Date, milliseconds: number) => ({ authorities, now: new Date(time.getTime() + milliseconds) });
    expect(refusalOf(der, at(notBefore, -1))).toBe('not_yet_valid');
    expect(refusalOf(der, at(notAfter, 1))).toBe('expired');
    expect(refusalOf(der, { now: new Date(0) })).toBe('issuer_not_valid_now');
  });

  it('is refused for what it is not meant for, and from whom nobody expects', () => {
    expect(refusalOf(agentOf('acme'), { usage: 'serverAuth' })).toBe('wrong_extended_key_usage');
    expect(refusalOf(issued(planLeaf({ tenant: 'acme', site: 'nyc', issuer: acme.tenant }, acme.context)))).toBe('wrong_kind');
  });

  it('is refused when a bit of it is another', () => {
    const der = Buffer.from(agentOf('acme'));
    der[der.length - 5]! ^= 1;
    expect(refusalOf(der)).toBe('bad_signature');
    expect(refusalOf(der.subarray(1))).toBe('unreadable');
  });
});
