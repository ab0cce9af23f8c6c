import type { Secret } from '#libs/kernel';
import type { OnboardingPackage } from '#libs/model';
import type { KeyRing } from '../platform/encryption/index.js';

type Owner = Pick<OnboardingPackage, 'id' | 'tenantId'>;

const at = ({ id: rowId, tenantId }: Owner) => ({ table: 'onboarding_packages', column: 'key_pem', rowId, tenantId });

export const sealComponentKey = (keyRing: KeyRing, owner: Owner, keyPem: Secret): string => keyRing.seal(keyPem, at(owner));

export const openComponentKey = (keyRing: KeyRing, found: Owner & Pick<OnboardingPackage, 'keyPemCiphertext'>): Secret =>
  keyRing.open(found.keyPemCiphertext as string, at(found));
