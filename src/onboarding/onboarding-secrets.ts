import type { Secret } from '#libs/kernel';
import type { OnboardingPackage } from '#libs/model';
import type { KeyRing } from '../platform/encryption/index.js';

const at = (rowId: string) => ({ table: 'onboarding_packages', column: 'key_pem', rowId });

export const sealComponentKey = (keyRing: KeyRing, packageId: string, keyPem: Secret): string => keyRing.seal(keyPem, at(packageId));

export const openComponentKey = (keyRing: KeyRing, { id, keyPemCiphertext }: Pick<OnboardingPackage, 'id' | 'keyPemCiphertext'>): Secret =>
  keyRing.open(keyPemCiphertext as string, at(id));
