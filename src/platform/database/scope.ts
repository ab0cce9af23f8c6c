/** Whose rows a piece of work may see: one tenant's, or everybody's for work of the platform itself. */
export type Scope = { readonly tenantId: string } | 'platform';

export const PLATFORM: Scope = 'platform';
