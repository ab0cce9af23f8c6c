import type { Secret } from '#libs/kernel';
import type { CollectorPackage } from '#libs/model';
import type { KeyRing } from '../platform/encryption/index.js';

/** What only the collector's host may see. */
export interface CollectorSecrets {
  keyPem: Secret;
  creds: Secret;
}

type Owner = Pick<CollectorPackage, 'id' | 'tenantId'>;

const at = ({ id: rowId, tenantId }: Owner, column: string) => ({ table: 'collector_packages', column, rowId, tenantId });

export const sealCollectorSecrets = (keyRing: KeyRing, owner: Owner, { keyPem, creds }: CollectorSecrets) => ({
  keyPemCiphertext: keyRing.seal(keyPem, at(owner, 'key_pem')),
  credsCiphertext: keyRing.seal(creds, at(owner, 'creds')),
});

export const openCollectorSecrets = (
  keyRing: KeyRing,
  collector: Owner & Pick<CollectorPackage, 'keyPemCiphertext' | 'credsCiphertext'>,
): CollectorSecrets => ({
  keyPem: keyRing.open(collector.keyPemCiphertext ?? '', at(collector, 'key_pem')),
  creds: keyRing.open(collector.credsCiphertext ?? '', at(collector, 'creds')),
});
