/**
 * The second wall of tenancy: entities with a `tenantId` carry this filter. Its parameters come from the request's
 * principal, and a query without them fails. The third wall, row-level security, is in the migrations.
 */
export const TENANT_FILTER = 'tenant';

export type TenantFilterParams = { tenantId: string } | { platform: true };

export const tenantOwned = {
  filters: {
    [TENANT_FILTER]: {
      name: TENANT_FILTER,
      cond: (params: TenantFilterParams) => ('platform' in params ? {} : { tenantId: params.tenantId }),
      default: true,
    },
  },
};
