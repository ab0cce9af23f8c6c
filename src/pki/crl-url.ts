/**
 * Where the revocation list of one CA of a tenant is fetched; its certificates name it.
 * @param publicUrl without a slash at its end
 * @param ca what signs: its list stays at this address when another CA signs for the tenant
 */
export const crlUrlOf = (publicUrl: string, tenantSlug: string, ca: { serialNumber: string }): string =>
  `${publicUrl}/api/pki/tenants/${tenantSlug}/crl/${ca.serialNumber}`;
