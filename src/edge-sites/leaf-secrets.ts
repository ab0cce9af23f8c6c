import type { Secret } from '#libs/kernel';
import type { NatsLeafServer } from '#libs/model';
import type { KeyRing, OpenedStream } from '../platform/encryption/index.js';

/** What only the site itself may see. */
export interface LeafSecrets {
  leafKeyPem: Secret;
  serverKeyPem: Secret;
  creds: Secret;
  controlCreds: Secret;
}

type Ciphertexts = Pick<NatsLeafServer, 'leafKeyPemCiphertext' | 'serverKeyPemCiphertext' | 'credsCiphertext' | 'controlCredsCiphertext'>;

export type LeafOwner = Pick<NatsLeafServer, 'id' | 'tenantId'>;

const at = ({ id: rowId, tenantId }: LeafOwner, column: string) => ({ table: 'nats_leaf_servers', column, rowId, tenantId });

export const sealLeafSecrets = (keyRing: KeyRing, leaf: LeafOwner, secrets: LeafSecrets) => ({
  leafKeyPemCiphertext: keyRing.seal(secrets.leafKeyPem, at(leaf, 'leaf_key_pem')),
  serverKeyPemCiphertext: keyRing.seal(secrets.serverKeyPem, at(leaf, 'server_key_pem')),
  credsCiphertext: keyRing.seal(secrets.creds, at(leaf, 'creds')),
  controlCredsCiphertext: keyRing.seal(secrets.controlCreds, at(leaf, 'control_creds')),
});

export const openLeafSecrets = (keyRing: KeyRing, leaf: Ciphertexts & LeafOwner): LeafSecrets => ({
  leafKeyPem: keyRing.open(leaf.leafKeyPemCiphertext ?? '', at(leaf, 'leaf_key_pem')),
  serverKeyPem: keyRing.open(leaf.serverKeyPemCiphertext ?? '', at(leaf, 'server_key_pem')),
  creds: keyRing.open(leaf.credsCiphertext ?? '', at(leaf, 'creds')),
  controlCreds: keyRing.open(leaf.controlCredsCiphertext ?? '', at(leaf, 'control_creds')),
});

/** @param archive the tar.gz, as it is packed */
export const sealLeafBundle = (keyRing: KeyRing, leaf: LeafOwner, archive: AsyncIterable<Buffer>): Promise<Buffer> =>
  keyRing.sealStream(archive, at(leaf, 'bundle'));

/** The tar.gz. */
export const openLeafBundle = (keyRing: KeyRing, leaf: LeafOwner, bundleCiphertext: Buffer): OpenedStream =>
  keyRing.openStream(bundleCiphertext, at(leaf, 'bundle'));
