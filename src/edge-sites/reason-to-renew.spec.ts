import { reasonToRenew } from './reason-to-renew.js';

const NOW = new Date('2026-11-26T10:00:00Z');
const inDays = (days: number) => new Date(NOW.getTime() + days * 86_400_000);

const newest = { certExpiresAt: inDays(200), caId: 'a', trustedCaIds: ['a'] };
const cas = { active: { id: 'a', notAfter: inDays(2_000) }, trustedCaIds: ['a'] };

describe('the newest generation of a leaf', () => {
  it.each([
    ['is good', newest, cas, undefined],
    ['ends in 29 days', { ...newest, certExpiresAt: inDays(29) }, cas, 'cert_expiring_soon'],
    ['ends in 31 days', { ...newest, certExpiresAt: inDays(31) }, cas, undefined],
    ['ends with its CA', { ...newest, certExpiresAt: inDays(20) }, { ...cas, active: { id: 'a', notAfter: inDays(20) } }, undefined],
    ['does not trust the next CA', newest, { ...cas, trustedCaIds: ['a', 'b'] }, 'ca_added'],
    ['trusts the next CA', { ...newest, trustedCaIds: ['a', 'b'] }, { ...cas, trustedCaIds: ['b', 'a'] }, undefined],
    ['is of a CA that signs no more', { ...newest, trustedCaIds: ['a', 'b'] }, { active: { id: 'b', notAfter: inDays(3_000) }, trustedCaIds: ['a', 'b'] }, 'ca_replaced'],
    ['trusts a CA that has retired', { ...newest, caId: 'b', trustedCaIds: ['a', 'b'] }, { active: { id: 'b', notAfter: inDays(3_000) }, trustedCaIds: ['b'] }, undefined],
    ['is not made yet', { ...newest, certExpiresAt: null }, { ...cas, trustedCaIds: ['a', 'b'] }, undefined],
  ])('that %s', (_what, leaf, tenant, expected) => {
    expect(reasonToRenew(leaf, tenant, NOW)).toBe(expected);
  });
});
