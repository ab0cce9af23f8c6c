import type { Role } from '#libs/contracts';
import { tenantOfPerson } from './tenant-of-person.js';

const acme = { id: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e71', slug: 'acme' };
const globex = { id: '01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e72', slug: 'globex' };
const known = [acme, globex];

const tenantOf = (tenants: string[], named?: string, role: Role = 'admin') => tenantOfPerson({ sub: 'erika', name: 'Erika', role, tenants }, named, known);
const refusal = (code: string, refusedPerson?: object) => expect.objectContaining({ code, context: refusedPerson === undefined ? {} : { refusedPerson: { sub: 'erika', ...refusedPerson } } });

describe('the tenant of a person', () => {
  it.each([
    ['by slug', ['acme'], undefined],
    ['by id', [acme.id], undefined],
    ['by slug and by id', ['acme', acme.id], undefined],
    ['beside one that is not there', ['gone', 'acme'], undefined],
    ['and named by slug', ['acme'], 'acme'],
    ['and named by id', ['acme'], acme.id],
    ['among several, named', ['globex', 'acme'], 'acme'],
  ])('is the one that the token holds %s', (_how, tenants, named) => {
    expect(tenantOf(tenants, named)).toBe(acme.id);
  });

  it.each([['Acme'], ['acme '], ['initech'], ['01936b1e-7d5c-7c3a-9f0e-2b8a5d1c4e99'], ['%']])('is not there when the token holds %j, whatever is named', (one) => {
    for (const named of [undefined, 'acme', one]) {
      expect(() => tenantOf([one], named)).toThrow(refusal('forbidden', { tenantId: null, reason: 'unknown_tenant' }));
    }
  });

  it('is not another’s, whose existence is not told either', () => {
    expect(() => tenantOf(['acme'], 'globex')).toThrow(refusal('not_found', { tenantId: acme.id, reason: 'foreign_tenant' }));
    expect(() => tenantOf(['acme'], 'initech')).toThrow(refusal('not_found'));
    const messages = ['globex', 'initech'].map((named) => {
      try {
        return tenantOf(['acme'], named);
      } catch (error) {
        return (error as Error).message;
      }
    });
    expect(messages[0]).toBe(messages[1]);
  });

  it('has to be named when several are theirs, of whatever role', () => {
    for (const role of ['viewer', 'operator', 'admin'] as const) {
      expect(() => tenantOf(['acme', 'globex'], undefined, role)).toThrow(expect.objectContaining({ code: 'tenant_required', message: expect.stringContaining('(acme, globex)') }));
    }
  });
});

describe('a platform admin', () => {
  it('acts in the tenant that is named, and in none otherwise', () => {
    expect(tenantOf([], undefined, 'platform_admin')).toBeNull();
    expect(tenantOf([], 'globex', 'platform_admin')).toBe(globex.id);
    expect(() => tenantOf([], 'initech', 'platform_admin')).toThrow(refusal('not_found'));
  });
});
