/**
 * The second wall of tenancy: entities with a `tenantId` carry this filter. Its parameters come from the request's
 * principal, and a query without them fails. The third wall, row-level security, is in the migrations.
 */
export const TENANT_FILTER = 'tenant';

export type TenantFilterParams = { tenantId: string } | { platform: true };

const filterBy = <Column extends string>(column: Column) => ({
  filters: {
    [TENANT_FILTER]: {
      name: TENANT_FILTER,
      cond: (params: TenantFilterParams) => ('platform' in params ? {} : { [column]: params.tenantId }),
      default: true,
    },
  },
});

export const tenantOwned = filterBy('tenantId');

/** For the row of the tenant itself. */
export const tenantItself = filterBy('id');
