import type { Secret } from '#libs/kernel';
import type { CollectorPackage } from '#libs/model';
import type { KeyRing } from '../platform/encryption/index.js';

/** What only the collector's host may see. */
export interface CollectorSecrets {
  keyPem: Secret;
  creds: Secret;
}

const at = (rowId: string, column: string) => ({ table: 'collector_packages', column, rowId });

export const sealCollectorSecrets = (keyRing: KeyRing, packageId: string, { keyPem, creds }: CollectorSecrets) => ({
  keyPemCiphertext: keyRing.seal(keyPem, at(packageId, 'key_pem')),
  credsCiphertext: keyRing.seal(creds, at(packageId, 'creds')),
});

export const openCollectorSecrets = (
  keyRing: KeyRing,
  { id, keyPemCiphertext, credsCiphertext }: Pick<CollectorPackage, 'id' | 'keyPemCiphertext' | 'credsCiphertext'>,
): CollectorSecrets => ({
  keyPem: keyRing.open(keyPemCiphertext ?? '', at(id, 'key_pem')),
  creds: keyRing.open(credsCiphertext ?? '', at(id, 'creds')),
});
