import { ACTIONS, type Action, ROLES, type Role, SUBJECTS, type Subject } from '#libs/contracts';
import fc from 'fast-check';
import {
  type Ability,
  abilityFor,
  authorize,
  type Excess,
  excessOf,
  idleScopes,
  KEY_SCOPES,
  type Labels,
  listCondition,
  type Narrowing,
  type Owned,
  scopeOf,
} from './index.js';

const tenant = fc.constantFrom('t1', 't2', null);
const action = fc.constantFrom(...ACTIONS);
const subject = fc.constantFrom(...SUBJECTS);
const siteLabels = fc.dictionary(fc.constantFrom('a', 'b.c', 'x/y'), fc.constantFrom('1', '2', '=1', 'a=1'), { maxKeys: 2, noNullPrototype: true });
const scopes = fc.oneof(fc.constant([]), fc.subarray([...KEY_SCOPES, 'unknown:read']));
const principal = fc.record({ role: fc.constantFrom(...ROLES), tenantId: tenant, scopes, siteLabels });
const object = fc.record({ tenantId: tenant, siteLabels: fc.option(siteLabels) });

function may(ability: Ability, what: Action, of: Subject, one: Owned): boolean {
  try {
    authorize(ability, what, of, one);
    return true;
  } catch {
    return false;
  }
}

const allowed = (role: Role, action: Action, subject: Subject, own: string | null, object: string | null) => {
  try {
    authorize(abilityFor({ role, tenantId: own }), action, subject, { tenantId: object });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'forbidden' });
    return false;
  }
};

