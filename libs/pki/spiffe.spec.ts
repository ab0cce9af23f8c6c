import fc from 'fast-check';
import { formatSpiffeId, parseSpiffeId, type SpiffeIdentity } from './index.js';

const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const identity: fc.Arbitrary<SpiffeIdentity> = fc.oneof(
  fc.record({ kind: fc.constant('nats_leaf' as const), tenant: slug, site: slug }),
  fc.record({ kind: fc.constant('collector' as const), tenant: slug, site: slug, name: slug }),
  fc.record({ kind: fc.constant('agent' as const), tenant: slug, site: slug, agentId: fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}$/) }),
  fc.record({ kind: fc.constant('service' as const), name: slug }),
);

describe('a SPIFFE ID', () => {
  it.each<[string, SpiffeIdentity]>([
    ['spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf', { kind: 'nats_leaf', tenant: 'acme', site: 'nyc' }],
    ['spiffe://serviceradar.local/collector/acme/saas/flow', { kind: 'collector', tenant: 'acme', site: 'saas', name: 'flow' }],
    ['spiffe://serviceradar.local/agent/acme/nyc/k8s_Agent.1', { kind: 'agent', tenant: 'acme', site: 'nyc', agentId: 'k8s_Agent.1' }],
    ['spiffe://serviceradar.local/service/nats-hub', { kind: 'service', name: 'nats-hub' }],
  ])('reads and writes %s', (text, parts) => {
    expect(formatSpiffeId(parts)).toBe(text);
    expect(parseSpiffeId(text)).toEqual(parts);
  });

  it('of any identity is read back as that identity', () => {
    fc.assert(fc.property(identity, (parts) => expect(parseSpiffeId(formatSpiffeId(parts))).toEqual(parts)));
  });

  it.each([
    'spiffe://other.local/nats_leaf/acme/nyc/leaf',
    'spiffe://serviceradar.local.evil.com/nats_leaf/acme/nyc/leaf',
    'SPIFFE://serviceradar.local/nats_leaf/acme/nyc/leaf',
    'spiffe://serviceradar.local:443/nats_leaf/acme/nyc/leaf',
    'spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf/',
    'spiffe://serviceradar.local/nats_leaf/acme/nyc/leaf?x',
    'spiffe://serviceradar.local/nats_leaf/acme/nyc/other',
    'spiffe://serviceradar.local/nats_leaf/acme/nyc',
    'spiffe://serviceradar.local/nats_leaf/acme//leaf',
    'spiffe://serviceradar.local/nats_leaf/Acme/nyc/leaf',
    'spiffe://serviceradar.local/nats_leaf/acme/n%79c/leaf',
    'spiffe://serviceradar.local/agent/acme/nyc/..',
    'spiffe://serviceradar.local/agent/acme/nyc/a/b',
    'spiffe://serviceradar.local/agent/acme/nyc/a\n',
    'spiffe://serviceradar.local/agent/acme/nyc',
    'spiffe://serviceradar.local/workload/acme/nyc/x',
    'spiffe://serviceradar.local/',
    '',
  ])('is not %j', (text) => expect(parseSpiffeId(text)).toBeUndefined());

  it('is not made of a part that would change its path', () => {
    const refused: SpiffeIdentity[] = [
      { kind: 'agent', tenant: 'acme', site: 'nyc', agentId: '../../other' },
      { kind: 'agent', tenant: 'acme', site: 'nyc', agentId: '..' },
      { kind: 'nats_leaf', tenant: 'acme/nyc', site: 'nyc' },
      { kind: 'collector', tenant: 'acme', site: '', name: 'flow' },
      { kind: 'service', name: 'Hub' },
    ];
    for (const parts of refused) expect(() => formatSpiffeId(parts)).toThrow(expect.objectContaining({ code: 'profile_violation' }));
  });
});
