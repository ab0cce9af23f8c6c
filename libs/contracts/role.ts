/** What a principal may be, from the most to the least: each may do what those after it may. All but `platform_admin` belong to one tenant. */
export const ROLES = ['platform_admin', 'admin', 'operator', 'viewer'] as const;

export type Role = (typeof ROLES)[number];

/** The roles that a tenant's own admin can give. */
export const TENANT_ROLES = ['admin', 'operator', 'viewer'] as const satisfies readonly Role[];

export type TenantRole = (typeof TENANT_ROLES)[number];
