import type { OidcConfig } from '../../config/index.js';
import { claimAt, isSubject, personOf } from './person.js';

const rules: OidcConfig = {
  issuer: 'https://login.example',
  audience: 'edge',
  roles: [
    { value: 'edge-platform', role: 'platform_admin' },
    { value: 'edge-admins', role: 'admin' },
    { value: 'also-admins', role: 'admin' },
    { value: 'edge-operators', role: 'operator' },
    { value: 'edge-viewers', role: 'viewer' },
  ],
  rolesClaim: 'realm_access.roles',
  tenantClaim: 'tenant',
};

const person = (claims: object, changed: Partial<OidcConfig> = {}) => personOf({ sub: 'erika', ...claims }, { ...rules, ...changed });
const withRoles = (...roles: unknown[]) => ({ realm_access: { roles } });

describe('a person', () => {
  it.each([
    [['edge-viewers'], 'viewer'],
    [['edge-operators'], 'operator'],
    [['edge-admins'], 'admin'],
    [['also-admins'], 'admin'],
    [['edge-viewers', 'edge-admins', 'edge-operators'], 'admin'],
    [['offline_access', 'edge-viewers', 'uma_authorization'], 'viewer'],
    [['edge-viewers', 'edge-viewers', 7, null, ['edge-admins'], { role: 'edge-admins' }], 'viewer'],
  ])('with the roles %j is the highest that they stand for: %s', (roles, role) => {
    expect(person({ ...withRoles(...roles), tenant: 'acme' })).toMatchObject({ role, tenants: ['acme'] });
  });

  it.each([
    ['none', {}],
    ['a claim of another form', { realm_access: 'edge-admins' }],
    ['no value that is mapped', withRoles('offline_access')],
    ['a role’s own name', withRoles('admin', 'platform_admin', 'viewer')],
    ['a value in other letters', withRoles('Edge-Admins', ' edge-admins', 'edge-admins ')],
    ['values in one text', { realm_access: { roles: 'edge-viewers edge-admins' } }],
    ['what every object inherits', withRoles('constructor', '__proto__', 'toString')],
    ['a claim of that name elsewhere', { roles: ['edge-admins'] }],
  ])('with %s has no role, and is told which claim would give one', (_what, claims) => {
    expect(() => person({ ...claims, tenant: 'acme' })).toThrow(
      expect.objectContaining({
        code: 'forbidden',
        message: 'Your access token gives you no role here: its claim "realm_access.roles" holds no value that stands for one.',
        context: { refusedPerson: { sub: 'erika', tenantId: null, reason: 'no_role' } },
      }),
    );
  });

  it('has the role that a claim of one text gives', () => {
    expect(person({ group: 'edge-admins', tenant: 'acme' }, { rolesClaim: 'group' }).role).toBe('admin');
  });

  it.each([
    ['acme', ['acme']],
    [['acme'], ['acme']],
    [['acme', 'globex', 'acme', '', 5], ['acme', 'globex']],
    ['a"b $(touch x)', ['a"b $(touch x)']],
  ])('whose tenant claim is %j has the tenants %j', (tenant, tenants) => {
    expect(person({ ...withRoles('edge-viewers'), tenant }).tenants).toEqual(tenants);
  });

  it.each([undefined, null, '', [], [''], {}, 7, { slug: 'acme' }])('whose tenant claim is %j has none, and is refused', (tenant) => {
    expect(() => person({ ...withRoles('edge-admins'), tenant })).toThrow(
      expect.objectContaining({ code: 'forbidden', context: { refusedPerson: { sub: 'erika', tenantId: null, reason: 'no_tenant' } } }),
    );
  });

  it('who is a platform admin has no tenant', () => {
    expect(person(withRoles('edge-platform'))).toMatchObject({ role: 'platform_admin', tenants: [] });
  });

  it('who is a platform admin and a tenant’s is refused: neither is taken for granted', () => {
    expect(() => person({ ...withRoles('edge-platform', 'edge-viewers'), tenant: 'acme' })).toThrow(
      expect.objectContaining({ code: 'forbidden', context: { refusedPerson: { sub: 'erika', tenantId: null, reason: 'platform_admin_of_tenant' } } }),
    );
  });

  it.each([
    [{ name: 'Erika Mustermann', email: 'erika@example.com' }, 'Erika Mustermann'],
    [{ preferred_username: 'erika.m', email: 'erika@example.com' }, 'erika.m'],
    [{ email: 'erika@example.com' }, 'erika@example.com'],
    [{ name: 'a"b $(touch x) `id` \'; rm %n 🦊' }, 'a"b $(touch x) `id` \'; rm %n 🦊'],
    [{ name: 'a\nb', email: 'erika@example.com' }, 'erika@example.com'],
    [{ name: 'x'.repeat(201) }, 'erika'],
    [{ name: '\u202eakire' }, 'erika'],
    [{ name: ['Erika'] }, 'erika'],
    [{}, 'erika'],
  ])('with the claims %j is called %j', (claims, name) => {
    expect(person({ ...withRoles('edge-viewers'), tenant: 'acme', ...claims }).name).toBe(name);
  });
});

describe('a claim', () => {
  const claims = {
    roles: ['a'],
    realm_access: { roles: ['b'] },
    resource_access: { 'edge.api': { roles: ['c'] }, edge: { roles: ['d'], api: { roles: ['e'] } } },
    'https://edge.example/roles': ['f'],
    list: [{ roles: ['g'] }],
  };

  it.each([
    ['roles', ['a']],
    ['realm_access.roles', ['b']],
    ['resource_access.edge.api.roles', ['c']],
    ['resource_access.edge.roles', ['d']],
    ['https://edge.example/roles', ['f']],
    ['list.0.roles', undefined],
    ['list.length', undefined],
    ['roles.length', undefined],
    ['realm_access', { roles: ['b'] }],
    ['realm_access.', undefined],
    ['.roles', undefined],
    ['..', undefined],
    ['__proto__', undefined],
    ['constructor.name', undefined],
    ['realm_access.constructor', undefined],
  ])('at %s is %j', (path, value) => {
    expect(claimAt(claims, path)).toEqual(value);
  });
});

describe('a subject', () => {
  it.each(['erika', 'auth0|5f7c8ec7c33c6c004bbafe82', 'a"b', '$(touch x)', "`id` '; rm %n", 'x'.repeat(255)])('may be %j', (sub) => {
    expect(isSubject(sub)).toBe(true);
  });

  it.each([undefined, null, '', 7, ['erika'], {}, 'x'.repeat(256), 'a\nb', 'a\u0000', 'erika\n', 'müller', '🦊', '\ud800'])('may not be %j', (sub) => {
    expect(isSubject(sub)).toBe(false);
  });
});
