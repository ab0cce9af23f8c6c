import { ACTIONS, type Action, ROLES, type Role, SUBJECTS, type Subject } from '#libs/contracts';
import fc from 'fast-check';
import { abilityFor, authorize, listCondition } from './index.js';

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

  it('lists exactly the objects that may be got one by one', () => {
    const tenant = fc.constantFrom('t1', 't2', null);
    fc.assert(
      fc.property(
        fc.constantFrom(...ROLES),
        tenant,
        fc.constantFrom(...SUBJECTS),
        fc.array(tenant, { maxLength: 8 }),
        (role, own, subject, objects) => {
          const got = objects.filter((object) => allowed(role, 'read', subject, own, object));
          expect(listed(role, own, subject, objects)).toEqual(got);
        },
      ),
    );
  });
});

function listed(role: Role, own: string | null, subject: Subject, objects: (string | null)[]) {
  let condition: Record<string, unknown>;
  try {
    condition = listCondition(abilityFor({ role, tenantId: own }), 'read', subject);
  } catch {
    return [];
  }
  return objects.filter((tenantId) => matches(condition, tenantId));
}

function matches(condition: Record<string, unknown>, tenantId: string | null): boolean {
  return Object.entries(condition).every(([key, value]) => {
    if (key === '$or') return (value as Record<string, unknown>[]).some((one) => matches(one, tenantId));
    if (key === '$and') return (value as Record<string, unknown>[]).every((one) => matches(one, tenantId));
    expect(key).toBe('tenantId');
    return value === tenantId;
  });
}