describe('access rules', () => {
  describe('in one’s own tenant', () => {
    const table: [Action, Subject, Role[]][] = [
      ['read', 'EdgeSite', ['viewer', 'operator', 'admin', 'platform_admin']],
      ['create', 'EdgeSite', ['admin', 'platform_admin']],
      ['update', 'EdgeSite', ['admin', 'platform_admin']],
      ['delete', 'EdgeSite', ['admin', 'platform_admin']],
      ['regenerate', 'NatsLeafServer', ['admin', 'platform_admin']],
      ['regenerate', 'NatsAccount', ['admin', 'platform_admin']],
      ['revoke', 'NatsAccount', ['admin', 'platform_admin']],
      ['update', 'NatsLeafServer', ['operator', 'admin', 'platform_admin']],
      ['revoke', 'NatsLeafServer', ['admin', 'platform_admin']],
      ['download', 'Bundle', ['operator', 'admin', 'platform_admin']],
      ['create', 'DownloadToken', ['operator', 'admin', 'platform_admin']],
      ['create', 'NatsCredential', ['operator', 'admin', 'platform_admin']],
      ['revoke', 'NatsCredential', ['operator', 'admin', 'platform_admin']],
      ['read', 'StreamSubjects', ['viewer', 'operator', 'admin', 'platform_admin']],
      ['update', 'StreamSubjects', ['admin', 'platform_admin']],
      ['read', 'TenantCa', ['viewer', 'operator', 'admin', 'platform_admin']],
      ['update', 'TenantCa', ['admin', 'platform_admin']],
      ['revoke', 'Certificate', ['admin', 'platform_admin']],
      ['read', 'Check', ['viewer', 'operator', 'admin', 'platform_admin']],
      ['create', 'Check', ['operator', 'admin', 'platform_admin']],
      ['update', 'Check', ['operator', 'admin', 'platform_admin']],
      ['delete', 'Check', ['operator', 'admin', 'platform_admin']],
      ['read', 'Agent', ['viewer', 'operator', 'admin', 'platform_admin']],
      ['update', 'Agent', []],
      ['create', 'ApiKey', ['admin', 'platform_admin']],
      ['read', 'AuditEvent', ['admin', 'platform_admin']],
      ['create', 'Tenant', ['platform_admin']],
      ['read', 'Tenant', ['platform_admin']],
      ['delete', 'Tenant', []],
      ['read', 'NatsOperator', ['platform_admin']],
      ['update', 'NatsOperator', ['platform_admin']],
    ];
    it.each(table)('lets exactly those %s %s who are meant to', (action, subject, roles) => {
      expect(ROLES.filter((role) => allowed(role, action, subject, 't1', 't1')).sort()).toEqual([...roles].sort());
    });
  });

  it('lets nobody but a platform admin do anything in a tenant that is not theirs', () => {
    for (const role of ROLES.filter((name) => name !== 'platform_admin'))
      for (const action of ACTIONS)
        for (const subject of SUBJECTS) expect(allowed(role, action, subject, 't1', 't2')).toBe(false);
  });

  it('lists exactly the objects that may be got one by one, to whoever asks and for whatever action', () => {
    fc.assert(
      fc.property(principal, action, subject, fc.array(object, { maxLength: 8 }), (who, what, of, objects) => {
        const ability = abilityFor(who);
        expect(listed(ability, what, of, objects)).toEqual(objects.filter((one) => may(ability, what, of, one)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a key with scopes', () => {
  it('may do what both its role and one of its scopes let it do, and nothing else', () => {
    fc.assert(
      fc.property(principal, fc.subarray([...KEY_SCOPES], { minLength: 1 }), action, subject, object, (who, scopes, what, of, one) => {
        const named = scopes.includes(scopeOf(what, of)) || scopes.includes(scopeOf('*', of));
        expect(may(abilityFor({ ...who, scopes }), what, of, one)).toBe(named && may(abilityFor({ ...who, scopes: [] }), what, of, one));
      }),
      { numRuns: 1_000 },
    );
  });

  it('may do nothing by scopes that are not known', () => {
    const ability = abilityFor({ role: 'admin', tenantId: 't1', scopes: ['*', '*:*', 'edge_sites', 'edge_sites:', 'EdgeSite:read', 'edge_sites:READ', ''] });
    for (const what of ACTIONS) for (const of of SUBJECTS) expect(may(ability, what, of, { tenantId: 't1' })).toBe(false);
  });

  it('can have a scope for each right that a role of a tenant has, and for no other', () => {
    const admin = abilityFor({ role: 'admin', tenantId: 't1' });
    const rights = SUBJECTS.flatMap((of) => ACTIONS.filter((what) => admin.can(what, of)).map((what) => scopeOf(what, of)));
    expect(KEY_SCOPES.filter((scope) => !scope.endsWith(':*'))).toEqual([...rights].sort());
    expect(KEY_SCOPES.filter((scope) => scope.endsWith(':*'))).toEqual([...new Set(rights.map((scope) => scope.replace(/\w+$/, '*')))].sort());
  });

  it('is told which of its scopes are of no use', () => {
    expect(idleScopes({ role: 'viewer', scopes: ['edge_sites:read', 'edge_sites:create', 'edge_sites:*', 'bundles:*'] })).toEqual(['edge_sites:create', 'bundles:*']);
    expect(idleScopes({ role: 'admin', scopes: ['api_keys:read', 'edge_sites:*'], siteLabels: { a: 'b' } })).toEqual(['api_keys:read']);
  });
});

describe('a key for some sites', () => {
  const east = { role: 'admin', tenantId: 't1', siteLabels: { region: 'east', line: '3' } } as const;
  const ofSites: Subject[] = ['EdgeSite', 'NatsLeafServer', 'Bundle', 'DownloadToken', 'CollectorPackage', 'OnboardingPackage', 'Check', 'Agent', 'Certificate', 'Alert'];

  it('may do what its role may to what belongs to a site with all of its labels, and to nothing else', () => {
    fc.assert(
      fc.property(principal, siteLabels.filter((labels) => Object.keys(labels).length > 0), action, subject, object, (who, labels, what, of, one) => {
        const has = Object.entries(labels).every(([key, value]) => one.siteLabels?.[key] === value);
        const whole = may(abilityFor({ ...who, siteLabels: {} }), what, of, one);
        expect(may(abilityFor({ ...who, siteLabels: labels }), what, of, one)).toBe(whole && has && ofSites.includes(of));
      }),
      { numRuns: 1_000 },
    );
  });

  it('may do nothing at all to what belongs to no site', () => {
    for (const of of SUBJECTS.filter((one) => !ofSites.includes(one)))
      for (const what of ACTIONS) expect(abilityFor(east).can(what, of)).toBe(false);
  });

  it.each([
    ['not all of them', { region: 'east' }],
    ['another value', { region: 'east', line: '33' }],
    ['a value that holds the label as text', { region: 'line=3' }],
    ['one key and value run together otherwise', { 'region=east': '', line: '3' }],
    ['none', {}],
  ])('is refused a site with %s', (_what, labels: Record<string, string>) => {
    expect(may(abilityFor(east), 'read', 'EdgeSite', { tenantId: 't1', siteLabels: labels })).toBe(false);
  });

  it('is told what it is for, in words', () => {
    expect(() => authorize(abilityFor(east), 'update', 'EdgeSite', { tenantId: 't1' }, { ...east, scopes: ['edge_sites:*'] })).toThrow(
      'Your role, with the scopes edge_sites:* and at sites with the labels region=east, line=3, does not allow you to update edge sites.',
    );
  });
});

describe('a key that makes another one', () => {
  it('makes none that may do anything that it may not do itself', () => {
    fc.assert(
      fc.property(principal, principal, action, subject, object, (maker, made, what, of, one) => {
        fc.pre(excessOf(made, maker).length === 0);
        const [wider, narrower] = [abilityFor({ ...maker, tenantId: 't1' }), abilityFor({ ...made, tenantId: 't1' })];
        expect(may(narrower, what, of, one) && !may(wider, what, of, one)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[string, Narrowing & { role: Role }, Excess[]]>([
    ['the same', { role: 'operator', scopes: ['edge_sites:*', 'bundles:download'], siteLabels: { a: 'b' } }, []],
    ['less', { role: 'viewer', scopes: ['edge_sites:read'], siteLabels: { a: 'b', c: 'd' } }, []],
    ['another role', { role: 'admin', scopes: ['edge_sites:*'], siteLabels: { a: 'b' } }, ['role']],
    ['no scopes', { role: 'viewer', scopes: [], siteLabels: { a: 'b' } }, ['scopes']],
    ['one scope more', { role: 'viewer', scopes: ['edge_sites:read', 'collectors:read'], siteLabels: { a: 'b' } }, ['scopes']],
    ['all of a kind of which it has one', { role: 'viewer', scopes: ['bundles:*'], siteLabels: { a: 'b' } }, ['scopes']],
    ['other sites', { role: 'viewer', scopes: ['edge_sites:read'], siteLabels: { a: 'c' } }, ['siteLabels']],
    ['all sites', { role: 'viewer', scopes: ['edge_sites:read'] }, ['siteLabels']],
    ['everything', { role: 'platform_admin' }, ['role', 'scopes', 'siteLabels']],
  ])('is compared with it: %s', (_what, made, excess) => {
    expect(excessOf(made, { role: 'operator', scopes: ['edge_sites:*', 'bundles:download'], siteLabels: { a: 'b' } })).toEqual(excess);
  });

  it('of a tenant makes no platform admin', () => {
    expect(excessOf({ role: 'platform_admin' }, { role: 'admin' })).toEqual(['role']);
    expect(excessOf({ role: 'platform_admin' }, { role: 'platform_admin' })).toEqual([]);
  });
});

const siteHas = (labels: Labels) => ({ labels });

function listed(ability: Ability, what: Action, of: Subject, objects: Owned[]) {
  let condition: Record<string, unknown>;
  try {
    condition = listCondition(ability, what, of, siteHas);
  } catch {
    return [];
  }
  return objects.filter((one) => matches(condition, one));
}

/** What a database would make of it. */
function matches(condition: Record<string, unknown>, one: Owned): boolean {
  return Object.entries(condition).every(([key, value]) => {
    if (key === '$or') return (value as Record<string, unknown>[]).some((each) => matches(each, one));
    if (key === '$and') return (value as Record<string, unknown>[]).every((each) => matches(each, one));
    if (key === 'labels') return Object.entries(value as Labels).every(([name, text]) => one.siteLabels?.[name] === text);
    expect(key).toBe('tenantId');
    return value === one.tenantId;
  });
}
